import type { Kysely } from 'kysely'
import { DEFAULT_SLUG } from '../../core/access/tenants.ts'
import { type Arg, type Statement, statement } from '../sql/prepare.ts'
import type { Tables, UnreferencedBlobRow } from '../sql/tables.ts'
import { releaseListed, unreferencedColumns, unreferencedValue } from './blobs.ts'

/** @property a row for blobs that are released, whatever its key */
type Reset = UnreferencedBlobRow & { readonly rootKeyName: string }

/** What makes an installation as it was after its first start, in order. The quotas of what stays are lifted. */
export function resetStatements(db: Kysely<Tables>): readonly Statement<Reset>[] {
  const kept = db.selectFrom('organizations').select('id').where('slug', '=', DEFAULT_SLUG)
  const unused = { usedFiles: 0, usedBytes: 0, quotaFiles: null, quotaBytes: null }
  const firstKey = db.selectFrom('installation').select('storeId')
  return [
    statement((arg) => releaseAllFrom(db, 'files', arg)),
    statement((arg) => releaseAllFrom(db, 'segments', arg)),
    // Of a blob that is being written, the request learns it at its end, and then gives the bytes up itself.
    statement(() => db.updateTable('unreferencedBlobs').set({ collecting: 1 }).where('intended', '=', 1)),
    statement(() =>
      db.updateTable('unreferencedBlobs').set({
        reservedOrganizationId: null,
        reservedProjectId: null,
        reservedFiles: null,
        reservedBytes: null,
      }),
    ),
    statement(() => db.deleteFrom('segments')),
    statement(() => db.deleteFrom('fileLinks')),
    statement(() => db.deleteFrom('files')),
    statement(() => db.deleteFrom('fileCounts')),
    statement(() => db.deleteFrom('usageHours')),
    statement(() => db.deleteFrom('answers')),
    statement(() => db.deleteFrom('sessions')),
    statement(() => db.deleteFrom('grantSessions')),
    statement((arg) =>
      db
        .deleteFrom('apiKeys')
        .where('id', '<>', firstKey)
        .where(({ eb, or }) => or([eb('name', '<>', arg('rootKeyName')), eb('revokedAt', 'is not', null)])),
    ),
    statement(() => db.updateTable('apiKeys').set({ revokedAt: null }).where('id', '=', firstKey)),
    statement(() =>
      db
        .deleteFrom('projects')
        .where(({ eb, or }) => or([eb('slug', '<>', DEFAULT_SLUG), eb('organizationId', 'not in', kept)])),
    ),
    statement(() => db.deleteFrom('organizations').where('slug', '<>', DEFAULT_SLUG)),
    statement(() => db.updateTable('projects').set(unused)),
    statement(() => db.updateTable('organizations').set(unused)),
  ]
}

function releaseAllFrom(db: Kysely<Tables>, table: 'files' | 'segments', arg: Arg<Reset>) {
  const rows = db
    .selectFrom(table as 'files')
    .where('blobKey', 'is not', null)
    .select(({ ref }) =>
      unreferencedColumns.map((column) =>
        (column === 'key' ? ref('blobKey') : unreferencedValue(arg, column)).as(column),
      ),
    )
  return releaseListed(db.insertInto('unreferencedBlobs').columns(unreferencedColumns).expression(rows))
}
