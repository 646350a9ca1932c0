import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test, { after } from 'node:test'
import { Client } from 'pg'
import { newDatabase } from '../../../test/postgres.ts'
import type { FileFilter } from '../../core/ports/metadata-store.ts'
import { shareStore } from '../conformance/samples.ts'
import { describeNameParts } from '../conformance/searches.ts'
import { listingArgs } from '../queries/file-filters.ts'
import { FileListings } from '../queries/file-listings.ts'
import { NAME_PARTS } from '../sql/flavours.ts'
import { SqlMetadataStore } from '../store.ts'
import { openPostgresMetadataStore, PostgresEngine } from './postgres.ts'

/** So many that to look at each is dearer than to use the index. */
const ROWS = 20_000
const NOW = 20

/** What docs/scaling.md tells an operator to run. */
const [, documented = ''] =
  /## Searches by a part of a name.*?```sql\n(.*?)```/s.exec(
    readFileSync(new URL('../../../docs/scaling.md', import.meta.url), 'utf8'),
  ) ?? []

/** Half of the files are of another project. */
const fill = `
  alter table files disable trigger files_counted;
  insert into files (id, organization_id, project_id, name, normal_name, size_bytes, mime_type, description, labels,
      external_id, created_by, updated_by, created_at, updated_at, state, write_once, expiry_policy, ttl_days, last_active_at,
      blob_key)
    select 'file-' || i, 'o', case when i % 2 = 0 then 'p' else 'q' end,
      case when i % 5000 < 2 then 'Größe 100%_\\a ' else 'report ' end || i || '.pdf',
      case when i % 5000 < 2 then normalize('Größe 100%_\\a ') || i || '.pdf' end, 1, 'text/plain', '', '{}', '', 'u', 'u',
      i, i, 'stored', 0, 'at', 0, i, 'blob-' || i
    from generate_series(1, ${ROWS}) as i;
  vacuum analyze`

async function runAll(client: Client, text: string): Promise<void> {
  for (const statement of text.split(';')) await client.query(statement)
}

/** With the collation that this server has. */
async function makeIndex(client: Client): Promise<void> {
  assert.match(documented, /create index concurrently/)
  await runAll(client, documented.replaceAll('"pg_unicode_fast"', collation))
}

const all: FileFilter = { projectId: 'p', states: ['stored'], visibleAt: NOW, subject: 'somebody' }
const page = { order: [{ field: 'createdAt', descending: true }], limit: 11 } as const

const url = await newDatabase()
const unindexed = await PostgresEngine.open(url)
const [, collation = ''] = /lower\(.*? collate (".*?")/.exec(searchOf(unindexed)) ?? []
const client = new Client({ connectionString: url })
await client.connect()
await runAll(client, fill)
await makeIndex(client)
const indexed = await PostgresEngine.open(url)
after(() => Promise.all([client.end(), unindexed.close(), indexed.close()]))

const listings = new FileListings(indexed.flavour)

function searchOf({ flavour }: PostgresEngine): string {
  return new FileListings(flavour).page({ ...all, nameContains: 'x' }, page).sql
}

function isUsed(engine: PostgresEngine): boolean {
  return searchOf(engine).includes(' like ')
}

async function planOf(query: 'page' | 'count', nameContains: string): Promise<string> {
  const filter = { ...all, nameContains }
  const { sql, bind } = query === 'page' ? listings.page(filter, page) : listings.count(filter)
  const values = bind(listingArgs(filter, page))
  const { rows } = await client.query({ text: `explain (costs off) ${sql}`, values, rowMode: 'array' })
  return rows.join('\n')
}

const byPart = /Bitmap Index Scan on files_by_name_part\n +Index Cond: \(+project_id = .* ~~ /

test('a part that few names have is looked up, in its project alone', async () => {
  for (const part of ['größe', '100%_\\A', 'nobody has this', 'report 777']) {
    assert.match(await planOf('page', part), byPart, part)
    assert.match(await planOf('count', part), byPart, part)
  }
})

test('a part that many names have, or that has no trigram, is read in the order of the page', async () => {
  for (const part of ['report', '.PDF', 're', '1', '']) {
    const plan = await planOf('page', part)
    assert.match(plan, /using files_listed on files/, part)
    assert.doesNotMatch(plan, /Sort|files_by_name_part/, part)
  }
})

test('a server uses the index from its next start on, and finds what it found before', async () => {
  assert.deepEqual([unindexed, indexed].map(isUsed), [false, true])
  const [before, now] = [unindexed, indexed].map((engine) => new SqlMetadataStore(engine))
  for (const part of [
    'GRÖSSE',
    'größe',
    '%_\\',
    '%',
    '_',
    '\\',
    '\\\\',
    '%%',
    'report 77',
    'f',
    'ze',
    '',
    'q',
  ])
    for (const projectId of ['p', 'q', 'r']) {
      const filter = { ...all, projectId, nameContains: part }
      const [expected, found] = await Promise.all([
        before?.pageFiles(filter, { ...page, limit: 1000 }),
        now?.pageFiles(filter, { ...page, limit: 1000 }),
      ])
      assert.deepEqual(found, expected, part)
      assert.equal(await now?.countFiles(filter), await before?.countFiles(filter), part)
    }
})

test('an index of another collation, or one that was not finished, is not used', async (t) => {
  const usesIt = async () => {
    const engine = await PostgresEngine.open(url)
    t.after(() => engine.close())
    return isUsed(engine)
  }
  const [, , definition = ''] = documented.split(';')
  await client.query(`drop index ${NAME_PARTS}`)
  await client.query(definition.replace(/"\w+"/, '"C"'))
  assert.equal(await usesIt(), false)
  await client.query(`drop index ${NAME_PARTS}`)
  const ofOneEntry = `create unique index concurrently ${NAME_PARTS} on files (lower(left(name, 0) collate ${collation}))`
  await assert.rejects(client.query(ofOneEntry), /could not create unique index/)
  assert.equal(await usesIt(), false)
})

describeNameParts(
  shareStore(async () => {
    const own = await newDatabase()
    await (await PostgresEngine.open(own)).close()
    const maker = new Client({ connectionString: own })
    await maker.connect()
    await makeIndex(maker)
    await maker.end()
    const store = await openPostgresMetadataStore(own)
    return { store, reopen: () => Promise.resolve(store), cleanup: () => store.close() }
  }),
)
