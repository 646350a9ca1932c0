import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { type Answer, LightfieldClient, ok, putBytes } from '../../../test/lightfield-client.ts'

const LIMITS = { write: 5, read: 3, search: 2 }

let server: TestServer
let client: LightfieldClient

beforeEach(async () => {
  // One server for all tests; a minute makes every bucket full again, and nobody is queued for it any more.
  server ??= await TestServer.start({ ENTREPOT_RATE_LIMITS: 'write=5,read=3,search=2' })
  client ??= new LightfieldClient(server)
  server.clock.advance({ minutes: 1 })
})
after(() => server.stop())

const UNKNOWN = 'fil_0000000000000000000000000'

/** Every operation with its category. The files need not exist: a request counts before anything is looked up. */
const operations: Record<string, readonly [keyof typeof LIMITS, () => Promise<Answer<unknown>>]> = {
  'file.create': ['write', () => client.create()],
  'file.complete': ['write', () => client.complete(UNKNOWN)],
  'file.cancel': ['write', () => client.cancel(UNKNOWN)],
  'file.retrieve': ['read', () => client.retrieve(UNKNOWN)],
  'file.url': ['read', () => client.url(UNKNOWN)],
  'auth.validate': ['read', () => client.send('GET', '/v1/auth/validate')],
  'file.list': ['search', () => client.list()],
}

function rates({ headers }: Answer<unknown>): (number | null)[] {
  const names = ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset']
  return names.map((name) => (headers.get(name) === null ? null : Number(headers.get(name))))
}

for (const [operation, [category, request]] of Object.entries(operations)) {
  test(`${operation} counts as ${category} and is refused past its limit`, async () => {
    const limit = LIMITS[category]
    for (let remaining = limit - 1; remaining >= 0; remaining--) {
      const answer = await request()
      assert.notEqual(answer.status, 429)
      const fullAt = server.clock.now() + ((limit - remaining) / limit) * 1000
      assert.deepEqual(rates(answer), [limit, remaining, Math.ceil(fullAt / 1000)])
      assert.equal(answer.headers.get('retry-after'), null)
    }
    const refused = await request()
    assert.equal(refused.status, 429)
    assert.equal(refused.error.type, 'too_many_requests')
    assert.deepEqual(rates(refused), [limit, 0, Math.ceil(server.clock.now() / 1000 + 1)])
    assert.equal(refused.headers.get('retry-after'), '1')
    assert.equal(refused.headers.get('x-should-retry'), null)
    for (const [other, [otherCategory, otherRequest]] of Object.entries(operations)) {
      if (otherCategory !== category) assert.notEqual((await otherRequest()).status, 429, other)
    }
  })
}

test('a bucket refills as time passes, one request at a time and never above its capacity', async () => {
  for (let i = 0; i < LIMITS.write; i++) await client.create()
  assert.equal((await client.create()).status, 429)
  server.clock.advance({ ms: 199 })
  assert.equal((await client.create()).status, 429)
  server.clock.advance({ ms: 1 })
  assert.equal((await client.create()).status, 200)
  assert.equal((await client.create()).status, 429)
  server.clock.advance({ hours: 1 })
  assert.deepEqual(rates(await client.create()).slice(0, 2), [LIMITS.write, LIMITS.write - 1])
})

test('every error but 401 carries the rate headers', async () => {
  const reader = new LightfieldClient(server, await server.newKey({ scopes: ['files:read'] }))
  const { id } = await client.pending()
  const answers = [
    [409, await client.url(id)],
    [400, await client.create({ sizeBytes: 0 })],
    [400, await client.create({}, { 'lightfield-version': undefined })],
    [403, await reader.create()],
    [404, await client.retrieve(UNKNOWN)],
    [415, await client.create({}, { 'content-type': 'text/plain' })],
    [422, await client.create({ purpose: 'meeting_transcript', mimeType: 'image/png' })],
  ] as const
  for (const [status, answer] of answers) {
    assert.equal(answer.status, status)
    assert.ok(
      rates(answer).every((value) => value !== null),
      `${status}`,
    )
  }
  const stranger = await client.create({}, { authorization: 'Bearer nobody' })
  assert.equal(stranger.status, 401)
  assert.deepEqual(rates(stranger), [null, null, null])
})

test('the keys of one organization share its buckets, another organization has its own', async () => {
  const colleague = new LightfieldClient(server, await server.newKey({ userId: 'colleague' }))
  const stranger = new LightfieldClient(server, (await server.newTenant('rates-stranger')).key)
  for (let i = 0; i < LIMITS.search; i++) assert.equal((await client.list()).status, 200)
  assert.equal((await colleague.list()).status, 429)
  assert.equal((await stranger.list()).status, 200)
})

test('bytes on links count in no category and carry no rate headers', async () => {
  const upload = ok(await client.create())
  const put = await putBytes(upload)
  assert.equal(put.status, 200)
  assert.deepEqual(rates(put), [null, null, null])
  ok(await client.complete(upload.id))
  const link = await client.link(upload.id)
  for (let i = 0; i < 10; i++) {
    const response = await fetch(link)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('x-ratelimit-limit'), null)
    await response.text()
  }
  assert.deepEqual(rates(await client.retrieve(upload.id)).slice(0, 2), [LIMITS.read, 1])
})

test('of many requests at once exactly as many are admitted as the bucket holds', async () => {
  const answers = await Promise.all(Array.from({ length: 30 }, () => client.create()))
  assert.equal(answers.filter(({ status }) => status === 200).length, LIMITS.write)
  assert.equal(answers.filter(({ status }) => status === 429).length, 30 - LIMITS.write)
})

test('a burst is told to come back as its tokens flow in, and whoever obeys gets in', async () => {
  const burst = Array.from({ length: 6 * LIMITS.write }, () => client.create())
  let refused = (await Promise.all(burst)).filter(({ status }) => status === 429)
  const told = refused.map(({ headers }) => Number(headers.get('retry-after')))
  for (let seconds = 1; seconds <= 5; seconds++) {
    const due = told.filter((after) => after === seconds).length
    assert.equal(due, LIMITS.write, `after ${seconds} s`)
    server.clock.advance({ seconds: 1 })
    refused = (await Promise.all(Array.from({ length: due }, () => client.create()))).filter(
      ({ status }) => status !== 200,
    )
    assert.equal(refused.length, 0, `after ${seconds} s`)
  }
})

test('the vendor’s own limit of 25 is the default, and off means no limit and no headers', async (t) => {
  const byDefault = await TestServer.start({ ENTREPOT_RATE_LIMITS: 'on' })
  t.after(() => byDefault.stop())
  assert.deepEqual(rates(await new LightfieldClient(byDefault).list()).slice(0, 2), [25, 24])
  const unlimited = await TestServer.start({ ENTREPOT_RATE_LIMITS: 'off' })
  t.after(() => unlimited.stop())
  const free = new LightfieldClient(unlimited)
  for (let i = 0; i < 30; i++) {
    const answer = await free.list()
    assert.equal(answer.status, 200)
    assert.deepEqual(rates(answer), [null, null, null])
  }
})
