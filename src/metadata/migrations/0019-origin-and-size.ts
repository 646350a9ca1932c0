import { sql } from 'kysely'
import { flavours } from '../sql/flavours.ts'
import type { Migration } from './migrate.ts'

/** Through which API a file came, null for those from before; and paging by size, of stored files as by name. */
export const originAndSize: Migration = ({ schema }, engine) => [
  schema.alterTable('files').addColumn('origin', flavours[engine].columnTypes.text),
  schema
    .createIndex('filesBySize')
    .on('files')
    .columns(['projectId', 'sizeBytes', 'id'])
    .where(sql.ref('state'), '=', sql.lit('stored')),
  ...(engine === 'sqlite' ? sizesToPlanFor : []),
]

/** See the second migration. Twice as many per project as they are: rows are counted by their ids, near the order in which they lie. */
const sizesToPlanFor = [
  sql`insert into sqlite_stat1 (tbl, idx, stat) values ('files', 'files_by_size', '1000000 20000 2 1')`,
]
