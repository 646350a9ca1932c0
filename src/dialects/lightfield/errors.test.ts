import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import {
  assertRefusal,
  exchange,
  type Headings,
  LightfieldClient,
  ok,
  type Refusal,
} from '../../../test/lightfield-client.ts'
import { StoreError } from '../../core/errors.ts'

const UNKNOWN_ID = 'fil_0000000000000000000000000'

let server: TestServer
let client: LightfieldClient

before(async () => {
  server = await TestServer.start()
  client = new LightfieldClient(server)
})
after(() => server.stop())

const unauthorized: Refusal = [401, 'unauthorized']

const badKeys: Record<string, Headings> = {
  'without a key': { authorization: undefined },
  'with another scheme': { authorization: 'Basic c2VjcmV0OnNlY3JldA==' },
  'with a scheme and no key': { authorization: 'Bearer' },
  'with a key and no scheme': { authorization: 'ek_0123456789' },
  'with an unknown key': { authorization: `Bearer ek_${'0'.repeat(38)}` },
  'with a key of spaces and signs': { authorization: 'Bearer My API Key; DROP TABLE keys' },
}

for (const [name, headers] of Object.entries(badKeys)) {
  test(`a request ${name} gets 401 and no rate headers`, async () => {
    for (const [method, path] of [
      ['GET', '/v1/files'],
      ['GET', '/v1/auth/validate'],
      ['POST', '/v1/files'],
    ] as const) {
      const answer = await client.send(method, path, undefined, headers)
      assertRefusal(answer, unauthorized)
      assert.equal(answer.headers.get('x-ratelimit-limit'), null)
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer')
    }
  })
}

test('a key counts until the moment it is revoked', async () => {
  const other = new LightfieldClient(server, await server.newKey({ name: 'to be revoked' }))
  assert.equal((await other.list()).status, 200)
  const { metadata, clock } = server.app.services
  const key = (await metadata.listKeys()).find(({ name }) => name === 'to be revoked')
  await metadata.commit([{ kind: 'key.revoke', id: key?.id ?? '', revokedAt: clock.now() }])
  assertRefusal(await other.list(), unauthorized)
})

test('the scheme of a key is matched in any letter case', async () => {
  for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
    const answer = await client.send('GET', '/v1/auth/validate', undefined, {
      authorization: `${scheme} ${server.key}`,
    })
    assert.equal(answer.status, 200)
  }
})

const version: Refusal = [400, 'bad_request', 'version_header', 'Lightfield-Version']

test('a version that is missing, empty or unknown is refused on every operation', async () => {
  const { id } = await client.pending()
  const paths = ['/v1/files', `/v1/files/${id}`, `/v1/files/${id}/url`, '/v1/auth/validate']
  for (const sent of [undefined, '', '2025-01-01', '2026-03-01, 2026-03-01', 'latest']) {
    const headers = { 'lightfield-version': sent }
    for (const path of paths) assertRefusal(await client.send('GET', path, undefined, headers), version)
    assertRefusal(await client.create({}, headers), version)
    assertRefusal(await client.complete(id, {}, headers), version)
    assertRefusal(await client.cancel(id, headers), version)
  }
})

test('a version is not asked for where the operator says so, but a wrong one stays wrong', async (t) => {
  const lenient = await TestServer.start({ ENTREPOT_LIGHTFIELD_REQUIRE_VERSION: 'off' })
  t.after(() => lenient.stop())
  const other = new LightfieldClient(lenient)
  assert.equal((await other.create({}, { 'lightfield-version': undefined })).status, 200)
  assertRefusal(await other.create({}, { 'lightfield-version': '2025-01-01' }), version)
  // On the paths that other dialects have, too, nothing else tells whose a request is.
  const headers = { authorization: `Bearer ${lenient.key}`, 'content-type': 'application/json' }
  assertRefusal(await exchange('POST', `${lenient.url}/v1/files`, '{}', headers), version)
})

test('a key without the scope gets 403 on what it lacks and may do the rest', async () => {
  const { id } = await client.stored()
  const reader = new LightfieldClient(server, await server.newKey({ scopes: ['files:read'] }))
  const writer = new LightfieldClient(server, await server.newKey({ scopes: ['files:create'] }))
  const forbidden: Refusal = [403, 'forbidden']
  for (const answer of [await reader.create(), await reader.complete(id), await reader.cancel(id)])
    assertRefusal(answer, forbidden)
  for (const answer of [await writer.list(), await writer.retrieve(id), await writer.url(id)])
    assertRefusal(answer, forbidden)
  // Another subject's file, stored already: its answer would only tell of it.
  assertRefusal(await writer.complete(id), forbidden)
  for (const answer of [await reader.list(), await reader.retrieve(id), await reader.url(id)])
    assert.equal(answer.status, 200)
  assert.equal((await writer.create()).status, 200)
  assert.equal((await writer.complete((await writer.staged()).id)).status, 200)
  for (const each of [reader, writer]) assert.equal((await each.send('GET', '/v1/auth/validate')).status, 200)
})

const notFound: Refusal = [404, 'not_found']
const notAllowed: Refusal = [405, 'method_not_allowed']

