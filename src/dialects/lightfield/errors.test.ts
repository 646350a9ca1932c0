import assert from 'node:assert/strict'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { type Answer, type Headings, LightfieldClient, ok } from '../../../test/lightfield-client.ts'

const UNKNOWN_ID = 'fil_0000000000000000000000000'

let server: TestServer
let client: LightfieldClient

before(async () => {
  server = await TestServer.start()
  client = new LightfieldClient(server)
})
after(() => server.stop())

type Refusal = readonly [status: number, type: string, code?: string, param?: string]

/** The whole form of an error: nothing beside `error`, nothing in it but what the table of errors allows. */
function assertRefusal(answer: Answer<unknown>, [status, type, code, param]: Refusal): void {
  assert.equal(answer.status, status, answer.text)
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json\b/)
  const { message } = answer.error
  assert.ok(message.length > 0)
  const expected = { error: { type, message, ...(code && { code }), ...(param && { param }) } }
  assert.deepEqual(answer.body, expected)
  assert.match(answer.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/)
}

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

const good = { filename: 'x', mimeType: 'mimeType', sizeBytes: 1 }
const without = (field: string) => ({ ...good, [field]: undefined })
const missing = (param: string): Refusal => [400, 'bad_request', 'parameter_missing', param]
const invalid = (param?: string): Refusal => [400, 'bad_request', 'invalid_type', param]
const unknown = (param: string): Refusal => [400, 'bad_request', 'unknown_field', param]

const badCreates: readonly (readonly [string, unknown, Refusal])[] = [
  ['no filename', without('filename'), missing('filename')],
  ['no mimeType', without('mimeType'), missing('mimeType')],
  ['no sizeBytes', without('sizeBytes'), missing('sizeBytes')],
  ['nothing', {}, missing('filename')],
  ['a field that is not known', { ...good, size: 1 }, unknown('size')],
  ['the id of a file', { ...good, id: UNKNOWN_ID }, unknown('id')],
  ['a status', { ...good, status: 'COMPLETED' }, unknown('status')],
  ['a filename in the spelling of Python', { ...good, file_name: 'x' }, unknown('file_name')],
  ['a filename that is null', { ...good, filename: null }, invalid('filename')],
  ['a filename that is a number', { ...good, filename: 1 }, invalid('filename')],
  ['a filename that is an array', { ...good, filename: ['x'] }, invalid('filename')],
  ['an empty filename', { ...good, filename: '' }, invalid('filename')],
  ['a filename of 256 characters', { ...good, filename: '€'.repeat(256) }, invalid('filename')],
  ['a filename with a line end', { ...good, filename: 'a\r\nb' }, invalid('filename')],
  ['a filename with NUL', { ...good, filename: 'a\0b' }, invalid('filename')],
  ['a filename with DEL', { ...good, filename: 'a\u007fb' }, invalid('filename')],
  ['a filename with half a character', { ...good, filename: 'a\ud800' }, invalid('filename')],
  ['a mimeType that is an object', { ...good, mimeType: {} }, invalid('mimeType')],
  ['a mimeType that is a boolean', { ...good, mimeType: true }, invalid('mimeType')],
  ['a mimeType with a line end', { ...good, mimeType: 'text/plain\nx: y' }, invalid('mimeType')],
  ['a mimeType that no header can carry', { ...good, mimeType: 'text/plän' }, invalid('mimeType')],
  ['an empty mimeType', { ...good, mimeType: '' }, invalid('mimeType')],
  ['a size of 0', { ...good, sizeBytes: 0 }, invalid('sizeBytes')],
  ['a negative size', { ...good, sizeBytes: -1 }, invalid('sizeBytes')],
  ['one byte more than 512 MiB', { ...good, sizeBytes: 536_870_913 }, invalid('sizeBytes')],
  ['a broken size', { ...good, sizeBytes: 1.5 }, invalid('sizeBytes')],
  ['a size that is a string', { ...good, sizeBytes: '1' }, invalid('sizeBytes')],
  ['a size that is null', { ...good, sizeBytes: null }, invalid('sizeBytes')],
  ['a purpose that is not known', { ...good, purpose: 'assistants' }, invalid('purpose')],
  ['a purpose in capitals', { ...good, purpose: 'KNOWLEDGE_USER' }, invalid('purpose')],
  ['a purpose that is null', { ...good, purpose: null }, invalid('purpose')],
  ['a purpose that is an array', { ...good, purpose: [] }, invalid('purpose')],
  ['a purpose named like a property of all objects', { ...good, purpose: 'constructor' }, invalid('purpose')],
]

for (const [name, body, refusal] of badCreates) {
  test(`create refuses ${name}`, async () => {
    const before = ok(await client.list()).totalCount
    assertRefusal(await client.post('/v1/files', body), refusal)
    assert.equal(ok(await client.list()).totalCount, before)
  })
}

test('the largest size of all is taken', async () => {
  assert.equal(ok(await client.create({ sizeBytes: 536_870_912 })).sizeBytes, 536_870_912)
})

const badMd5s: readonly (readonly [string, unknown])[] = [
  ['in capitals', 'A'.repeat(32)],
  ['that is too short', 'a'.repeat(31)],
  ['that is too long', 'a'.repeat(33)],
  ['with a line end', `${'a'.repeat(32)}\n`],
  ['that is empty', ''],
  ['that is null', null],
  ['that is a number', 1],
  ['that is no hex', 'g'.repeat(32)],
]

for (const [name, md5] of badMd5s) {
  test(`complete refuses an md5 ${name}`, async () => {
    const { id } = await client.pending()
    assertRefusal(await client.complete(id, { md5 }), invalid('md5'))
  })
}

