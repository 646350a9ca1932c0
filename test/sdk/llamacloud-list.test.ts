import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type LlamaCloud, NotFoundError, toFile, UnprocessableEntityError } from '@llamaindex/llama-cloud'
import { TestServer } from '../harness.ts'
import { collect, idsOf, refusal, sdkFor } from './llamacloud-sdk.ts'

type ListParams = NonNullable<Parameters<LlamaCloud['files']['list']>[0]>
type QueryParams = Parameters<LlamaCloud['files']['query']>[0]

const UNKNOWN = 'dfl-00000000-0000-7000-8000-000000000000'

/** Seven files in the order of their creation, one second apart; two share a name, two an external id. */
const made = [
  { name: 'delta.txt', external: 'order/1 ü' },
  { name: 'alpha.txt', external: 'order/1 ü' },
  { name: 'Zulu.txt', external: null },
  { name: 'alpha.txt', external: '2' },
  { name: 'éclair.txt', external: null },
  { name: 'bravo & co.txt', external: '%_' },
  { name: '100%.txt', external: null },
] as const

let server: TestServer
let client: LlamaCloud
/** Oldest first. */
let ids: string[]

before(async () => {
  server = await TestServer.start()
  client = sdkFor(server)
  ids = []
  for (const { name, external } of made) {
    const file = await toFile(Buffer.from(name), name)
    const params = {
      file,
      purpose: 'user_data',
      ...(external === null ? {} : { external_file_id: external }),
    }
    ids.push((await client.files.create(params)).id)
    server.clock.advance({ seconds: 1 })
  }
})
after(() => server.stop())

/** The ids of the files with these positions in `made`. */
function at(...positions: readonly number[]): (string | undefined)[] {
  return positions.map((position) => ids[position])
}

async function list(params: ListParams = {}): Promise<string[]> {
  return idsOf((await client.files.list(params)).items)
}

async function query(params: QueryParams = {}): Promise<string[]> {
  return idsOf((await client.files.query(params)).items)
}

async function problemsOf(call: PromiseLike<unknown>): Promise<unknown> {
  const { error } = await refusal(call, UnprocessableEntityError)
  const { detail } = error as { detail: { loc: unknown[]; type: string }[] }
  return detail.map(({ loc, type }) => [...loc, type].join(' '))
}

test('iterating visits every file once, over as many pages as it takes, newest first', async () => {
  assert.deepEqual(idsOf(await collect(client.files.list({ page_size: 3 }))), ids.toReversed())
  const pages = await collect((await client.files.list({ page_size: 3 })).iterPages())
  assert.deepEqual(
    pages.map(({ items }) => items.length),
    [3, 3, 1],
  )
  // A last page that is full is known to be the last.
  assert.equal((await client.files.list({ page_size: 7 })).hasNextPage(), false)
})

test('pages stay whole while files come and go', async (t) => {
  const own = await TestServer.start()
  t.after(() => own.stop())
  const files = sdkFor(own).files
  const create = async (name: string) => {
    own.clock.advance({ seconds: 1 })
    return (await files.create({ file: await toFile(Buffer.from('x'), name), purpose: 'user_data' })).id
  }
  const [one, two, three, four] = [
    await create('one'),
    await create('two'),
    await create('three'),
    await create('four'),
  ]
  const first = await files.list({ page_size: 2 })
  assert.deepEqual(idsOf(first.items), [four, three])
  // The file that the token names goes, and a newer one comes.
  await files.delete(three)
  await create('five')
  assert.deepEqual(idsOf((await first.getNextPage()).items), [two, one])
})

test('a list of ids finds those, in any form and order, and skips the unknown', async () => {
  const bare = ids[1]?.replace('dfl-', '').toUpperCase() ?? ''
  assert.deepEqual(await list({ file_ids: [String(ids[3]), bare, UNKNOWN] }), at(3, 1))
  assert.deepEqual(await list({ file_ids: [UNKNOWN] }), [])
  // The SDK leaves an empty list out of a URL, but not out of JSON.
  assert.deepEqual(await list({ file_ids: [] }), ids.toReversed())
  assert.deepEqual(await query({ filter: { file_ids: [] } }), [])
  assert.deepEqual(await query({ filter: null }), ids.toReversed())
})

const filters: readonly (readonly [string, ListParams, readonly number[]])[] = [
  ['a name', { file_name: 'delta.txt' }, [0]],
  ['a name that two files have', { file_name: 'alpha.txt' }, [3, 1]],
  ['a name with an ampersand and spaces', { file_name: 'bravo & co.txt' }, [5]],
  ['a name with a percent sign', { file_name: '100%.txt' }, [6]],
  ['a name in other letter case', { file_name: 'ALPHA.txt' }, []],
  ['a pattern', { file_name: '%' }, []],
  ['an external id that two files have', { external_file_id: 'order/1 ü' }, [1, 0]],
  ['an external id of wildcards', { external_file_id: '%_' }, [5]],
  ['a name and an external id', { file_name: 'alpha.txt', external_file_id: '2' }, [3]],
  ['two that exclude each other', { file_name: 'delta.txt', external_file_id: '2' }, []],
  ['nulls', { file_name: null, external_file_id: null, order_by: null }, [6, 5, 4, 3, 2, 1, 0]],
]
for (const [what, params, positions] of filters) {
  test(`list and query filter by ${what}`, async () => {
    assert.deepEqual(await list(params), at(...positions))
    const { file_name = null, external_file_id = null } = params
    assert.deepEqual(await query({ filter: { file_name, external_file_id } }), at(...positions))
    const { total_size } = await client.files.query({ filter: { file_name, external_file_id }, page_size: 1 })
    assert.equal(total_size, positions.length)
  })
}

