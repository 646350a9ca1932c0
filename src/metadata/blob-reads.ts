import type { MetadataStore } from '../core/ports/metadata-store.ts'
import type { SqlEngine } from './engine.ts'
import type { OwnLeases } from './own-leases.ts'
import { blobQueries, NOBODY, referencedShape, releasedShape, unreferencedShape } from './queries/blobs.ts'
import type { Query } from './sql/prepare.ts'
import type { RecordShape } from './sql/record-shape.ts'

type BlobReads = Pick<
  MetadataStore,
  | 'listCollectableBlobs'
  | 'listIntentions'
  | 'listAbandonedBlobs'
  | 'listForsakenBlobs'
  | 'knowsBlob'
  | 'listReferencedBlobs'
>

/** What the rows say of blobs, of those that a file points at and of the others. */
export function blobReads(engine: SqlEngine, leases: OwnLeases): BlobReads {
  const queries = blobQueries(engine.flavour.builder)
  async function list<R, Args>(shape: RecordShape<R>, query: Query<Args>, args: Args): Promise<readonly R[]> {
    return (await engine.read(query, args)).map((row) => shape.fromRow(row))
  }
  return {
    listCollectableBlobs: (now, limit, releasedUntil = now) =>
      list(releasedShape, queries.collectable, { now, releasedUntil, limit }),
    async listIntentions() {
      const rows = await engine.read(queries.intentions, {})
      return rows.map(([node, isAlive, blobs]) => ({
        node: node as number | null,
        isAlive: node === null || isAlive !== null,
        blobs: blobs as number,
      }))
    },
    listAbandonedBlobs: (limit) => list(unreferencedShape, queries.abandoned, { limit }),
    async listForsakenBlobs(limit) {
      // A process that has not joined the others yet intends nothing.
      if (engine.join !== undefined && engine.node === undefined) return []
      const node = engine.node?.id ?? NOBODY
      return leases.forsakenBlobs(limit, (after, limit) =>
        list(unreferencedShape, queries.intendedBy, { node, after, limit }),
      )
    },
    async knowsBlob(key) {
      return (await engine.read(queries.known, { key })).length > 0
    },
    async listReferencedBlobs(after, limit) {
      const args = { after: after ?? '', limit }
      // In this order: a segment may become the whole file in between.
      const segments = await list(referencedShape, queries.segments, args)
      const whole = await list(referencedShape, queries.whole, args)
      // Code points of hex digits are in the order of their code units.
      return [...whole, ...segments].sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, limit)
    },
  }
}
