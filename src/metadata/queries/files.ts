import { type Kysely, sql } from 'kysely'
import type { FileRecord, FileState } from '../../core/files/file.ts'
import type { FileGuard, FilePatch, NamedFile } from '../../core/ports/changes.ts'
import type { CommitPlan } from '../sql/commit-plan.ts'
import { type Normalized, normalNameOf } from '../sql/normal-name.ts'
import { type Arg, guarded, kept, prepare, type Query, type Statement, statement } from '../sql/prepare.ts'
import { recordShape } from '../sql/record-shape.ts'
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
  blobKey: 'plain',
  blobSizeBytes: 'plain',
  sha256: 'plain',
  md5: 'plain',
})

const fixedFields: readonly string[] = ['id', 'organizationId', 'projectId', 'createdBy', 'createdAt']
const patchFields = fileShape.fields.filter((field) => !fixedFields.includes(field)) as (keyof FilePatch)[]
const guardFields = ['blobKey', 'expiresAt'] as const satisfies readonly (keyof FileGuard)[]

interface Due {
  readonly now: number
  readonly limit: number
}

/** The queries of single files and of those that are due. Updates are compiled once per set of columns. */
export class FileQueries {
  readonly #db: Kysely<Tables>
  readonly #updates = new Map<string, Statement<Record<string, unknown>>>()
  readonly insert: Statement<Normalized<FileRecord>>
  readonly normalizeName: Statement<Normalized<NamedFile>>
  readonly find: Query<{ readonly id: string }>
  readonly lapsed: Query<Due>
  readonly expired: Query<Due>

  constructor(db: Kysely<Tables>) {
    this.#db = db
    this.insert = statement((arg) => db.insertInto('files').values(allOf(arg)))
    this.find = prepare((arg) => db.selectFrom('files').select(fileShape.fields).where('id', '=', arg('id')))
    // The states below are literals, for only then does a partial index serve the query.
    this.lapsed = prepare((arg) =>
      db
        .selectFrom('files')
        .select(fileShape.fields)
        .where('state', '=', sql.lit('pending'))
        .where('uploadExpiresAt', '<=', arg('now'))
        .orderBy('uploadExpiresAt')
        .orderBy('id')
        .limit(arg('limit')),
    )
    this.expired = prepare((arg) =>
      db
        .selectFrom('files')
        .select(fileShape.fields)
        .where('state', '=', sql.lit('stored'))
        .where('expiresAt', '<=', arg('now'))
        .orderBy('expiresAt')
        .orderBy('id')
        .limit(arg('limit')),
    )
    this.normalizeName = statement((arg) =>
      db
        .updateTable('files')
        .set({ normalName: arg('normalName') })
        .where('id', '=', arg('id'))
        .where('name', '=', arg('name')),
    )
  }

  /** Changes the named fields of a row that matches the guard. */
  update(plan: CommitPlan, id: string, guard: FileGuard, patch: FilePatch): CommitPlan {
    const args: Record<string, unknown> = { id, guardState: guard.state }
    const patched: (keyof FilePatch)[] = []
    for (const field of patchFields) {
      if (patch[field] === undefined) continue
      patched.push(field)
      args[field] = patch[field]
    }
    if (patch.name !== undefined) args.normalName = normalNameOf(patch.name)
    const compared: (typeof guardFields)[number][] = []
    for (const field of guardFields) {
      if (guard[field] === undefined) continue
      compared.push(field)
      args[guardName(field)] = guard[field]
    }
    const update = kept(this.#updates, `${patched}|${compared}`, () => this.#compileUpdate(patched, compared))
    return plan.add(update, args)
  }

  #compileUpdate(patched: readonly string[], compared: readonly (typeof guardFields)[number][]) {
    return guarded<Record<string, unknown>>((arg) => {
      // An empty patch still has to find its row.
      const columns = patched.length > 0 ? columnsOf(patched) : ['id']
      let query = this.#db
        .updateTable('files')
        .set(Object.fromEntries(columns.map((field) => [field, arg(field)])))
        .where('id', '=', arg('id'))
        .where('state', '=', arg('guardState') as FileState)
      for (const field of compared) {
        query = query.where(field, 'is not distinct from', arg(guardName(field)) as never)
      }
      return query
    })
  }
}

/** A new name comes with its normal form. */
function columnsOf(fields: readonly string[]): readonly string[] {
  return fields.includes('name') ? [...fields, 'normalName'] : fields
}

/** Every column, each filled by the argument of the same name. */
function allOf(arg: Arg<Normalized<FileRecord>>) {
  const columns = columnsOf(fileShape.fields) as (keyof Normalized<FileRecord>)[]
  return Object.fromEntries(columns.map((column) => [column, arg(column)])) as unknown as FileRow
}

function guardName(field: string): string {
  return `guard:${field}`
}
