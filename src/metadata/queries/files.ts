import { type Kysely, type SqlBool, sql } from 'kysely'
import type { FileRecord, FileState } from '../../core/files/file.ts'
import type { FileGuard, FilePatch, NamedFile } from '../../core/ports/changes.ts'
import type { SqlFlavour } from '../sql/flavours.ts'
import { type Normalized, normalNameOf } from '../sql/normal-name.ts'
import { guarded, prepare, type Statement, statement } from '../sql/prepare.ts'
import { allOf, recordShape } from '../sql/record-shape.ts'
import type { FileRow, Tables } from '../sql/tables.ts'

export const fileShape = recordShape<FileRecord>({
  id: 'plain',
  organizationId: 'plain',
  projectId: 'plain',
  name: 'plain',
  sizeBytes: 'plain',
  mimeType: 'plain',
  purpose: 'plain',
  description: 'plain',
  labels: 'json',
  externalId: 'plain',
  alias: 'plain',
  visibility: 'plain',
  createdBy: 'plain',
  updatedBy: 'plain',
  createdAt: 'plain',
  updatedAt: 'plain',
  state: 'plain',
  storedAt: 'plain',
  uploadExpiresAt: 'plain',
  writeOnce: 'flag',
  uploadMaxBytes: 'plain',
  expectedSha256: 'plain',
  expiryPolicy: 'plain',
  ttlDays: 'plain',
  lastActiveAt: 'plain',
  expiresAt: 'plain',
  layout: 'plain',
  segmentCount: 'plain',
  joinDue: 'flag',
  blobKey: 'plain',
  blobSizeBytes: 'plain',
  sha256: 'plain',
  md5: 'plain',
  lineCount: 'plain',
  placedParts: 'plain',
  origin: 'plain',
})

export const namedShape = recordShape<NamedFile>({ id: 'plain', name: 'plain' })

const fixedFields: readonly string[] = ['id', 'organizationId', 'projectId', 'createdBy', 'origin']
const patchFields = fileShape.fields.filter((field) => !fixedFields.includes(field)) as (keyof FilePatch)[]
const guardFields = [
  'blobKey',
  'blobSizeBytes',
  'sha256',
  'sizeBytes',
  'uploadMaxBytes',
  'expiresAt',
  'updatedAt',
] as const satisfies readonly (keyof FileGuard)[]

type UpdateArgs = Readonly<Record<string, unknown>>
interface Due {
  readonly now: number
  readonly limit: number
}

/** The queries of files that a job has to look at. */
function dueQueries({ builder: db, byteLength }: SqlFlavour) {
  const files = db.selectFrom('files').select(fileShape.fields)
  return {
    // The states below are literals, for only then does a partial index serve the query.
    lapsed: prepare<Due>((arg) =>
      files
        .where('state', '=', sql.lit('pending'))
        .where('uploadExpiresAt', '<=', arg('now'))
        .orderBy('uploadExpiresAt')
        .orderBy('id')
        .limit(arg('limit')),
    ),
    expired: prepare<Due>((arg) =>
      files
        .where('state', '=', sql.lit('stored'))
        .where('expiresAt', '<=', arg('now'))
        .orderBy('expiresAt')
        .orderBy('id')
        .limit(arg('limit')),
    ),
    toJoin: prepare<{ readonly limit: number }>((arg) =>
      files.where('joinDue', '=', sql.lit(1)).orderBy('id').limit(arg('limit')),
    ),
    /** Names beyond ASCII without their normal form. The conditions are those of the index `files_to_normalize`. */
    unnormalized: prepare<{ readonly limit: number }>((arg) =>
      db
        .selectFrom('files')
        .select(namedShape.fields)
        .where('normalName', 'is', null)
        .where(byteLength('name'), '>', sql<number>`length(${sql.ref('name')})`)
        .where('state', '<>', sql.lit('deleted'))
        .orderBy('id')
        .limit(arg('limit')),
    ),
  }
}