test('an id that nobody has gets 404 on every operation, whatever it looks like', async () => {
  const ids = [
    UNKNOWN_ID,
    '',
    'id',
    'file_abc',
    'dfl-01890000-0000-7000-8000-0000000000ff',
    '01890000-0000-7000-8000-0000000000ff',
    `fvt${'0'.repeat(26)}`,
    '..%2f..%2fetc%2fpasswd',
    '%00',
    "'%20OR%201=1",
    'x'.repeat(200),
  ]
  for (const id of [
    ...ids,
    'x'.repeat(201),
    'x'.repeat(20_000),
    'fil_zzzzzzzzzzzzzzzzzzzzzzzzz',
    '%7B%22$ne%22:1%7D',
  ]) {
    for (const verb of id === '' ? [''] : ['', '/url'])
      assertRefusal(await client.send('GET', `/v1/files/${id}${verb}`), notFound)
    assertRefusal(await client.complete(id), notFound)
    assertRefusal(await client.cancel(id), notFound)
  }
})

test('a route that does not exist gets 404, a method that it does not take 405, with or without a key', async () => {
  const { id } = await client.pending()
  const requests = [
    ['GET', '/v1/nothing'],
    ['HEAD', '/v1/nothing'],
    ['GET', '/v1/v1/files'],
    ['GET', '//v1/files'],
    ['GET', `/v1/files/${id}/content`],
    ['DELETE', `/v1/files/${id}`, 'GET, HEAD'],
    ['PATCH', `/v1/files/${id}`, 'GET, HEAD'],
    ['PUT', '/v1/files', 'GET, HEAD, POST'],
    ['OPTIONS', '/v1/files', 'GET, HEAD, POST'],
    ['GET', `/v1/files/${id}/complete`, 'POST'],
    ['POST', `/v1/files/${id}/url`, 'GET, HEAD'],
  ] as const
  for (const [method, path, allow] of requests) {
    for (const headers of [{}, { authorization: undefined, 'lightfield-version': undefined }]) {
      const answer = await client.send(method, path, undefined, headers)
      assert.equal(answer.status, allow === undefined ? 404 : 405, `${method} ${path}`)
      assert.equal(answer.headers.get('allow'), allow ?? null)
      if (method !== 'HEAD') assertRefusal(answer, allow === undefined ? notFound : notAllowed)
    }
  }
})

const unsupportedTypes = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/jsonx',
  'application/json-patch+json',
  'application/json garbage',
  'json',
  'application/xml',
  '*/*',
]

test('a body that is not declared as JSON gets 415', async () => {
  const body = JSON.stringify({ filename: 'x', mimeType: 'y', sizeBytes: 1 })
  for (const type of [undefined, ...unsupportedTypes]) {
    const answer = await client.send('POST', '/v1/files', body, { 'content-type': type })
    assertRefusal(answer, [415, 'unsupported_media_type'])
  }
})

test('a body in a content coding gets 415', async () => {
  for (const coding of ['gzip', 'br', 'deflate', 'x', 'gzip, gzip', 'identity, gzip']) {
    const answer = await client.create({}, { 'content-encoding': coding })
    assertRefusal(answer, [415, 'unsupported_media_type'])
  }
  assert.equal((await client.create({}, { 'content-encoding': 'identity' })).status, 200)
})

test('bytes that are gone are a fault, told without details', async () => {
  // More than the database holds itself.
  const { id } = await client.stored('to be lost'.repeat(7_000))
  const { blobs } = server.app.services
  const link = await client.link(id)
  for await (const { key } of blobs.list()) await blobs.delete(key)
  const response = await fetch(link)
  assert.equal(response.status, 500)
  const text = await response.text()
  assert.deepEqual(Object.keys(JSON.parse(text)), ['error'])
  assert.doesNotMatch(text, /blobs|ENOENT|staging|entrepot-test|at /)
  for (const header of ['content-disposition', 'content-range', 'etag', 'last-modified'])
    assert.equal(response.headers.get(header), null, header)
  assert.equal(ok(await client.retrieve(id)).status, 'COMPLETED')
})

/** What a store throws, and the answer of every operation that needs it. */
const faults: readonly (readonly [name: string, thrown: Error, refusal: Refusal, retry: string | null])[] = [
  ['is away', new StoreError('unavailable', 'secret'), [503, 'service_unavailable'], null],
  ['does not answer', new StoreError('timeout', 'secret'), [504, 'gateway_timeout'], null],
  ['is full', new StoreError('full', 'secret'), [503, 'service_unavailable'], 'false'],
  ['fails as nobody foresaw', new Error('secret'), [500, 'internal_server_error'], null],
]

for (const [name, thrown, refusal, retry] of faults) {
  test(`a store that ${name} is told as ${refusal.join(' ')}, and nothing of it is kept`, async (t) => {
    const key = { 'idempotency-key': name }
    const { id } = await client.staged()
    const { metadata } = server.app.services
    const fail = async () => {
      throw thrown
    }
    const mocks = [t.mock.method(metadata, 'commit', fail), t.mock.method(metadata, 'findFile', fail)]
    const answers = [
      await client.create({}, key),
      await client.complete(id, {}, key),
      await client.cancel(id, key),
      await client.retrieve(id),
      await client.url(id),
    ]
    for (const { mock } of mocks) mock.restore()
    for (const answer of answers) {
      assertRefusal(answer, refusal)
      assert.equal(answer.headers.get('x-should-retry'), retry)
      assert.doesNotMatch(answer.text, /secret/)
    }
    assert.equal((await client.create({}, key)).status, 200)
    assert.equal(ok(await client.complete(id, {}, key)).status, 'COMPLETED')
  })
}
