import { expressionBuilder, type Kysely } from 'kysely'
import type { BlobKey } from '../../core/ports/blob-store.ts'
import type { ReleasedBlob, UnreferencedBlob, UsageOf } from '../../core/ports/changes.ts'
import type { ReferencedBlob } from '../../core/ports/metadata-store.ts'
import { guarded, prepare, statement } from '../sql/prepare.ts'
import { recordShape } from '../sql/record-shape.ts'
import type { Tables, UnreferencedBlobRow } from '../sql/tables.ts'

export const unreferencedShape = recordShape<UnreferencedBlob>({ key: 'plain', collectAfter: 'plain' })

export const releasedShape = recordShape<ReleasedBlob>({
  key: 'plain',
  collectAfter: 'plain',
  mayComeLate: 'flag',
})

export const referencedShape = recordShape<ReferencedBlob>({
  key: 'plain',
  fileId: 'plain',
  sizeBytes: 'plain',
  sha256: 'plain',
})

type Intention = Omit<UnreferencedBlobRow, 'intended' | 'collecting' | 'mayComeLate'>
const noReservation = {
  reservedOrganizationId: null,
  reservedProjectId: null,
  reservedFiles: null,
  reservedBytes: null,
}

/** A blob about to be written by a node, with what is reserved for it. */
export function intention(
  blob: UnreferencedBlob,
  reserved: UsageOf | undefined,
  node: number | null,
): Intention {
  if (reserved === undefined) return { ...blob, ...noReservation, node }
  return {
    ...blob,
    node,
    reservedOrganizationId: reserved.organizationId,
    reservedProjectId: reserved.projectId,
    reservedFiles: reserved.files,
    reservedBytes: reserved.bytes,
  }
}

/** Stands for the node of a process that is alone. */
export const NOBODY = 0

interface Key {
  readonly key: BlobKey
}
interface Now {
  readonly now: number
}
interface Limit {
  readonly limit: number
}

/**
 * The queries of blobs: which keys have, had or may yet have bytes, and who points at them. What clears a reservation
 * here does not give it back; the statements that do have to come first.
 */
