import { sql } from 'kysely'
import type { Migration } from './migrate.ts'

/**
 * Which files got another name or ended since an index of names was made, by the numbers of their rows. The number of a change is
 * never given twice. Only SQLite has such an index.
 */
export const nameChanges: Migration = (_db, engine) => (engine === 'sqlite' ? changes : [])

const note = 'begin insert into name_changes (file) values (new.rowid); end'

const changes = [
  sql`create table name_changes (place integer primary key autoincrement, file integer not null) strict`,
  sql`${sql.raw(`create trigger files_renamed_row after update of name on files when old.name <> new.name ${note}`)}`,
  sql`${sql.raw(`create trigger files_gone after update of state on files
    when new.state = 'deleted' and old.state <> 'deleted' ${note}`)}`,
]
