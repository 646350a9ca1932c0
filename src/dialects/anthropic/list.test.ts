import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  AnthropicClient,
  type AnthropicList,
  FILES_BETA,
  MANAGED_AGENTS,
  refusalOf,
} from '../../../test/anthropic-client.ts'
import { TestServer } from '../../../test/harness.ts'
import type { Headings } from '../../../test/lightfield-client.ts'

let server: TestServer
let client: AnthropicClient
/** Newest first. */
let ids: readonly string[]

before(async () => {
  server = await TestServer.start()
  client = new AnthropicClient(server)
  const made: string[] = []
  for (let index = 0; index < 5; index++) {
    made.unshift((await client.stored(`${index}`, `${index}.txt`)).id)
    server.clock.advance({ ms: 1 })
  }
  ids = made
})
after(() => server.stop())

function idsOf({ data }: AnthropicList): string[] {
  return data.map(({ id }) => id)
}

async function refused(query: string, headers: Headings = {}) {
  const { status, type, message } = refusalOf(await client.get(query, headers))
  assert.deepEqual([status, type], [400, 'invalid_request_error'], query)
  return message
}

test('the general list is newest first, with a cursor to the end', async () => {
  assert.deepEqual(Object.keys(await client.list()), ['data', 'next_page'])
  const pages: string[][] = []
  let query = '?limit=2'
  for (;;) {
    const page = await client.list(query)
    pages.push(idsOf(page))
    if (page.next_page === null) break
    assert.match(page.next_page ?? '', /^page_[\w-]+$/)
    query = `?limit=2&page=${page.next_page}`
  }
  assert.deepEqual(pages, [ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)])
})

test('a page is of 20 files unless it is told otherwise', async () => {
  const { key } = await server.newTenant('many')
  const many = new AnthropicClient(server, key)
  for (let index = 0; index < 21; index++) await many.stored()
  assert.equal((await many.list()).data.length, 20)
  assert.equal((await many.list('?limit=21')).next_page, null)
})

test('files of one millisecond are listed once each', async () => {
  const { key } = await server.newTenant('moment')
  const other = new AnthropicClient(server, key)
  const made = await Promise.all(Array.from({ length: 7 }, () => other.stored()))
  const seen: string[] = []
  for (let page: string | null | undefined = ''; page !== null; ) {
    const list: AnthropicList = await other.list(`?limit=2&page=${page}`)
    seen.push(...idsOf(list))
    page = list.next_page
  }
  assert.deepEqual(seen.toSorted(), made.map(({ id }) => id).toSorted())
})

test('a cursor is good after the file that it names was deleted, and in no other project', async () => {
  const { key } = await server.newTenant('deleting')
  const other = new AnthropicClient(server, key)
  const made: string[] = []
  for (let index = 0; index < 4; index++) {
    made.unshift((await other.stored()).id)
    server.clock.advance({ ms: 1 })
  }
  const { next_page: cursor } = await other.list('?limit=2')
  assert.match(await refused(`?page=${cursor}`), /^page: /)
  for (const id of made.slice(0, 2)) assert.equal((await other.delete(id)).status, 200)
  assert.deepEqual(idsOf(await other.list(`?limit=2&page=${cursor}`)), made.slice(2))
  // So is the beta's, which is the id itself.
  assert.deepEqual(idsOf(await other.list(`?after_id=${made[1]}`, FILES_BETA)), made.slice(2))
})

test('a text that is no cursor is refused', async () => {
  const { next_page: cursor } = await client.list('?limit=1')
  const altered = cursor?.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
  for (const page of ['x', 'page_', `page_${ids[0]}`, altered, cursor?.slice(0, -1), `${cursor}0`])
    assert.match(await refused(`?page=${page}`), /^page: is not a cursor/)
})

test('ids are looked up on one page, the unknown, foreign and deleted left out', async () => {
  const { key } = await server.newTenant('foreign')
  const { id: foreign } = await new AnthropicClient(server, key).stored()
  const { id: deleted } = await client.stored()
  await client.delete(deleted)
  const [newest = '', , , , oldest = ''] = ids
  const asked = [oldest, newest, newest, foreign, deleted, 'file_x', `file_${'0'.repeat(32)}`]
  const query = asked.map((id) => `ids%5B%5D=${id}`).join('&')
  assert.deepEqual(await client.list(`?${query}`), {
    data: (await client.list('?limit=1000')).data.filter(({ id }) => id === newest || id === oldest),
    next_page: null,
  })
  for (const form of [`ids=${newest}`, `ids[0]=${newest}&ids[1]=`, `ids[]=${newest}&ids=`])
    assert.deepEqual(idsOf(await client.list(`?${form}`)), [newest], form)
  assert.deepEqual(await client.list('?ids[]=file_x'), { data: [], next_page: null })
  for (const form of ['ids[x]', 'ids.0', 'ids[0][0]'])
    assert.equal(await refused(`?${form}=${newest}`), `${form}: a list is written as ids[]`)
})

