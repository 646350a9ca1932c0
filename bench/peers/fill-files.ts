import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/**
 * Puts rows into the database of a server that is stopped, in one transaction: copies of the newest file, each with an id,
 * name and time of its own. They have no bytes; only what reads rows may be measured with them.
 */
export function fillFiles(dataDir: string, files: number): void {
  const db = new DatabaseSync(join(dataDir, 'entrepot.db'))
  const columns = db.prepare('select name from pragma_table_info(?)').all('files')
  const copied: Readonly<Record<string, string>> = {
    id: "printf('01900000-%04x-7%03x-8000-%012x', i % 65536, i % 4096, i)",
    name: "'file ' || i || '.pdf'",
    created_at: 'created_at - i',
    blob_key: "blob_key || '-' || i",
  }
  const names = columns.map(({ name }) => String(name))
  db.exec(`pragma synchronous = off;
    insert into files (${names.join(', ')})
    with recursive numbers(i) as (select 1 union all select i + 1 from numbers where i < ${files})
    select ${names.map((name) => copied[name] ?? name).join(', ')}
    from numbers cross join (select * from files order by created_at desc limit 1);
    pragma wal_checkpoint(truncate)`)
  db.close()
}
