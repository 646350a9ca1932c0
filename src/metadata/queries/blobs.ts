import { expressionBuilder, type Kysely, sql } from 'kysely'
import type { BlobKey } from '../../core/ports/blob-store.ts'
import type { ReleasedBlob, UnreferencedBlob, UsageOf } from '../../core/ports/changes.ts'
import type { ReferencedBlob } from '../../core/ports/metadata-store.ts'
import { type Arg, guarded, prepare, statement } from '../sql/prepare.ts'
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
  start: 'plain',
  sizeBytes: 'plain',
  sha256: 'plain',
})

/** Stands for the node of a process that is alone. */
export const NOBODY = 0

const noReservation = {
  reservedOrganizationId: null,
  reservedProjectId: null,
  reservedFiles: null,
  reservedBytes: null,
}

/** A blob about to be written by a node, with what is reserved for it. */
export function intentionRow(
  blob: UnreferencedBlob,
  reserved: UsageOf | undefined,
  node: number | null,
): UnreferencedBlobRow {
  const reservation = reserved && {
    reservedOrganizationId: reserved.organizationId,
    reservedProjectId: reserved.projectId,
    reservedFiles: reserved.files,
    reservedBytes: reserved.bytes,
  }
  return {
    ...blob,
    ...noReservation,
    ...reservation,
    node,
    intended: true,
    collecting: false,
    mayComeLate: true,
  }
}

/** A blob that nobody writes any more and that was not listed before. */
export function releasedRow(blob: ReleasedBlob): UnreferencedBlobRow {
  return { ...blob, ...noReservation, node: null, intended: false, collecting: false }
}

interface Key {
  readonly key: BlobKey
}
interface Now {
  readonly now: number
}
interface Limit {
  readonly limit: number
}

/** The changes of blobs. What clears a reservation here does not give it back; the statements that do have to come first. */
export function blobChanges(db: Kysely<Tables>) {
  const unreferenced = db.updateTable('unreferencedBlobs')
  /** Locks rows by a no-op update: on PostgreSQL the statements that follow see their latest version, so a reservation is returned once. */
  const locked = unreferenced.set(({ ref }) => ({ collecting: ref('collecting') }))
  return {
    intend: guarded<UnreferencedBlobRow>((arg) => insertUnreferenced(db, arg)),
    claim: guarded<Key>((arg) =>
      db.deleteFrom('unreferencedBlobs').where('key', '=', arg('key')).where('collecting', '=', 0),
    ),
    hold: statement<Key>((arg) => locked.where('key', '=', arg('key'))),
    holdIntentions: statement<Now>(() => locked.where('intended', '=', 1)),
    /**
     * Nothing if a file points at the blob after all: whoever made it may not have heard that its commit was made, and
     * gives the bytes up in error.
     */
    release: statement<UnreferencedBlobRow>((arg) => releaseListed(insertUnreferenced(db, arg))),
    collect: guarded<Key>((arg) =>
      unreferenced
        .set({ collecting: 1, ...noReservation })
        .where('key', '=', arg('key'))
        // A release at the very moment at which a file came to point at the blob may have listed it in error.
        .where(isUnreferenced(arg('key'))),
    ),
    collectAgain: statement<UnreferencedBlob>((arg) =>
      unreferenced.set({ mayComeLate: 0, collectAfter: arg('collectAfter') }).where('key', '=', arg('key')),
    ),
    forget: statement<Key>((arg) => db.deleteFrom('unreferencedBlobs').where('key', '=', arg('key'))),
    endIntentions: statement<Now>((arg) =>
      unreferenced
        .set(({ ref }) => ({
          ...noReservation,
          intended: 0,
          collectAfter: lesser(arg('now'), ref('collectAfter')),
        }))
        .where('intended', '=', 1),
    ),
  }
}