const byName = [6, 2, 1, 3, 5, 0, 4]
const orders: readonly (readonly [string, readonly number[]])[] = [
  ['created_at', [6, 5, 4, 3, 2, 1, 0]],
  ['created_at desc', [6, 5, 4, 3, 2, 1, 0]],
  ['created_at asc', [0, 1, 2, 3, 4, 5, 6]],
  ['id', [0, 1, 2, 3, 4, 5, 6]],
  ['id desc', [6, 5, 4, 3, 2, 1, 0]],
  ['name', byName],
  ['name asc', byName],
  ['name desc', byName.toReversed()],
  ['name, created_at asc', byName],
  ['name,created_at', [6, 2, 3, 1, 5, 0, 4]],
  ['NAME DESC, id ASC', [4, 0, 5, 1, 3, 2, 6]],
]
for (const [order_by, positions] of orders) {
  test(`list and query order by ${order_by}, page by page`, async () => {
    assert.deepEqual(idsOf(await collect(client.files.list({ order_by, page_size: 2 }))), at(...positions))
    assert.deepEqual(await query({ order_by }), at(...positions))
  })
}

for (const order_by of ['size', 'name, size', 'name up', 'name,name', ',', 'name; drop table files']) {
  test(`ordering by "${order_by}" is refused`, async () => {
    assert.deepEqual(await problemsOf(client.files.list({ order_by })), ['query order_by value_error'])
    assert.deepEqual(await problemsOf(client.files.query({ order_by })), ['body order_by value_error'])
  })
}

test('a list tells no total; links come when asked for, fresh for every item', async () => {
  const { items } = await client.files.list({ page_size: 2 })
  assert.deepEqual(
    items.map(({ download_url }) => download_url),
    [null, null],
  )
  for (const expand of [['download_url'], ['sizes', 'download_url']]) {
    const expanded = await client.files.list({ page_size: 2, expand })
    for (const { name, download_url } of expanded.items)
      assert.equal(await (await fetch(download_url?.url ?? '')).text(), name)
  }
})

test('list refuses page sizes out of bounds, query bends them', async () => {
  assert.deepEqual(await problemsOf(client.files.list({ page_size: 0 })), [
    'query page_size greater_than_equal',
  ])
  assert.deepEqual(await problemsOf(client.files.list({ page_size: 1001 })), [
    'query page_size less_than_equal',
  ])
  for (const page_size of [null, 0, 50, 1000, 1_000_000]) assert.equal((await query({ page_size })).length, 7)
  assert.deepEqual(await problemsOf(client.files.query({ page_size: -1 })), [
    'body page_size greater_than_equal',
  ])
})

test('query pages with a token and tells the exact total on every page', async () => {
  const seen: string[] = []
  let page_token: string | null | undefined
  do {
    const page = await client.files.query({ page_size: 3, page_token, filter: { data_source_id: null } })
    seen.push(...idsOf(page.items))
    assert.equal(page.total_size, 7)
    for (const { download_url } of page.items) assert.equal(download_url, null)
    page_token = page.next_page_token
  } while (page_token)
  assert.deepEqual(seen, ids.toReversed())
})

test('query knows no data sources: none matches one, all are uploaded by hand', async () => {
  const none = await client.files.query({ filter: { data_source_id: UNKNOWN.slice(4) } })
  assert.deepEqual(none, { items: [], next_page_token: null, total_size: 0 })
  for (const only_manually_uploaded of [true, false, null])
    assert.deepEqual(await query({ filter: { only_manually_uploaded } }), ids.toReversed())
})

test('a token of another listing, or of nobody, is refused', async () => {
  const { next_page_token } = await client.files.list({ page_size: 2 })
  const others: readonly ListParams[] = [
    { page_token: next_page_token, order_by: 'name' },
    { page_token: next_page_token, file_name: 'alpha.txt' },
    { page_token: 'bm90IG91cnM' },
    { page_token: '!' },
  ]
  for (const params of others)
    assert.deepEqual(await problemsOf(client.files.list(params)), ['query page_token value_error'])
  const filter = { file_name: 'alpha.txt' }
  for (const params of [{ filter }, { order_by: 'name' }, { filter: { file_ids: at(0) as string[] } }]) {
    const call = client.files.query({ ...params, page_token: next_page_token })
    assert.deepEqual(await problemsOf(call), ['body page_token value_error'])
  }
  // Another page size is another matter.
  assert.deepEqual(await list({ page_token: next_page_token, page_size: 3 }), at(4, 3, 2))
})

test('a file that is deleted is gone from list and query', async () => {
  const file = await toFile(Buffer.from('x'), 'short-lived')
  const { id } = await client.files.create({ file, purpose: 'user_data' })
  assert.equal((await list({ file_name: 'short-lived' })).length, 1)
  await client.files.delete(id)
  assert.deepEqual(await list({ file_name: 'short-lived' }), [])
  assert.deepEqual(await list({ file_ids: [id] }), [])
  await refusal(client.files.retrieve(id), NotFoundError)
})
