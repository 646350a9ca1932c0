import { sql } from 'kysely'
import type { Migration } from './migrate.ts'

/** Pages of an organization's pending uploads. A file that comes whole pays nothing, for it is never pending. */
export const pendingUploads: Migration = ({ schema }, engine) => [
  // The project is in the index so that uploads of other projects are passed over without their rows.
  schema
    .createIndex('filesPending')
    .on('files')
    .columns(['organizationId', 'createdAt', 'id', 'projectId'])
    .where(sql.ref('state'), '=', sql.lit('pending')),
  ...(engine === 'sqlite' ? [sizeToPlanFor] : []),
]

/** See the second migration. */
const sizeToPlanFor = sql`insert into sqlite_stat1 (tbl, idx, stat) values ('files', 'files_pending', '10000 100 1 1 1')`
