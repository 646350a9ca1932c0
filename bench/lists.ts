/**
 * Measures how long lists take with 10,000 and with 1,000,000 files in one project, on SQLite and on PostgreSQL, and prints
 * the 99th percentile of each with the ratio of the two; 3 is good enough. The exit code is 1 if one is above it, or something
 * failed.
 *
 *   node bench/lists.ts [sqlite|postgres …]
 *
 * Settings: ENTREPOT_BENCH_FILES (1000000), ENTREPOT_BENCH_READS (500, of each kind). It needs about 2 GiB of disk in the
 * folder for temporary files.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { FileFilter, FilePage, MetadataStore } from '../src/core/ports/metadata-store.ts'
import { openPostgresMetadataStore } from '../src/metadata/postgres/postgres.ts'
import { openSqliteMetadataStore } from '../src/metadata/sqlite/sqlite.ts'
import { PostgresServer, query } from '../test/postgres.ts'

const FEW = 10_000
const MANY = Number(process.env.ENTREPOT_BENCH_FILES ?? 1_000_000)
const READS = Number(process.env.ENTREPOT_BENCH_READS ?? 500)
/** With this, the few files have a thousand pages, too, so that the same page is asked for of both. */
const PAGE = 10
const DEPTH_PAGES = 1000
const TARGET_RATIO = 3
const NOW = 1_790_000_000_000

/** A trigger that counts a million rows one by one in one transaction would take hours. */
const countAtOnce = `delete from file_counts; insert into file_counts (project_id, state, stripe, files)
  select project_id, state, 0, count(*) from files group by project_id, state`

interface Engine {
  readonly name: string
  readonly store: MetadataStore
  /** Runs one statement of SQL that both engines understand. */
  run(text: string): Promise<unknown>
  close(): Promise<void>
}

const openers: Readonly<Record<string, () => Promise<Engine>>> = {
  sqlite: openSqlite,
  postgres: openPostgres,
}

const names = process.argv.slice(2)
for (const name of names.length > 0 ? names : Object.keys(openers)) {
  const engine = await openers[name]?.()
  if (engine === undefined) throw new Error(`There is no engine ${name}`)
  try {
    await measure(engine)
  } finally {
    await engine.close()
  }
}
process.exit()

async function measure(engine: Engine): Promise<void> {
  await fill(engine, 'few', FEW)
  await fill(engine, 'many', MANY)
  if (engine.name === 'postgres') await engine.run('vacuum analyze')
  const few = await readsOf(engine.store, 'few')
  const many = await readsOf(engine.store, 'many')
  console.log(
    `\n${engine.name}, ${READS} reads in ms: p50 and p99 of ${FEW} files, of ${MANY} files, ratio of p99`,
  )
  for (const [kind, readFew] of Object.entries(few)) {
    const readMany = many[kind] as () => Promise<unknown>
    const [small, large] = await percentilesOf(readFew, readMany)
    const ratio = large.p99 / small.p99
    const isMet = ratio <= TARGET_RATIO
    if (!isMet) process.exitCode = 1
    const figures = [small.p50, small.p99, large.p50, large.p99, ratio].map((figure) =>
      figure.toFixed(2).padStart(8),
    )
    console.log(`${kind.padEnd(34)} ${figures.join(' ')}${isMet ? '' : '  over the target'}`)
  }
}

/**
 * `files` that are stored, and besides one upload that is pending to nine of them. Every third file will end; of the oldest
 * ten or so the end has come, and they were not swept yet.
 */
async function fill({ name, run }: Engine, projectId: string, files: number): Promise<void> {
  const begin = performance.now()
  const rows = Math.ceil((files * 10) / 9) + 30
  const numbers =
    name === 'sqlite'
      ? `with recursive numbers(i) as (select 1 union all select i + 1 from numbers where i < ${rows})`
      : `with numbers(i) as (select generate_series(1, ${rows}))`
  const ending = `case when i % 3 = 0 then ${NOW} + i - 30 end`
  if (name === 'postgres') await run('alter table files disable trigger files_counted')
  await run(`insert into files (id, organization_id, project_id, name, size_bytes, mime_type, purpose, description, labels,
      external_id, created_by, updated_by, created_at, updated_at, state, stored_at, write_once, expiry_policy, ttl_days,
      last_active_at, expires_at, blob_key, blob_size_bytes, sha256)
    ${numbers}
    select '${projectId}-' || i, 'o', '${projectId}', 'file ' || (cast(i as bigint) * 7919 % ${rows}) || '.pdf', 12345, 'application/pdf',
      'user_data', '', '{}', 'ext-' || (i % (${files} / 5)), 'u', 'u', ${NOW} + i, ${NOW} + i,
      case when i % 10 = 0 then 'pending' else 'stored' end, ${NOW} + i, 0, 'at', 0, ${NOW} + i, ${ending},
      '${projectId}-' || i, 12345, '${'a'.repeat(64)}'
    from numbers`)
  if (name === 'postgres') await run(`${countAtOnce}; alter table files enable trigger files_counted`)
  const seconds = (performance.now() - begin) / 1000
  console.log(`${name}: ${files} files and ${rows - files} other rows in ${seconds.toFixed(1)} s`)
}

