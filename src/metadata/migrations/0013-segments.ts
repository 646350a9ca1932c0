import { sql } from 'kysely'
import { flavours } from '../sql/flavours.ts'
import type { Migration } from './migrate.ts'

/**
 * The bytes of files as lists of segments. Servers of the release before know only files of one blob, which is what the new
 * columns say unless told otherwise. On SQLite a table with rowids: without them larger bytes take twice the time.
 */
export const segments: Migration = ({ schema }, engine) => {
  const { integer, text, bytes } = flavours[engine].columnTypes
  const table = schema.createTable('segments')
  const count = (name: string) =>
    schema.alterTable('files').addColumn(name, integer, (column) => column.notNull().defaultTo(sql.lit(0)))
  return [
    (engine === 'sqlite' ? table.modifyEnd(sql`strict`) : table)
      .addColumn('fileId', text, (column) => column.notNull())
      .addColumn('start', integer, (column) => column.notNull())
      .addColumn('sizeBytes', integer, (column) => column.notNull())
      .addColumn('sha256', text, (column) => column.notNull())
      .addColumn('blobKey', text)
      .addColumn('bytes', bytes)
      .addPrimaryKeyConstraint('segmentsPlace', ['fileId', 'start']),
    schema
      .createIndex('segmentsBlob')
      .on('segments')
      .unique()
      .column('blobKey')
      .where(sql.ref('blobKey'), 'is not', null),
    schema
      .alterTable('files')
      .addColumn('layout', text, (column) => column.notNull().defaultTo(sql.lit('blob'))),
    count('segmentCount'),
    count('joinDue'),
    schema.createIndex('filesToJoin').on('files').column('id').where(sql.ref('joinDue'), '=', sql.lit(1)),
    ...(engine === 'sqlite' ? sizesToPlanFor : storedAsTheyAre),
  ]
}

/** See the second migration. */
const sizesToPlanFor = [
  ['files', 'files_to_join', '1000 1'],
  ['segments', 'sqlite_autoindex_segments_1', '1000000 2 1'],
  ['segments', 'segments_blob', '100000 1'],
].map(
  ([table, index, rows]) =>
    sql`insert into sqlite_stat1 (tbl, idx, stat) values (${table}, ${index}, ${rows})`,
)

/** Most files are compressed already. */
const storedAsTheyAre = [sql`alter table segments alter column bytes set storage external`]