/** The queries of single files and of those that are due. */
export function fileQueries(flavour: SqlFlavour) {
  const { builder: db, isOneOf } = flavour
  // Compiled once per set of columns.
  const inserts = new Map<number, Statement<Inserted>>()
  const updates = new Map<string, Statement<UpdateArgs>>()
  const files = db.selectFrom('files').select(fileShape.fields)
  return {
    /** Leaves out the columns that are null: a third of most rows, and each costs on its way to the engine. */
    insert(file: Inserted): [Inserted, Statement<Inserted>] {
      const key = givenIn(file)
      const known = inserts.get(key)
      if (known !== undefined) return [file, known]
      const given = insertedFields.filter((field) => file[field] !== null)
      const compiled = statement<Inserted>((arg) =>
        db.insertInto('files').values(allOf(given, arg) as FileRow),
      )
      inserts.set(key, compiled)
      return [file, compiled]
    },
    normalizeName: statement<Normalized<NamedFile>>((arg) =>
      db
        .updateTable('files')
        .set({ normalName: arg('normalName') })
        .where('id', '=', arg('id'))
        .where('name', '=', arg('name')),
    ),
    /** Of an engine that notes them. */
    forgetNameChanges: statement<{ readonly upTo: number }>((arg) =>
      db.deleteFrom('nameChanges').where('place', '<=', arg('upTo')),
    ),
    newestNames: prepare<{ readonly limit: number }>((arg) =>
      db.selectNoFrom([
        sql<number>`(select coalesce(max(rowid), 0) from files)`.as('row'),
        sql<number>`(select count(*) from (select 1 from name_changes limit ${arg('limit')}))`.as('changes'),
      ]),
    ),
    find: prepare<{ readonly id: string }>((arg) => files.where('id', '=', arg('id'))),
    ofIds: prepare<{ readonly ids: readonly string[] }>((arg) =>
      files.where(isOneOf(sql.ref('id'), arg('ids'))),
    ),
    /** The states are those of the index `files_alias`. */
    ofAlias: prepare<{ readonly projectIds: readonly string[]; readonly alias: string }>((arg) =>
      files
        .where('alias', '=', arg('alias'))
        .where(isOneOf(sql.ref('projectId'), arg('projectIds')))
        .where(sql<SqlBool>`${sql.ref('state')} in ('pending', 'stored')`),
    ),
    ...dueQueries(flavour),
    /** Changes the named fields of a row that matches the guard. @returns the arguments and the statement */
    update(id: string, guard: FileGuard, patch: FilePatch): [UpdateArgs, Statement<UpdateArgs>] {
      const { args, patched, compared } = boundUpdate(id, guard, patch)
      const key = `${patched}|${compared}`
      const known = updates.get(key)
      if (known !== undefined) return [args, known]
      const compiled = guardedUpdate(db, patched, compared)
      updates.set(key, compiled)
      return [args, compiled]
    },
  }
}

type Inserted = Normalized<FileRecord>
const insertedFields = [...fileShape.fields, 'normalName'] as const

/** Which columns of a new row have a value, as the bits of a number; there are fewer than its 53. */
function givenIn(file: Inserted): number {
  let bits = 0
  for (const field of insertedFields) bits = bits * 2 + (file[field] === null ? 0 : 1)
  return bits
}

/** The fields that are changed and compared, and their values. */
function boundUpdate(id: string, guard: FileGuard, patch: FilePatch) {
  const patched: string[] = patchFields.filter((field) => patch[field] !== undefined)
  if (patch.name !== undefined) patched.push('normalName')
  const compared = guardFields.filter((field) => guard[field] !== undefined)
  const args = {
    ...patch,
    id,
    normalName: normalNameOf(patch.name ?? ''),
    'guard:state': guard.state,
    'guard:blobKey': guard.blobKey,
    'guard:blobSizeBytes': guard.blobSizeBytes,
    'guard:sha256': guard.sha256,
    'guard:sizeBytes': guard.sizeBytes,
    'guard:uploadMaxBytes': guard.uploadMaxBytes,
    'guard:expiresAt': guard.expiresAt,
    'guard:updatedAt': guard.updatedAt,
  }
  return { args, patched, compared }
}

function guardedUpdate(
  db: Kysely<Tables>,
  patched: readonly string[],
  compared: readonly (typeof guardFields)[number][],
) {
  return guarded<UpdateArgs>((arg) => {
    // An empty patch still has to find its row.
    const columns = patched.length > 0 ? patched : ['id']
    let query = db
      .updateTable('files')
      .set(allOf(columns, arg))
      .where('id', '=', arg('id'))
      .where('state', '=', arg('guard:state') as FileState)
    for (const field of compared) {
      query = query.where(field, 'is not distinct from', arg(`guard:${field}`) as never)
    }
    return query
  })
}
