import assert from 'node:assert/strict'
import test, { after } from 'node:test'
import { Client } from 'pg'
import { newDatabase } from '../../../test/postgres.ts'
import type { FileState } from '../../core/files/file.ts'
import type { FileFilter, FileOrder, FileOrderField, FilePage } from '../../core/ports/metadata-store.ts'
import { answerQueries, lapsedAnswerQueries } from '../queries/answers.ts'
import { blobQueries } from '../queries/blobs.ts'
import { listingArgs } from '../queries/file-filters.ts'
import { FileListings } from '../queries/file-listings.ts'
import { fileQueries } from '../queries/files.ts'
import { segmentQueries } from '../queries/segments.ts'
import { sessionChanges } from '../queries/sessions.ts'
import { usageQueries } from '../queries/usage.ts'
import type { Query } from '../sql/prepare.ts'
import type { SqlValue } from '../sql/tables.ts'
import { PostgresEngine } from './postgres.ts'

/** Of a table; so many that to read them all is dearer than to use an index. */
const ROWS = 20_000
/** Some twenty of them are due by then. */
const NOW = 20
const LIMIT = 11

/**
 * One project has most of the files and a thousand have few, so that a plan for any project expects few. The trigger would
 * count row by row, for a long time, what is counted at once below.
 */
const fill = `
  alter table files disable trigger files_counted;
  insert into files (id, organization_id, project_id, name, size_bytes, mime_type, description, labels, external_id,
      created_by, updated_by, created_at, updated_at, state, upload_expires_at, write_once, expiry_policy, ttl_days,
      last_active_at, expires_at, blob_key)
    select 'file-' || i, 'o', case when i % 3 = 0 then 'p' || i % 1000 else 'p' end, 'name ' || (i * 7919 % ${ROWS}), i,
      'text/plain', '', '{}', 'ext-' || i / 5, 'u', 'u', i, i, case when i % 10 = 0 then 'pending' else 'stored' end,
      case when i % 10 = 0 then i end, 0, 'at', 0, i, case when i % 4 = 0 then i end,
      case when i % 10 <> 0 then 'blob-' || i end
    from generate_series(1, ${ROWS}) as i;
  insert into file_counts (project_id, state, stripe, files)
    select project_id, state, stripe, count(*) from files, generate_series(0, 9) as stripe
    group by project_id, state, stripe;
  insert into organizations (id, slug, created_at) select 'o' || i, i, i from generate_series(1, 1000) as i;
  insert into projects (id, organization_id, slug, created_at)
    select 'p' || i, 'o' || i, i, i from generate_series(1, 1000) as i;
  insert into unreferenced_blobs (key, collect_after, intended, collecting, reserved_organization_id, reserved_project_id)
    select 'spare-' || i, i, i % 2, 0, 'o' || i % 1000, 'p' || i % 1000 from generate_series(1, ${ROWS}) as i;
  insert into segments (file_id, start, size_bytes, sha256, blob_key)
    select 'file-' || i / 4, i % 4, 1, '', 'segment-' || i from generate_series(1, ${ROWS}) as i;
  insert into answers (organization_id, operation, key, token, free_at)
    select 'o' || i % 1000, 'upload', 'key ' || i, 't', i from generate_series(1, ${ROWS}) as i;
  insert into api_keys (id, hash, name, organization_id, project_ids, role, scopes, created_at)
    values ('k', 'h', '', 'o1', '[]', '', '[]', 0);
  insert into sessions (hash, key_id, expires_at) select i, 'k', i from generate_series(1, ${ROWS}) as i;
  vacuum analyze`

const url = await newDatabase()
const engine = await PostgresEngine.open(url)
await engine.close()
const client = new Client({ connectionString: url })
await client.connect()
after(() => client.end())
for (const text of fill.split(';')) await client.query(text)
await client.query('set plan_cache_mode = force_generic_plan')

interface Bound {
  readonly sql: string
  readonly values: SqlValue[]
}

function bound<Args>(query: Query<Args>, args: Args): Bound {
  return { sql: query.sql, values: query.bind(args) }
}

/**
 * What PostgreSQL does with these values, and what it does with any: a connection that has prepared a statement makes a plan
 * for each of the first five runs, and then may keep to one for all.
 */
async function plansOf({ sql, values }: Bound): Promise<readonly string[]> {
  const explained = async (text: string, given: SqlValue[] = []) => {
    const { rows } = await client.query({
      text: `explain (costs off) ${text}`,
      values: given,
      rowMode: 'array',
    })
    return rows.join('\n')
  }
  const own = await explained(sql, values)
  await client.query(`prepare planned as ${sql}`)
  const generic = await explained(`execute planned(${values.map(() => 'null')})`)
  await client.query('deallocate planned')
  return [own, generic]
}

