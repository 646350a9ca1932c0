import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { type Answer, LightfieldClient, VERSION } from '../../../test/lightfield-client.ts'

/** One request a second per class, so that the second one is over the limit. */
let limited: TestServer
let server: TestServer
let member: string
let reader: string

before(async () => {
  server = await TestServer.start()
  limited = await TestServer.start({ ENTREPOT_RATE_LIMITS: '1' })
  member = await server.newKey({ role: 'member', userId: null })
  reader = await limited.newKey({ scopes: ['files:read'] })
})
after(() => Promise.all([server.stop(), limited.stop()]))

const badVersion = { 'lightfield-version': '2025-01-01' }
const badKey = { authorization: 'Bearer nobody' }
const notJson = { 'content-type': 'text/plain' }
const badDigest = { 'entrepot-content-sha256': 'x' }
const longKey = { 'idempotency-key': 'k'.repeat(256) }
const UNKNOWN = '/v1/files/fil_0000000000000000000000000'

function outcome({ status, error }: Answer<unknown>): string {
  return [status, error.code ?? error.type, error.param].filter(Boolean).join(' ')
}

function asAdmin(): LightfieldClient {
  return new LightfieldClient(server)
}

function asMember(): LightfieldClient {
  return new LightfieldClient(server, member)
}

/** A request with two problems at once, and the one that is told. The order is that of the table of checks. */
const pairs: readonly (readonly [string, string, () => Promise<Answer<unknown>>])[] = [
  ['an unknown route before a bad key', '404 not_found', () => asAdmin().post('/v1/none', {}, badKey)],
  [
    'a bad key before a bad version',
    '401 unauthorized',
    () => asAdmin().create({}, { ...badKey, ...badVersion }),
  ],
  [
    'a bad version before a missing scope',
    '400 version_header Lightfield-Version',
    () => new LightfieldClient(limited, reader).create({}, badVersion),
  ],
  [
    'a bad version before a bad media type',
    '400 version_header Lightfield-Version',
    () => asAdmin().create({}, { ...badVersion, ...notJson }),
  ],
  [
    'a bad version before an unknown id',
    '400 version_header Lightfield-Version',
    () => asAdmin().post(`${UNKNOWN}/complete`, {}, badVersion),
  ],
  [
    'a bad media type before a bad field',
    '415 unsupported_media_type',
    () => asAdmin().create({ sizeBytes: 0 }, notJson),
  ],
  [
    'a bad media type before an overlong idempotency key',
    '415 unsupported_media_type',
    () => asAdmin().create({}, { ...notJson, ...longKey }),
  ],
  [
    'an overlong idempotency key before a bad field',
    '400 idempotency_key_too_long Idempotency-Key',
    () => asAdmin().create({ sizeBytes: 0 }, longKey),
  ],
  [
    'a bad media type before a malformed digest',
    '415 unsupported_media_type',
    () => asAdmin().create({}, { ...notJson, ...badDigest }),
  ],
  [
    'an overlong idempotency key before a malformed digest',
    '400 idempotency_key_too_long Idempotency-Key',
    () => asAdmin().create({}, { ...longKey, ...badDigest }),
  ],
  [
    'a malformed digest before a bad field',
    '400 invalid_type Entrepot-Content-Sha256',
    () => asAdmin().create({ sizeBytes: 0 }, badDigest),
  ],
  [
    'a bad field before a missing role',
    '400 invalid_type sizeBytes',
    () => asMember().create({ sizeBytes: 0, purpose: 'knowledge_workspace' }),
  ],
  [
    'control characters before a missing role',
    '400 invalid_type filename',
    () => asMember().create({ filename: 'a\n', purpose: 'knowledge_workspace' }),
  ],
  [
    'a missing role before a size that the purpose refuses',
    '403 forbidden',
    () => asMember().create({ sizeBytes: 536_870_912, purpose: 'knowledge_workspace' }),
  ],
  [
    'a bad field before an unknown id',
    '400 invalid_type md5',
    () => asAdmin().post(`${UNKNOWN}/complete`, { md5: 'x' }),
  ],
  [
    'a bad media type before an unknown id',
    '415 unsupported_media_type',
    () => asAdmin().post(`${UNKNOWN}/cancel`, {}, notJson),
  ],
]

for (const [name, expected, request] of pairs) {
  test(`reports ${name}`, async () => assert.equal(outcome(await request()), expected))
}

test('reports a bad version before the rate limit, without counting it', async () => {
  const client = new LightfieldClient(limited)
  limited.clock.advance({ seconds: 1 })
  for (let i = 0; i < 3; i++) {
    assert.equal(outcome(await client.create({}, badVersion)), '400 version_header Lightfield-Version')
  }
  assert.equal((await client.create()).status, 200)
})

test('reports the rate limit before a missing scope, a bad media type, a bad body and an unknown id', async () => {
  const lacking = new LightfieldClient(limited, reader)
  limited.clock.advance({ seconds: 1 })
  assert.equal(outcome(await lacking.create()), '403 forbidden')
  assert.equal(outcome(await lacking.create()), '429 too_many_requests')
  const client = new LightfieldClient(limited)
  assert.equal(outcome(await client.create({}, notJson)), '429 too_many_requests')
  assert.equal(outcome(await client.create({ sizeBytes: 0 })), '429 too_many_requests')
  assert.equal(outcome(await client.post(`${UNKNOWN}/cancel`)), '429 too_many_requests')
})

test('reports a missing scope before a bad media type and a bad body', async () => {
  const lacking = new LightfieldClient(server, await server.newKey({ scopes: ['files:read'] }))
  assert.equal(outcome(await lacking.create({}, notJson)), '403 forbidden')
  assert.equal(
    outcome(await lacking.create({ sizeBytes: 0 }, { 'lightfield-version': VERSION })),
    '403 forbidden',
  )
})

test('reports a MIME type before a size that the purpose refuses', async () => {
  const fields = { purpose: 'meeting_transcript', mimeType: 'image/png', sizeBytes: 536_870_912 }
  assert.equal(outcome(await asAdmin().create(fields)), '422 unprocessable_content mimeType')
})

test('reports a malformed md5 and an overlong idempotency key before the state of the file', async () => {
  const { id } = await asAdmin().cancelled()
  assert.equal(outcome(await asAdmin().complete(id, { md5: 'x' })), '400 invalid_type md5')
  assert.equal(outcome(await asAdmin().cancel(id, longKey)), '400 idempotency_key_too_long Idempotency-Key')
})

test('reports missing bytes before a wrong md5', async () => {
  const { id } = await asAdmin().pending()
  assert.equal(outcome(await asAdmin().complete(id, { md5: '0'.repeat(32) })), '422 unprocessable_content')
})

test('reports a missing scope before a bad query and an unknown id', async () => {
  const lacking = new LightfieldClient(server, await server.newKey({ scopes: ['files:create'] }))
  assert.equal(outcome(await lacking.list('?limit=0')), '403 forbidden')
  assert.equal(outcome(await lacking.retrieve('nobody')), '403 forbidden')
})
