import { sql } from 'kysely'
import { flavours, INDEXED_CHARACTERS } from '../sql/flavours.ts'
import type { Migration } from './migrate.ts'

/**
 * The normal form of file names, by which one name is found in all its Unicode spellings. Null where the name is ASCII, which
 * has one spelling, and where no server has filled it in yet. The index holds only what the index by name does not find.
 */
export const normalNames: Migration = (db, engine) => {
  const normalName =
    engine === 'sqlite'
      ? sql.ref('normalName')
      : sql`left(${sql.ref('normalName')}, ${sql.lit(INDEXED_CHARACTERS)})`
  return [
    db.schema.alterTable('files').addColumn('normalName', flavours[engine].columnTypes.text),
    db.schema
      .createIndex('filesByNormalName')
      .on('files')
      .expression(sql`${sql.ref('projectId')}, ${normalName}, ${sql.ref('id')}`)
      .where(sql.ref('state'), '=', sql.lit('stored'))
      .where(sql.ref('normalName'), '<>', sql.ref('name')),
    // What is left to be filled in; empty most of the time.
    db.schema
      .createIndex('filesToNormalize')
      .on('files')
      .column('id')
      .where(sql.ref('normalName'), 'is', null)
      .where(flavours[engine].byteLength('name'), '>', sql`length(${sql.ref('name')})`)
      .where(sql.ref('state'), '<>', sql.lit('deleted')),
    ...(engine === 'sqlite' ? sizesToPlanFor : forgetWhatIsStale),
  ]
}

/** A server of the release before renames a file and knows nothing of the column. Only PostgreSQL has two releases at once. */
const forgetWhatIsStale = [
  sql`create function forget_normal_name() returns trigger language plpgsql as $$ begin
    new.normal_name := null;
    return new;
  end $$`,
  sql`create trigger files_renamed before update of name on files for each row
    when (new.normal_name <> normalize(new.name)) execute function forget_normal_name()`,
]

/** See the second migration. */
const sizesToPlanFor = [
  sql`insert into sqlite_stat1 (tbl, idx, stat) values ('files', 'files_by_normal_name', '10000 100 2 1')`,
]
