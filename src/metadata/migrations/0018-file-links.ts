import { sql } from 'kysely'
import { flavours } from '../sql/flavours.ts'
import type { Migration } from './migrate.ts'

/** Links that are listed and can be ended. They go with their file, whichever release ends it. */
export const fileLinks: Migration = ({ schema }, engine) => {
  const { integer, text } = flavours[engine].columnTypes
  const links = schema
    .createTable('fileLinks')
    .addColumn('id', text, (column) => column.notNull().primaryKey())
    .addColumn('fileId', text, (column) => column.notNull())
    .addColumn('createdBy', text, (column) => column.notNull())
    .addColumn('createdAt', integer, (column) => column.notNull())
    .addColumn('expiresAt', integer, (column) => column.notNull())
  return [
    engine === 'sqlite' ? links.modifyEnd(sql`strict`) : links,
    schema.createIndex('fileLinksOfFile').on('fileLinks').column('fileId'),
    schema.createIndex('fileLinksOver').on('fileLinks').column('expiresAt'),
    ...(engine === 'sqlite' ? sqliteTrigger : postgresTrigger),
  ]
}

const sqliteTrigger = [
  sql`create trigger files_unlinked after update of state on files
    when new.state = 'deleted' and old.state <> 'deleted'
    begin delete from file_links where file_id = new.id; end`,
]

const postgresTrigger = [
  sql`create function unlink_files() returns trigger language plpgsql as $$ begin
    delete from file_links where file_id = new.id;
    return null;
  end $$`,
  sql`create trigger files_unlinked after update of state on files for each row
    when (new.state = 'deleted' and old.state <> 'deleted') execute function unlink_files()`,
]
