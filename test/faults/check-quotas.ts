import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { query } from '../postgres.ts'
import type { Finding } from './finding.ts'

/** What is counted, and what the rows add up to. Reservations of bytes under way count, too. */
const COUNTS = ['organization', 'project'].map(
  (holder) => `select '${holder}' as holder, h.id, h.used_files as files, h.used_bytes as bytes,
    (select count(*) from files f where f.${holder}_id = h.id and f.state in ('pending', 'stored')) as row_files,
    (select coalesce(sum(f.size_bytes), 0) from files f
      where f.${holder}_id = h.id and f.state in ('pending', 'stored')) as row_bytes
  from ${holder}s h`,
)

type Count = Readonly<Record<string, string | number | bigint | null>>

/** Compares the counters of quotas with the rows, without the code that counts. Nothing may be under way. */
export async function checkQuotas(dataDir: string, databaseUrl?: string): Promise<Finding[]> {
  const counts: Count[] = []
  for (const text of COUNTS) counts.push(...(await rowsOf(text, dataDir, databaseUrl)))
  return counts.flatMap(({ holder, id, files, bytes, row_files, row_bytes }): Finding[] => {
    if (Number(files) === Number(row_files) && Number(bytes) === Number(row_bytes)) return []
    const detail = `${holder} ${id}: ${files} files and ${bytes} bytes, ${row_files} and ${row_bytes} in the rows`
    return [{ kind: 'quota-differs', detail }]
  })
}

async function rowsOf(text: string, dataDir: string, databaseUrl: string | undefined): Promise<Count[]> {
  if (databaseUrl !== undefined) return query<Count>(databaseUrl, text)
  const database = new DatabaseSync(join(dataDir, 'entrepot.db'), { readOnly: true })
  try {
    return database.prepare(text).all() as Count[]
  } finally {
    database.close()
  }
}
