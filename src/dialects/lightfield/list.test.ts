import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { LightfieldClient, ok } from '../../../test/lightfield-client.ts'

const FILES = 60

let server: TestServer
let client: LightfieldClient
/** Newest first. */
let ids: string[]

before(async () => {
  server = await TestServer.start()
  client = new LightfieldClient(server)
  const made: string[] = []
  for (let i = 0; i < FILES; i++) {
    made.push((await client.pending()).id)
    server.clock.advance({ ms: 1 })
  }
  ids = made.reverse()
})
after(() => server.stop())

async function listed(query: string): Promise<string[]> {
  const body = ok(await client.list(query))
  assert.equal(body.object, 'list')
  assert.equal(body.totalCount, FILES)
  assert.deepEqual(Object.keys(body).sort(), ['data', 'object', 'totalCount'])
  return body.data.map(({ id }) => id)
}

/** Query, first index and number of the files that it shows. */
const pages: readonly (readonly [string, number, number])[] = [
  ['', 0, 25],
  ['?limit=10', 0, 10],
  ['?limit=25', 0, 25],
  ['?limit=26', 0, 25],
  ['?limit=100', 0, 25],
  ['?limit=9007199254740991', 0, 25],
  ['?limit=1&offset=0', 0, 1],
  ['?offset=50', 50, 10],
  ['?offset=59', 59, 1],
  ['?offset=60', 60, 0],
  ['?offset=9007199254740991', 60, 0],
  ['?offset=20&limit=5', 20, 5],
  ['?limit=&offset=', 0, 25],
  ['?limit', 0, 25],
  ['?status=COMPLETED&q=x&filter[a]=b', 0, 25],
  ['?LIMIT=1', 0, 25],
  ['?limit=007', 0, 7],
  ['?limit=%31', 0, 1],
]

for (const [query, first, length] of pages) {
  test(`the query "${query}" shows ${length} files from number ${first} on`, async () => {
    assert.deepEqual(await listed(query), ids.slice(first, first + length))
  })
}

const badQueries: readonly (readonly [string, string])[] = [
  ['?limit=0', 'limit'],
  ['?limit=-1', 'limit'],
  ['?limit=1.5', 'limit'],
  ['?limit=1e1', 'limit'],
  ['?limit=0x10', 'limit'],
  ['?limit=ten', 'limit'],
  ['?limit=%201', 'limit'],
  ['?limit=+1', 'limit'],
  ['?limit=9007199254740992', 'limit'],
  ['?limit=1&limit=2', 'limit'],
  ['?limit=null', 'limit'],
  ['?limit=NaN', 'limit'],
  ['?limit=1;DROP', 'limit'],
  ['?offset=-1', 'offset'],
  ['?offset=1.0', 'offset'],
  ['?offset=Infinity', 'offset'],
  ['?offset=9007199254740992', 'offset'],
  ['?offset=-1&limit=0', 'offset'],
]

for (const [query, param] of badQueries) {
  test(`the query "${query}" is refused for its ${param}`, async () => {
    const { status, error } = await client.list(query)
    assert.equal(status, 400)
    assert.equal(error.type, 'bad_request')
    assert.equal(error.code, 'invalid_type')
    assert.equal(error.param, param)
  })
}

test('files of one millisecond have an order that pages agree on', async (t) => {
  const other = await TestServer.start()
  t.after(() => other.stop())
  const same = new LightfieldClient(other)
  await Promise.all(Array.from({ length: 30 }, () => same.pending()))
  const pages: string[] = []
  for (let offset = 0; offset < 30; offset += 7)
    pages.push(...ok(await same.list(`?limit=7&offset=${offset}`)).data.map(({ id }) => id))
  assert.equal(new Set(pages).size, 30)
  assert.deepEqual(pages, [...pages].sort().reverse())
})

test('files in every state are listed, each as retrieve shows it', async (t) => {
  const other = await TestServer.start()
  t.after(() => other.stop())
  const own = new LightfieldClient(other)
  assert.deepEqual(ok(await own.list()), { object: 'list', data: [], totalCount: 0 })
  const { id: expired } = await own.staged()
  other.clock.advance({ hours: 1 })
  const { id: cancelled } = await own.cancelled()
  other.clock.advance({ ms: 1 })
  const { id: completed } = await own.stored()
  other.clock.advance({ ms: 1 })
  const { id: pending } = await own.pending()
  const body = ok(await own.list())
  assert.deepEqual(
    body.data.map(({ id, status }) => [id, status]),
    [
      [pending, 'PENDING'],
      [completed, 'COMPLETED'],
      [cancelled, 'CANCELLED'],
      [expired, 'EXPIRED'],
    ],
  )
  assert.equal(body.totalCount, 4)
  for (const file of body.data) assert.deepEqual(file, ok(await own.retrieve(file.id)))
})
