import { sql } from 'kysely'
import { flavours } from '../sql/flavours.ts'
import type { Migration } from './migrate.ts'

/**
 * How many files a project has in each state that is listed, so that a total need not be counted. Triggers keep the counts,
 * in the same transaction as the files and whoever writes them.
 */
export const fileCounts: Migration = (db, engine) => {
  const { integer, text } = flavours[engine].columnTypes
  const counts = db.schema
    .createTable('fileCounts')
    .addColumn('projectId', text, (column) => column.notNull())
    .addColumn('state', text, (column) => column.notNull())
    .addColumn('stripe', integer, (column) => column.notNull())
    .addColumn('files', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('fileCountsPlace', ['projectId', 'state', 'stripe'])
  return [
    engine === 'sqlite' ? counts.modifyEnd(sql`strict, without rowid`) : counts,
    ...(engine === 'sqlite' ? sqliteTriggers : postgresTriggers),
    sql`insert into file_counts (project_id, state, stripe, files)
      select project_id, state, 0, count(*) from files where state <> 'deleted' group by project_id, state`,
    // What has ended and was not swept yet has to be taken off the count.
    db.schema
      .createIndex('filesEnding')
      .on('files')
      .columns(['projectId', 'expiresAt'])
      .where(sql.ref('state'), '=', sql.lit('stored'))
      .where(sql.ref('expiresAt'), 'is not', null),
    ...(engine === 'sqlite' ? sizesToPlanFor : []),
  ]
}

const add = (row: 'old' | 'new', stripe: string, files: 1 | -1) => `
  insert into file_counts (project_id, state, stripe, files) values (${row}.project_id, ${row}.state, ${stripe}, ${files})
  on conflict (project_id, state, stripe) do update set files = file_counts.files + ${files};`

const sqliteTriggers = [
  sql`${sql.raw(`create trigger files_counted after insert on files when new.state <> 'deleted'
    begin ${add('new', '0', 1)} end`)}`,
  sql`${sql.raw(`create trigger files_left after update of state on files
    when old.state <> new.state and old.state <> 'deleted'
    begin ${add('old', '0', -1)} end`)}`,
  sql`${sql.raw(`create trigger files_entered after update of state on files
    when old.state <> new.state and new.state <> 'deleted'
    begin ${add('new', '0', 1)} end`)}`,
]

/** Each session counts on a stripe of its own, more or less, so that transactions do not wait for each other here. */
const STRIPES = 64
const ownStripe = `pg_backend_pid() % ${STRIPES}`

const postgresTriggers = [
  sql`${sql.raw(`create function count_files() returns trigger language plpgsql as $$ begin
    if tg_op = 'UPDATE' and old.state <> 'deleted' then ${add('old', ownStripe, -1)} end if;
    if new.state <> 'deleted' then ${add('new', ownStripe, 1)} end if;
    return null;
  end $$`)}`,
  sql`create trigger files_counted after insert on files for each row execute function count_files()`,
  sql`create trigger files_moved after update of state on files for each row
    when (old.state <> new.state) execute function count_files()`,
]

/** See the second migration. */
const sizesToPlanFor = [
  sql`insert into sqlite_stat1 (tbl, idx, stat) values ('files', 'files_ending', '1000000 10000 1')`,
]