async function readsOf(
  store: MetadataStore,
  projectId: string,
): Promise<Record<string, () => Promise<unknown>>> {
  const stored: FileFilter = { projectId, states: ['stored'], visibleAt: NOW }
  const all: FileFilter = { ...stored, states: ['pending', 'stored', 'cancelled', 'expired'] }
  const pageBy = (field: 'createdAt' | 'name', after?: FilePage['after']) =>
    store.pageFiles(stored, {
      order: [{ field, descending: field === 'createdAt' }],
      // One more tells whether there is a next page.
      limit: PAGE + 1,
      ...(after ? { after } : {}),
    })
  const lastOf = async (field: 'createdAt' | 'name', pages: number) => {
    let last: FilePage['after']
    for (let page = 1; page <= pages; page++) {
      last = (await pageBy(field, last))[PAGE - 1]
      if (last === undefined) throw new Error(`${projectId} ends on page ${page}`)
    }
    return last
  }
  const newest = await lastOf('createdAt', DEPTH_PAGES - 1)
  const named = await lastOf('name', DEPTH_PAGES - 1)
  const deepest = await pageBy('createdAt', newest)
  if (deepest.length < PAGE) throw new Error(`page ${DEPTH_PAGES} of ${projectId} is not full`)
  return {
    'first page, newest first': () => pageBy('createdAt'),
    'first page, by name': () => pageBy('name'),
    'page 1,000 by token, newest first': () => pageBy('createdAt', newest),
    'page 1,000 by token, by name': () => pageBy('name', named),
    'first page and total (Lightfield)': () =>
      Promise.all([store.listFiles(all, { offset: 0, limit: PAGE }), store.countFiles(all)]),
    'total of stored files': () => store.countFiles(stored),
    'page and total by external id': () =>
      Promise.all([
        store.pageFiles(
          { ...stored, externalId: 'ext-7' },
          { order: [{ field: 'name', descending: false }], limit: PAGE + 1 },
        ),
        store.countFiles({ ...stored, externalId: 'ext-7' }),
      ]),
    'page and total by name': () =>
      Promise.all([
        store.pageFiles(
          { ...stored, name: 'file 7.pdf' },
          { order: [{ field: 'createdAt', descending: true }], limit: PAGE + 1 },
        ),
        store.countFiles({ ...stored, name: 'file 7.pdf' }),
      ]),
    'page by offset 5,000 (linear)': () => store.listFiles(all, { offset: 5000, limit: PAGE }),
  }
}

interface Percentiles {
  readonly p50: number
  readonly p99: number
}

/** Both take turns, so that a noisy neighbour meets them alike. */
async function percentilesOf(
  ...reads: readonly (() => Promise<unknown>)[]
): Promise<[Percentiles, Percentiles]> {
  const samples = reads.map(() => [] as number[])
  for (let i = 0; i < READS + 20; i++) {
    for (const [which, read] of reads.entries()) {
      const begin = performance.now()
      await read()
      if (i >= 20) samples[which]?.push(performance.now() - begin)
      // Reads of one turn share a snapshot; each should pay for its own.
      await new Promise(setImmediate)
    }
  }
  const [one, other] = samples.map((of) => {
    of.sort((a, b) => a - b)
    const at = (share: number) => of[Math.floor(of.length * share)] ?? Number.NaN
    return { p50: at(0.5), p99: at(0.99) }
  })
  return [one, other] as [Percentiles, Percentiles]
}

async function openSqlite(): Promise<Engine> {
  const dataDir = await mkdtemp(join(tmpdir(), 'entrepot-lists-'))
  const onFatal = (error: Error) => {
    throw error
  }
  const store = await openSqliteMetadataStore({ dataDir, onFatal })
  const db = new DatabaseSync(join(dataDir, 'entrepot.db'))
  return {
    name: 'sqlite',
    store,
    run: async (text) => db.exec(text),
    close: async () => {
      db.close()
      await store.close()
      await rm(dataDir, { recursive: true })
    },
  }
}

async function openPostgres(): Promise<Engine> {
  const server = await PostgresServer.start()
  const url = await server.newDatabase()
  const store = await openPostgresMetadataStore(url)
  return {
    name: 'postgres',
    store,
    run: (text) => query(url, text),
    close: async () => {
      await store.close()
      await server.stop('immediate')
    },
  }
}
