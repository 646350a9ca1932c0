import { sql } from 'kysely'
import { flavours } from '../sql/flavours.ts'
import type { Migration } from './migrate.ts'

/** What a session tells of itself, and sessions that stand for no key: a table that servers of the release before do not ask. */
export const sessions: Migration = ({ schema }, engine) => {
  const { integer, text } = flavours[engine].columnTypes
  const table = schema.createTable('grantSessions')
  return [
    schema.alterTable('sessions').addColumn('startedAt', integer),
    schema.alterTable('sessions').addColumn('lastSeenAt', integer),
    schema.alterTable('sessions').addColumn('userAgent', text),
    (engine === 'sqlite' ? table.modifyEnd(sql`strict`) : table)
      .addColumn('hash', text, (column) => column.notNull().primaryKey())
      .addColumn('startedAt', integer, (column) => column.notNull())
      .addColumn('lastSeenAt', integer)
      .addColumn('expiresAt', integer, (column) => column.notNull())
      .addColumn('userAgent', text)
      .addColumn('organizationId', text, (column) => column.notNull().references('organizations.id'))
      .addColumn('projectIds', text, (column) => column.notNull())
      .addColumn('userId', text, (column) => column.notNull())
      .addColumn('role', text, (column) => column.notNull())
      .addColumn('scopes', text, (column) => column.notNull()),
    schema.createIndex('grantSessionsOver').on('grantSessions').column('expiresAt'),
  ]
}
