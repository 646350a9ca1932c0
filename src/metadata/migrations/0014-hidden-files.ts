import { sql } from 'kysely'
import { flavours } from '../sql/flavours.ts'
import type { Migration } from './migrate.ts'

/**
 * Files that one subject alone sees, names that clients choose, what is known of the bytes besides, and which refusals hold for
 * a key. Servers of the release before write what the new columns say unless told otherwise.
 */
export const hiddenFiles: Migration = ({ schema }, engine) => {
  const { integer, text } = flavours[engine].columnTypes
  const alter = (table: string) => schema.alterTable(table)
  const isLive = (column: string) => sql<boolean>`${sql.ref(column)} in ('pending', 'stored')`
  return [
    alter('files').addColumn('visibility', text, (column) => column.notNull().defaultTo(sql.lit('project'))),
    alter('files').addColumn('alias', text),
    alter('files').addColumn('lineCount', integer),
    alter('files').addColumn('placedParts', text),
    alter('apiKeys').addColumn('fidelity', text),
    // Most files have no alias and are hidden from nobody, so most creates pay for neither index.
    schema
      .createIndex('filesAlias')
      .unique()
      .on('files')
      .columns(['projectId', 'alias'])
      .where(sql.ref('alias'), 'is not', null)
      .where(isLive('state')),
    // State and expiry are in the index so that counting does not touch the rows.
    schema
      .createIndex('filesHidden')
      .on('files')
      .columns(['projectId', 'createdBy', 'state', 'expiresAt'])
      .where(sql.ref('visibility'), '=', sql.lit('subject'))
      .where(sql.ref('state'), '<>', sql.lit('deleted')),
    ...(engine === 'sqlite' ? sizesToPlanFor : []),
  ]
}

/** See the second migration. */
const sizesToPlanFor = [
  ['files_alias', '10000 100 1'],
  ['files_hidden', '10000 100 10 5 2'],
].map(([index, rows]) => sql`insert into sqlite_stat1 (tbl, idx, stat) values ('files', ${index}, ${rows})`)