export function blobQueries(db: Kysely<Tables>) {
  return {
    /** Guarded, for it inserts nothing if a file points at the key already. */
    intend: guarded<Intention>((arg) =>
      db
        .insertInto('unreferencedBlobs')
        .columns([
          'key',
          'collectAfter',
          'reservedOrganizationId',
          'reservedProjectId',
          'reservedFiles',
          'reservedBytes',
          'node',
          'intended',
          'collecting',
          'mayComeLate',
        ])
        .expression(
          db
            .selectNoFrom(({ cast, val, lit }) => [
              cast<string>(val(arg('key')), 'text').as('key'),
              cast<number>(val(arg('collectAfter')), 'bigint').as('collectAfter'),
              cast<string | null>(val(arg('reservedOrganizationId')), 'text').as('reservedOrganizationId'),
              cast<string | null>(val(arg('reservedProjectId')), 'text').as('reservedProjectId'),
              cast<number | null>(val(arg('reservedFiles')), 'bigint').as('reservedFiles'),
              cast<number | null>(val(arg('reservedBytes')), 'bigint').as('reservedBytes'),
              cast<number | null>(val(arg('node')), 'bigint').as('node'),
              lit(1).as('intended'),
              lit(0).as('collecting'),
              lit(1).as('mayComeLate'),
            ])
            .where(isUnreferenced(arg('key'))),
        ),
    ),
    claim: guarded<Key>((arg) =>
      db.deleteFrom('unreferencedBlobs').where('key', '=', arg('key')).where('collecting', '=', 0),
    ),
    /**
     * Changes nothing, and so makes sure that until the commit nobody else gives the reservation of the blob back: on
     * PostgreSQL the statements after it see what whoever had the row before has made of it.
     */
    hold: statement<Key>((arg) =>
      db
        .updateTable('unreferencedBlobs')
        .set(({ ref }) => ({ collecting: ref('collecting') }))
        .where('key', '=', arg('key')),
    ),
    /** The same for all that are intended. */
    holdIntentions: statement<Now>(() =>
      db
        .updateTable('unreferencedBlobs')
        .set(({ ref }) => ({ collecting: ref('collecting') }))
        .where('intended', '=', 1),
    ),
    /**
     * Nothing if a file points at the blob after all: whoever made it may not have heard that its commit was made, and
     * gives the bytes up in error.
     */
    release: statement<ReleasedBlob>((arg) =>
      db
        .insertInto('unreferencedBlobs')
        .columns(['key', 'collectAfter', 'mayComeLate', 'intended', 'collecting'])
        .expression(
          db
            .selectNoFrom(({ cast, val, lit }) => [
              cast<string>(val(arg('key')), 'text').as('key'),
              cast<number>(val(arg('collectAfter')), 'bigint').as('collectAfter'),
              cast<number>(val(arg('mayComeLate')), 'bigint').as('mayComeLate'),
              lit(0).as('intended'),
              lit(0).as('collecting'),
            ])
            .where(isUnreferenced(arg('key'))),
        )
        .onConflict((conflict) =>
          conflict.column('key').doUpdateSet(({ case: when, ref }) => ({
            ...noReservation,
            intended: 0,
            // What is given up before any file pointed at it may have been sent more than once.
            mayComeLate: when()
              .when('unreferencedBlobs.mayComeLate', '=', 1)
              .then(1)
              .else(ref('excluded.mayComeLate'))
              .end(),
            collectAfter: when()
              .when('excluded.collectAfter', '<', ref('unreferencedBlobs.collectAfter'))
              .then(ref('excluded.collectAfter'))
              .else(ref('unreferencedBlobs.collectAfter'))
              .end(),
          })),
        ),
    ),
    collect: guarded<Key>((arg) =>
      db
        .updateTable('unreferencedBlobs')
        .set({ collecting: 1, ...noReservation })
        .where('key', '=', arg('key'))
        // A release at the very moment at which a file came to point at the blob may have listed it in error.
        .where(isUnreferenced(arg('key'))),
    ),
    collectAgain: statement<UnreferencedBlob>((arg) =>
      db
        .updateTable('unreferencedBlobs')
        .set({ mayComeLate: 0, collectAfter: arg('collectAfter') })
        .where('key', '=', arg('key')),
    ),
    forget: statement<Key>((arg) => db.deleteFrom('unreferencedBlobs').where('key', '=', arg('key'))),
    endIntentions: statement<Now>((arg) =>
      db
        .updateTable('unreferencedBlobs')
        .set(({ case: when, ref }) => ({
          ...noReservation,
          intended: 0,
          collectAfter: when()
            .when('collectAfter', '>', arg('now'))
            .then(arg('now'))
            .else(ref('collectAfter'))
            .end(),
        }))
        .where('intended', '=', 1),
    ),
    collectable: prepare<Now & Limit & { readonly releasedUntil: number }>((arg) =>
      db
        .selectFrom('unreferencedBlobs')
        .select(releasedShape.fields)
        .where('collectAfter', '<=', arg('releasedUntil'))
        .where(({ eb, or }) => or([eb('collectAfter', '<=', arg('now')), eb('intended', '=', 0)]))
        .orderBy('collectAfter')
        .orderBy('key')
        .limit(arg('limit')),
    ),
    /** Most rows are few minutes old, so that looking at all of them takes no time. */
    abandoned: prepare<Limit>((arg) =>
      db
        .selectFrom('unreferencedBlobs')
        .select(unreferencedShape.fields)
        .where('intended', '=', 1)
        .where('node', 'is not', null)
        .where(({ not, exists, selectFrom }) =>
          not(exists(selectFrom('nodes').select('id').whereRef('nodes.id', '=', 'unreferencedBlobs.node'))),
        )
        .limit(arg('limit')),
    ),
    intentions: prepare<object>(() =>
      db
        .selectFrom('unreferencedBlobs')
        .leftJoin('nodes', 'nodes.id', 'unreferencedBlobs.node')
        .select(({ fn }) => ['unreferencedBlobs.node', 'nodes.id', fn.countAll<number>().as('blobs')])
        .where('intended', '=', 1)
        .groupBy(['unreferencedBlobs.node', 'nodes.id'])
        .orderBy('unreferencedBlobs.node'),
    ),
    /** In the order of their keys. Asked for only after commits failed, so that no index is kept for it. */
    intendedBy: prepare<Limit & { readonly node: number; readonly after: BlobKey }>((arg) =>
      db
        .selectFrom('unreferencedBlobs')
        .select(unreferencedShape.fields)
        .where('intended', '=', 1)
        .where(({ fn, lit }) => fn.coalesce('node', lit(NOBODY)), '=', arg('node'))
        .where('key', '>', arg('after'))
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

/** Whether no file points at the blob. */
function isUnreferenced(key: BlobKey) {
  const eb = expressionBuilder<Tables>()
  return eb.not(eb.exists(eb.selectFrom('files').select('id').where('blobKey', '=', key)))
}
