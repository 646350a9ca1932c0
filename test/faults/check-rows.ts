import { hash } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { query } from '../postgres.ts'
import type { Finding } from './finding.ts'

type Row = Readonly<Record<string, string | number | bigint | Uint8Array | null>>
type Read = (text: string) => Promise<readonly Row[]>

/** Compares rows with each other, without the code that writes them. Nothing may be under way. */
export async function checkRows(dataDir: string, databaseUrl?: string): Promise<Finding[]> {
  if (databaseUrl !== undefined) return findIn((text) => query<Row>(databaseUrl, text))
  const database = new DatabaseSync(join(dataDir, 'entrepot.db'), { readOnly: true })
  try {
    return await findIn(async (text) => database.prepare(text).all() as Row[])
  } finally {
    database.close()
  }
}

async function findIn(read: Read): Promise<Finding[]> {
  const holders = ['organization', 'project']
  const quotas = await Promise.all(holders.map((holder) => checkQuotas(read, holder)))
  return [...quotas.flat(), ...(await checkSegments(read))]
}

/** Of each holder what is counted has to be what its rows add up to. */
async function checkQuotas(read: Read, holder: string): Promise<Finding[]> {
  const counted = `from files f where f.${holder}_id = h.id and f.state in ('pending', 'stored')`
  const rows = await read(`select h.id, h.used_files as files, h.used_bytes as bytes,
    (select count(*) ${counted}) as row_files, (select coalesce(sum(f.size_bytes), 0) ${counted}) as row_bytes
    from ${holder}s h`)
  return rows.flatMap(({ id, files, bytes, row_files, row_bytes }): Finding[] => {
    if (Number(files) === Number(row_files) && Number(bytes) === Number(row_bytes)) return []
    const detail = `${holder} ${id}: ${files} files and ${bytes} bytes, ${row_files} and ${row_bytes} in the rows`
    return [{ kind: 'quota-differs', detail }]
  })
}

/** The segments of a file follow each other, are all that has come, and have the bytes that they tell. */
async function checkSegments(read: Read): Promise<Finding[]> {
  const findings: Finding[] = []
  const report = (detail: string) => findings.push({ kind: 'segments-wrong', detail })
  const files = await read('select id, layout, segment_count, blob_size_bytes from files')
  const found = new Map(files.map(({ id, layout }) => [id, { layout, count: 0, end: 0 }]))
  const segments = await read(
    'select file_id, start, size_bytes, sha256, blob_key, bytes from segments order by file_id, start',
  )
  for (const { file_id, start, size_bytes, sha256, blob_key, bytes } of segments) {
    const file = found.get(file_id ?? null)
    if (file === undefined || file.layout === 'blob') {
      report(`a segment at ${start} of file ${file_id}, which has none`)
      continue
    }
    if (Number(start) !== file.end) report(`of file ${file_id}: one begins at ${start}, not at ${file.end}`)
    file.count++
    file.end += Number(size_bytes)
    if (blob_key !== null) continue
    const isRight = bytes instanceof Uint8Array && bytes.byteLength === Number(size_bytes)
    if (!isRight || hash('sha256', bytes) !== sha256) report(`of file ${file_id}: the bytes at ${start}`)
  }
  for (const { id = null, layout, segment_count, blob_size_bytes } of files) {
    const { count, end } = found.get(id) ?? { count: 0, end: 0 }
    if (layout === 'blob') continue
    if (count !== Number(segment_count) || end !== Number(blob_size_bytes))
      report(`of file ${id}: ${count} up to ${end}, not ${segment_count} up to ${blob_size_bytes}`)
  }
  return findings
}
