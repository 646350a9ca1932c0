import { sql } from 'kysely'
import { flavours } from '../sql/flavours.ts'
import type { Migration } from './migrate.ts'

/** What happens by the hour. Servers of the release before count nothing. */
export const usageHours: Migration = ({ schema }, engine) => {
  const { integer, text } = flavours[engine].columnTypes
  const counts = ['created', 'deleted', 'requests', 'bytesIn', 'bytesOut']
  let table = schema
    .createTable('usageHours')
    .addColumn('organizationId', text, (column) => column.notNull())
    .addColumn('projectId', text, (column) => column.notNull())
    .addColumn('hour', integer, (column) => column.notNull())
    .addColumn('files', integer)
    .addColumn('bytes', integer)
    .addPrimaryKeyConstraint('usageHoursPlace', ['organizationId', 'projectId', 'hour'])
  for (const name of counts) table = table.addColumn(name, integer, (column) => column.notNull())
  return [
    engine === 'sqlite' ? table.modifyEnd(sql`strict, without rowid`) : table,
    // For removing what is kept no longer.
    schema.createIndex('usageHoursByTime').on('usageHours').column('hour'),
  ]
}