/** Which keys have, had or may yet have bytes, and who points at them. */
export function blobQueries(db: Kysely<Tables>) {
  const unreferenced = db.selectFrom('unreferencedBlobs')
  const intended = unreferenced.select(unreferencedShape.fields).where('intended', '=', 1)
  return {
    collectable: prepare<Now & Limit & { readonly releasedUntil: number }>((arg) =>
      unreferenced
        .select(releasedShape.fields)
        .where('collectAfter', '<=', arg('releasedUntil'))
        .where(({ eb, or }) => or([eb('collectAfter', '<=', arg('now')), eb('intended', '=', 0)]))
        .orderBy('collectAfter')
        .orderBy('key')
        .limit(arg('limit')),
    ),
    /** Most rows are few minutes old, so that looking at all of them takes no time. */
    abandoned: prepare<Limit>((arg) =>
      intended
        .where('node', 'is not', null)
        .where(({ not, exists, selectFrom }) =>
          not(exists(selectFrom('nodes').select('id').whereRef('nodes.id', '=', 'unreferencedBlobs.node'))),
        )
        .limit(arg('limit')),
    ),
    intentions: prepare<object>(() =>
      unreferenced
        .leftJoin('nodes', 'nodes.id', 'unreferencedBlobs.node')
        .select(({ fn }) => ['unreferencedBlobs.node', 'nodes.id', fn.countAll<number>().as('blobs')])
        .where('intended', '=', 1)
        .groupBy(['unreferencedBlobs.node', 'nodes.id'])
        .orderBy('unreferencedBlobs.node'),
    ),
    /** In the order of their keys. Asked for only after commits failed, so that no index is kept for it. */
    intendedBy: prepare<Limit & { readonly node: number; readonly after: BlobKey }>((arg) =>
      intended
        .where(({ fn, lit }) => fn.coalesce('node', lit(NOBODY)), '=', arg('node'))
        .where('key', '>', arg('after'))
        .orderBy('key')
        .limit(arg('limit')),
    ),
    /** One query, so that a claim or release cannot move the key past it. */
    known: prepare<Key>((arg) => {
      const whole = db.selectFrom('files').select('blobKey as key').where('blobKey', '=', arg('key'))
      const segment = db.selectFrom('segments').select('blobKey as key').where('blobKey', '=', arg('key'))
      const listed = unreferenced.select('key').where('key', '=', arg('key'))
      return listed.unionAll(whole.$castTo<Key>()).unionAll(segment.$castTo<Key>())
    }),
    ...referencedQueries(db),
  }
}

/** Blobs that files point at, from the first key on if `after` is the empty text. Both in one query PostgreSQL would sort. */
function referencedQueries(db: Kysely<Tables>) {
  const blobKey = 'blobKey as key' as const
  return {
    whole: prepare<Limit & { readonly after: BlobKey }>((arg) =>
      db
        .selectFrom('files')
        .select(({ lit }) => [
          blobKey,
          'id as fileId',
          lit(null).as('start'),
          'blobSizeBytes as sizeBytes',
          'sha256',
        ])
        .where('blobKey', '>', arg('after'))
        .orderBy('blobKey')
        .limit(arg('limit')),
    ),
    segments: prepare<Limit & { readonly after: BlobKey }>((arg) =>
      db
        .selectFrom('segments')
        .select([blobKey, 'fileId', 'start', 'sizeBytes', 'sha256'])
        .where('blobKey', '>', arg('after'))
        .orderBy('blobKey')
        .limit(arg('limit')),
    ),
  }
}

/** PostgreSQL knows no types of values that are selected from nowhere. */
const columnTypes = {
  key: 'text',
  collectAfter: 'bigint',
  reservedOrganizationId: 'text',
  reservedProjectId: 'text',
  reservedFiles: 'bigint',
  reservedBytes: 'bigint',
  node: 'bigint',
  intended: 'bigint',
  collecting: 'bigint',
  mayComeLate: 'bigint',
} as const satisfies Record<keyof UnreferencedBlobRow, 'text' | 'bigint'>
export const unreferencedColumns = Object.keys(columnTypes) as (keyof UnreferencedBlobRow)[]

export function unreferencedValue(arg: Arg<UnreferencedBlobRow>, column: keyof UnreferencedBlobRow) {
  const { cast, val } = expressionBuilder<Tables>()
  return cast(val(arg(column)), columnTypes[column])
}

/** Inserts nothing if a file points at the blob. */
function insertUnreferenced(db: Kysely<Tables>, arg: Arg<UnreferencedBlobRow>) {
  const row = db
    .selectNoFrom(() => unreferencedColumns.map((column) => unreferencedValue(arg, column).as(column)))
    .where(isUnreferenced(arg('key')))
  return db.insertInto('unreferencedBlobs').columns(unreferencedColumns).expression(row)
}

type InsertUnreferenced = ReturnType<typeof insertUnreferenced>

/** What a release does to a blob that is listed already. */
export function releaseListed(insert: InsertUnreferenced) {
  return insert.onConflict((conflict) =>
    conflict.column('key').doUpdateSet(({ ref }) => ({
      ...noReservation,
      intended: 0,
      // What is given up before any file pointed at it may have been sent more than once.
      mayComeLate: sql`case when ${ref('unreferencedBlobs.mayComeLate')} = 1 then 1
        else ${ref('excluded.mayComeLate')} end`,
      collectAfter: lesser(ref('excluded.collectAfter'), ref('unreferencedBlobs.collectAfter')),
    })),
  )
}

/** Whether no file points at the blob, whole or as a segment. */
function isUnreferenced(key: BlobKey) {
  const eb = expressionBuilder<Tables>()
  return eb.and([
    eb.not(eb.exists(eb.selectFrom('files').select('id').where('blobKey', '=', key))),
    eb.not(eb.exists(eb.selectFrom('segments').select('fileId').where('blobKey', '=', key))),
  ])
}

function lesser(one: unknown, other: unknown) {
  return sql<number>`case when ${one} < ${other} then ${one} else ${other} end`
}
