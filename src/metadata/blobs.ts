import type { Kysely } from 'kysely'
import type { BlobKey } from '../core/blob-store.ts'
import type { ReferencedBlob, UnreferencedBlob } from '../core/metadata-store.ts'
import { guarded, prepare, statement } from './prepare.ts'
import { recordShape } from './record-shape.ts'
import type { Tables } from './tables.ts'

export const unreferencedShape = recordShape<UnreferencedBlob>({ key: 'plain', collectAfter: 'plain' })

export const referencedShape = recordShape<ReferencedBlob>({
  key: 'plain',
  fileId: 'plain',
  sizeBytes: 'plain',
  sha256: 'plain',
})

interface Key {
  readonly key: BlobKey
}
interface Now {
  readonly now: number
}
interface Limit {
  readonly limit: number
}

export type BlobQueries = ReturnType<typeof blobQueries>

/** The queries of blobs: which keys have, had or may yet have bytes, and who points at them. */
export function blobQueries(db: Kysely<Tables>) {
  return {
    /** Guarded, for it inserts nothing if a file points at the key already. */
    intend: guarded<UnreferencedBlob>((arg) =>
      db
        .insertInto('unreferencedBlobs')
        .columns(['key', 'collectAfter', 'intended', 'collecting'])
        .expression(
          db
            .selectNoFrom(({ cast, val, lit }) => [
              cast<string>(val(arg('key')), 'text').as('key'),
              cast<number>(val(arg('collectAfter')), 'bigint').as('collectAfter'),
              lit(1).as('intended'),
              lit(0).as('collecting'),
            ])
            .where(({ not, exists, selectFrom }) =>
              not(exists(selectFrom('files').select('id').where('blobKey', '=', arg('key')))),
            ),
        ),
    ),
    claim: guarded<Key>((arg) =>
      db.deleteFrom('unreferencedBlobs').where('key', '=', arg('key')).where('collecting', '=', 0),
    ),
    release: statement<UnreferencedBlob>((arg) =>
      db
        .insertInto('unreferencedBlobs')
        .values({ key: arg('key'), collectAfter: arg('collectAfter'), intended: 0, collecting: 0 })
        .onConflict((conflict) =>
          conflict.column('key').doUpdateSet(({ case: when, ref }) => ({
            intended: 0,
            collectAfter: when()
              .when('excluded.collectAfter', '<', ref('unreferencedBlobs.collectAfter'))
              .then(ref('excluded.collectAfter'))
              .else(ref('unreferencedBlobs.collectAfter'))
              .end(),
          })),
        ),
    ),
    collect: guarded<Key>((arg) =>
      db.updateTable('unreferencedBlobs').set({ collecting: 1 }).where('key', '=', arg('key')),
    ),
    forget: statement<Key>((arg) => db.deleteFrom('unreferencedBlobs').where('key', '=', arg('key'))),
    endIntentions: statement<Now>((arg) =>
      db
        .updateTable('unreferencedBlobs')
        .set({ collectAfter: arg('now'), intended: 0 })
        .where('intended', '=', 1)
        .where('collectAfter', '>', arg('now')),
    ),
    collectable: prepare<Now & Limit>((arg) =>
      db
        .selectFrom('unreferencedBlobs')
        .select(unreferencedShape.fields)
        .where('collectAfter', '<=', arg('now'))
        .orderBy('collectAfter')
        .orderBy('key')
        .limit(arg('limit')),
    ),
    /** One query, so that a claim or release cannot move the key past it. */
    known: prepare<Key>((arg) =>
      db
        .selectFrom('unreferencedBlobs')
        .select('key')
        .where('key', '=', arg('key'))
        .unionAll(
          db.selectFrom('files').select('blobKey as key').where('blobKey', '=', arg('key')).$castTo<Key>(),
        ),
    ),
    /** From the first key on if `after` is the empty text, which sorts before every key. */
    referenced: prepare<Limit & { readonly after: BlobKey }>((arg) =>
      db
        .selectFrom('files')
        .select(['blobKey as key', 'id as fileId', 'blobSizeBytes as sizeBytes', 'sha256'])
        .where('blobKey', '>', arg('after'))
        .orderBy('blobKey')
        .limit(arg('limit')),
    ),
  }
}