async function assertPlans(query: Bound, expected: RegExp, forbidden: RegExp): Promise<void> {
  for (const plan of await plansOf(query)) {
    assert.match(plan, expected)
    assert.doesNotMatch(plan, forbidden)
  }
}

/** A scan of files by an index, from the project on to whatever else its condition has. */
function scanBy(index: string, condition = ''): RegExp {
  return new RegExp(`using ${index} on files\n +Index Cond: \\(+project_id = .*${condition}`)
}

const wholeSort = /(?<!Incremental )Sort$/m
const listings = new FileListings(engine.flavour)

function filterOf(...states: FileState[]): FileFilter {
  return { projectId: 'p', states, visibleAt: NOW }
}
const stored = filterOf('stored')
const listed = filterOf('stored', 'pending')
const seen: FileFilter = { ...stored, subject: 'somebody' }
const after15000 = { createdAt: 15_000, name: 'name 15000', id: 'file-15000', sizeBytes: 15_000 }

function pageOf(filter: FileFilter, order: FileOrder, cursor?: FilePage['after']): Bound {
  const page = { order, limit: LIMIT, ...(cursor ? { after: cursor } : {}) }
  return bound(listings.page(filter, page), listingArgs(filter, page))
}

test('listings, counts and sweeps are served by their indexes, in order', async () => {
  const files = fileQueries(engine.flavour)
  const blobs = blobQueries(engine.flavour.builder)
  const { find } = answerQueries(engine.flavour.builder)
  const segments = segmentQueries(engine.flavour.builder)
  const place = { fileId: 'file-7', start: 0 }
  const answers = lapsedAnswerQueries(engine.flavour.builder)
  const { purge: purgeSessions } = sessionChanges(engine.flavour.builder)
  const due = { now: NOW, limit: LIMIT }
  const window = { offset: 0, limit: LIMIT }
  const slot = { organizationId: 'o7', operation: 'upload', key: 'key 7' }
  const expected: [Bound, RegExp][] = [
    [bound(files.find, { id: 'file-7' }), /using files_pkey on files/],
    [bound(listings.list(listed), listingArgs(listed, window)), scanBy('files_listed')],
    [bound(listings.list(stored), listingArgs(stored, window)), scanBy('files_listed')],
    [
      bound(listings.count(listed), listingArgs(listed)),
      /on file_counts_place.*using files_ending on files/s,
    ],
    [
      bound(listings.count(stored), listingArgs(stored)),
      /on file_counts_place.*using files_ending on files/s,
    ],
    [bound(listings.list(seen), listingArgs(seen, window)), scanBy('files_listed')],
    [
      bound(listings.count(seen), listingArgs(seen)),
      /on file_counts_place.*using files_ending on files.*using files_hidden on files/s,
    ],
    [bound(files.ofAlias, { projectIds: ['p', 'p1'], alias: 'a' }), /using files_alias on files/],
    [bound(files.lapsed, due), /using files_lapsing on files/],
    [bound(files.expired, due), /using files_expiring on files/],
    [bound(fileQueries(engine.flavour).unnormalized, due), /using files_to_normalize on files/],
    [bound(blobs.collectable, { ...due, releasedUntil: NOW }), /using unreferenced_blobs_due/],
    [
      bound(blobs.known, { key: 'blob-7' }),
      /using unreferenced_blobs_pkey.*using files_blob on files.*using segments_blob on segments/s,
    ],
    [bound(blobs.whole, { after: '', limit: LIMIT }), /using files_blob on files/],
    [bound(blobs.segments, { after: '', limit: LIMIT }), /using segments_blob on segments/],
    [bound(files.toJoin, due), /using files_to_join on files/],
    [bound(segments.list, { ...place, from: 7, limit: LIMIT }), /using segments_place on segments/],
    [bound(segments.parts, { ...place, limit: LIMIT }), /using segments_place on segments/],
    [bound(segments.bytes, place), /using segments_place on segments/],
    [bound(purgeSessions[0], due), /using sessions_over/],
    [bound(answers.purge, due), /using answers_free/],
    [bound(answers.countLapsed, due), /using answers_free/],
    [bound(find, { ...slot, now: NOW }), /using answers_slot/],
  ]
  for (const [query, index] of expected) await assertPlans(query, index, /Seq Scan|Sort/)
})