test('a hundred different ids are the most, and go with no paging', async () => {
  const [id = ''] = ids
  const unknown = (count: number) =>
    Array.from({ length: count }, (_, index) => `ids[]=file_${index.toString(16).padStart(32, '0')}`)
  const repeated = Array.from({ length: 50 }, () => `ids[]=${id}`)
  assert.deepEqual(idsOf(await client.list(`?${[...unknown(99), ...repeated].join('&')}`)), [id])
  assert.match(await refused(`?${[...unknown(100), ...repeated].join('&')}`), /^ids: .*100/)
  assert.match(await refused(`?ids[]=${id}&limit=5`), /^limit: /)
  const { next_page: cursor } = await client.list('?limit=1')
  assert.match(await refused(`?ids[]=${id}&page=${cursor}`), /^page: /)
})

test('empty values count as absent', async () => {
  const query = '?page=&ids=&ids%5B%5D=&limit=&scope_id=&before_id=&after_id='
  for (const headers of [{}, FILES_BETA, MANAGED_AGENTS])
    assert.deepEqual(idsOf(await client.list(query, headers)), ids)
})

test('a limit is a whole number from 1 to 1000, given once', async () => {
  for (const limit of ['0', '1001', '-1', '1.5', 'x', '1e2', '%20'])
    assert.equal(await refused(`?limit=${limit}`), 'limit: must be between 1 and 1000')
  assert.equal(await refused('?limit=1&limit=2'), 'limit: must be given once')
  assert.equal((await client.list('?limit=1000')).data.length, 5)
})

test('before_id and after_id are of the beta alone', async () => {
  for (const name of ['before_id', 'after_id'])
    assert.match(await refused(`?${name}=${ids[0]}`), new RegExp(`^${name}: `))
})

/** The pages of the beta, as its SDK class walks through them. */
async function walk(client: AnthropicClient, start: string, by: 'before_id' | 'after_id', headers: Headings) {
  const pages: string[][] = []
  for (let query = start; ; ) {
    const page = await client.list(query, headers)
    pages.push(idsOf(page))
    assert.deepEqual([page.first_id, page.last_id], [idsOf(page).at(0) ?? null, idsOf(page).at(-1) ?? null])
    if (!page.has_more) return pages
    query = `?limit=2&${by}=${by === 'before_id' ? page.first_id : page.last_id}`
  }
}

for (const headers of [FILES_BETA, MANAGED_AGENTS]) {
  test(`with ${headers['anthropic-beta']} a list goes forwards and backwards by ids`, async () => {
    const forwards = await walk(client, '?limit=2', 'after_id', headers)
    assert.deepEqual(forwards, [ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)])
    const backwards = await walk(client, `?limit=2&before_id=${ids[4]}`, 'before_id', headers)
    assert.deepEqual(backwards, [ids.slice(2, 4), ids.slice(0, 2)])
    const empty = { data: [], has_more: false, first_id: null, last_id: null, next_page: null }
    assert.deepEqual(await client.list('?after_id=unknown', headers), empty)
    assert.deepEqual(await client.list(`?before_id=${ids[0]}`, headers), empty)
    assert.match(await refused(`?before_id=${ids[1]}&after_id=${ids[2]}`, headers), /^after_id: /)
  })
}

test('the beta also has the cursor, so that SDKs of today come to the end', async () => {
  const first = await client.list('?limit=2', FILES_BETA)
  assert.deepEqual(Object.keys(first), ['data', 'has_more', 'first_id', 'last_id', 'next_page'])
  const second = await client.list(`?limit=2&page=${first.next_page}`, FILES_BETA)
  assert.deepEqual(idsOf(second), ids.slice(2, 4))
  assert.equal(second.has_more, true)
  const resent = await client.list(`?limit=2&after_id=${ids[0]}&page=${first.next_page}`, FILES_BETA)
  assert.deepEqual(idsOf(resent), ids.slice(2, 4))
  assert.match(await refused(`?ids[]=${ids[0]}&before_id=${ids[1]}`, FILES_BETA), /^before_id: /)
  const { next_page: last } = await client.list(`?limit=2&page=${second.next_page}`, FILES_BETA)
  assert.equal(last, null)
})

test('managed agents take ids of files, or a cursor, and not both', async () => {
  const first = await client.list('?limit=2', MANAGED_AGENTS)
  assert.deepEqual(Object.keys(first), ['data', 'has_more', 'first_id', 'last_id', 'next_page'])
  assert.deepEqual(
    idsOf(await client.list(`?limit=2&page=${first.next_page}`, MANAGED_AGENTS)),
    ids.slice(2, 4),
  )
  assert.equal((await client.list(`?limit=1&after_id=${ids[0]}`, MANAGED_AGENTS)).next_page, null)
  for (const rest of [`page=${first.next_page}`, `ids[]=${ids[0]}`])
    assert.match(await refused(`?after_id=${ids[0]}&${rest}`, MANAGED_AGENTS), /^after_id: /)
  // No file belongs to a session of theirs.
  assert.deepEqual((await client.list('?scope_id=session_1', MANAGED_AGENTS)).data, [])
})