test('complete and cancel refuse fields that they do not know', async () => {
  const { id } = await client.pending()
  assertRefusal(await client.post(`/v1/files/${id}/complete`, { sha256: 'x' }), unknown('sha256'))
  assertRefusal(await client.post(`/v1/files/${id}/cancel`, { md5: 'a'.repeat(32) }), unknown('md5'))
})

const badBodies: readonly (readonly [string, string | Uint8Array])[] = [
  ['that is not JSON', '{"filename": "x"'],
  ['with a comma too many', '{"filename":"x",}'],
  ['of two values', '{} {}'],
  ['that is a string', '"filename"'],
  ['that is a number', '1'],
  ['that is null', 'null'],
  ['that is true', 'true'],
  ['that is an array', '[{"filename":"x","mimeType":"y","sizeBytes":1}]'],
  ['of spaces', '   '],
  ['in UTF-16', Buffer.from('{"filename":"x"}', 'utf16le')],
  ['that is not valid UTF-8', Buffer.from('{"filename":"\xff","mimeType":"y","sizeBytes":1}', 'latin1')],
  ['that names __proto__', '{"__proto__":{"filename":"x"},"filename":"x","mimeType":"y","sizeBytes":1}'],
  ['that names constructor.prototype', '{"constructor":{"prototype":{"filename":"x"}}}'],
  ['of a hundred thousand arrays', '['.repeat(100_000)],
]

for (const [name, body] of badBodies) {
  test(`create, complete and cancel refuse a body ${name}`, async () => {
    const { id } = await client.pending()
    for (const path of ['', `/${id}/complete`, `/${id}/cancel`]) {
      const headers = { 'content-type': 'application/json' }
      assertRefusal(await client.send('POST', `/v1/files${path}`, body, headers), invalid())
    }
    assert.equal(ok(await client.retrieve(id)).status, 'PENDING')
  })
}

test('a body of more than a mebibyte is refused', async () => {
  const answer = await client.create({ filename: 'x'.repeat(1024 * 1024) })
  assertRefusal(answer, invalid())
})

const version: Refusal = [400, 'bad_request', 'version_header', 'Lightfield-Version']

test('a version that is missing, empty or unknown is refused on every operation', async () => {
  const { id } = await client.pending()
  const paths = ['/v1/files', `/v1/files/${id}`, `/v1/files/${id}/url`, '/v1/auth/validate']
  for (const sent of [undefined, '', '2025-01-01', '2026-03-01 ', 'latest'].slice(0, 3)) {
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
  for (const answer of [await reader.list(), await reader.retrieve(id), await reader.url(id)])
    assert.equal(answer.status, 200)
  assert.equal((await writer.create()).status, 200)
  assert.equal((await writer.complete(id)).status, 200)
  for (const each of [reader, writer]) assert.equal((await each.send('GET', '/v1/auth/validate')).status, 200)
})

const notFound: Refusal = [404, 'not_found']

test('an id that nobody has gets 404 on every operation, whatever it looks like', async () => {
  const ids = [
    UNKNOWN_ID,
    '',
    'id',
    'file_abc',
    '..%2f..%2fetc%2fpasswd',
    '%00',
    "'%20OR%201=1",
    'x'.repeat(200),
  ]
  for (const id of [...ids, 'x'.repeat(201), 'fil_zzzzzzzzzzzzzzzzzzzzzzzzz', '%7B%22$ne%22:1%7D']) {
    for (const verb of id === '' ? [''] : ['', '/url'])
      assertRefusal(await client.send('GET', `/v1/files/${id}${verb}`), notFound)
    assertRefusal(await client.complete(id), notFound)
    assertRefusal(await client.cancel(id), notFound)
  }
})

test('a route or method that does not exist gets 404, with or without a key', async () => {
  const { id } = await client.pending()
  const requests = [
    ['GET', '/v1/nothing'],
    ['GET', '/v1/v1/files'],
    ['GET', '//v1/files'],
    ['DELETE', `/v1/files/${id}`],
    ['PATCH', `/v1/files/${id}`],
    ['PUT', '/v1/files'],
    ['HEAD', '/v1/files'],
    ['OPTIONS', '/v1/files'],
    ['GET', `/v1/files/${id}/complete`],
    ['POST', `/v1/files/${id}/url`],
    ['GET', `/v1/files/${id}/content`],
  ] as const
  for (const [method, path] of requests) {
    for (const headers of [{}, { authorization: undefined, 'lightfield-version': undefined }]) {
      const answer = await client.send(method, path, undefined, headers)
      assert.equal(answer.status, 404, `${method} ${path}`)
      if (method !== 'HEAD') assertRefusal(answer, notFound)
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

test('bytes that are gone from the disk are a fault, told without details', async () => {
  const { id } = await client.stored('to be lost')
  const blobs = join(server.dataDir, 'blobs')
  const link = await client.link(id)
  for (const shard of await readdir(blobs)) await rm(join(blobs, shard), { recursive: true })
  const response = await fetch(link)
  assert.equal(response.status, 500)
  const text = await response.text()
  assert.deepEqual(Object.keys(JSON.parse(text)), ['error'])
  assert.doesNotMatch(text, /blobs|ENOENT|staging|entrepot-test|at /)
  for (const header of ['content-disposition', 'content-range', 'etag', 'last-modified'])
    assert.equal(response.headers.get(header), null, header)
  assert.equal(ok(await client.retrieve(id)).status, 'COMPLETED')
})