test('a page of one field is read off its index, from the cursor on', async () => {
  const expected: [FileOrderField, FileFilter, string, string][] = [
    ['createdAt', stored, 'files_listed', 'ROW\\(created_at, id\\) [<>] ROW'],
    ['createdAt', listed, 'files_listed', 'ROW\\(created_at, id\\) [<>] ROW'],
    // Of a name the index has the beginning alone, so that names which begin alike are sorted.
    ['name', stored, 'files_by_name', '"left"\\(name, 512\\) [<>]= '],
    ['id', stored, 'files_by_id', '\\(id [<>] '],
    ['sizeBytes', stored, 'files_by_size', 'ROW\\(size_bytes, id\\) [<>] ROW'],
  ]
  for (const [field, filter, index, condition] of expected) {
    const forbidden = field === 'name' ? wholeSort : /Sort/
    for (const descending of [true, false]) {
      const order = [{ field, descending }]
      await assertPlans(pageOf(filter, order), scanBy(index), forbidden)
      await assertPlans(pageOf(filter, order, after15000), scanBy(index, condition), forbidden)
    }
  }
})

test('a page of several fields sorts no more than the ties of the first', async () => {
  const expected: [FileOrderField, FileOrderField, RegExp][] = [
    ['name', 'createdAt', scanBy('files_by_name', '"left"\\(name, 512\\) >= ')],
    ['createdAt', 'name', scanBy('files_listed', 'created_at >= ')],
  ]
  for (const [one, other, index] of expected) {
    for (const descending of [true, false]) {
      const order = [
        { field: one, descending: false },
        { field: other, descending },
      ]
      await assertPlans(pageOf(stored, order, after15000), index, wholeSort)
    }
  }
})

/** How many there are, and pages of them in every order. */
function readsOf(filter: FileFilter): Bound[] {
  const pages = (['createdAt', 'name', 'id'] as const).flatMap((field) => {
    const order = [{ field, descending: true }]
    return [pageOf(filter, order), pageOf(filter, order, after15000)]
  })
  return [bound(listings.count(filter), listingArgs(filter)), ...pages]
}

test('uploads that wait are found by their ends, in the orders in which they are listed', async () => {
  const filter = { ...filterOf('pending'), openUploads: true } as const
  for (const field of ['createdAt', 'name', 'sizeBytes'] as const)
    for (const cursor of [undefined, after15000]) {
      const found = /files_lapsing( on files)?\n +Index Cond: \(upload_expires_at > /
      await assertPlans(pageOf(filter, [{ field, descending: true }], cursor), found, /Seq Scan/)
    }
})

test('what a filter names is looked up, whatever the order', async () => {
  const expected: [Partial<FileFilter>, RegExp][] = [
    [{ name: 'name 7' }, /files_by_name.*\n +Index Cond: .*"left"\(name, 512\) = /],
    [{ externalId: 'ext-7' }, /files_by_external_id.*\n +Index Cond: .*"left"\(external_id, 512\) = /],
  ]
  for (const [given, index] of expected) {
    for (const query of readsOf({ ...stored, ...given })) await assertPlans(query, index, /Seq Scan/)
  }
})

test('a name is looked up by an index for each way that a row can have it, no further than the page', async () => {
  const found =
    /files_by_(normal_)?name( on files( files_\d)?)?\n +Index Cond: \(+project_id = .*"left"\((normal_)?name, 512\) = /g
  for (const [name, ways] of [
    ['n\u00e4me 7', 2],
    ['e\u0301', 3],
  ] as const) {
    const filter = { ...stored, name }
    for (const query of readsOf(filter)) {
      for (const plan of await plansOf(query)) {
        assert.doesNotMatch(plan, /Seq Scan/)
        assert.equal(plan.match(found)?.length, ways, plan)
        assert.equal(plan.match(/files_by_normal_name/g)?.length, 1, plan)
      }
    }
    const page = pageOf(filter, [{ field: 'id', descending: true }], after15000)
    for (const plan of await plansOf(page)) assert.equal(plan.match(/Limit$/gm)?.length, 1 + ways, plan)
  }
})

test('files that a filter names by id are looked up, whatever the order', async () => {
  const byId = /using files_(pkey|by_id) on files\n +Index Cond: .*\bid = (ANY )?\(/
  for (const query of readsOf({ ...stored, ids: ['file-7', 'file-8'] })) {
    await assertPlans(query, byId, /Seq Scan/)
  }
})

test('a reservation is found by the key of its blob', async () => {
  for (const statement of usageQueries(engine.flavour.builder).giveBack) {
    await assertPlans(bound(statement, { key: 'spare-7' }), /using unreferenced_blobs_pkey/, /Seq Scan/)
  }
})
