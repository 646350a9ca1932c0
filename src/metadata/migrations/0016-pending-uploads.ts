import { sql } from 'kysely'
import type { Migration } from './migrate.ts'

/** Pages of a project's pending uploads. A file that comes whole pays nothing, for it is never pending. */
export const pendingUploads: Migration = ({ schema }, engine) => [
  schema
    .createIndex('filesPending')
    .on('files')
    .columns(['projectId', 'createdAt', 'id'])
    .where(sql.ref('state'), '=', sql.lit('pending')),
  ...(engine === 'sqlite' ? [sizeToPlanFor] : []),
]

/** See the second migration. */
const sizeToPlanFor = sql`insert into sqlite_stat1 (tbl, idx, stat) values ('files', 'files_pending', '10000 100 1 1')`
