import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  ANTHROPIC_FILES,
  ANTHROPIC_VERSION,
  AnthropicClient,
  FILES_BETA,
  refusalOf,
} from '../../../test/anthropic-client.ts'
import { TestServer } from '../../../test/harness.ts'
import type { Headings } from '../../../test/lightfield-client.ts'
import { assertKeeps, BOUNDARY, filePart } from '../../../test/llamacloud-client.ts'
import { setQuota } from '../../../test/usage.ts'
import { StoreError } from '../../core/errors.ts'

const LIMIT = 1000
const UNKNOWN = `file_${'0'.repeat(32)}`
const FORM_TYPE = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }

let server: TestServer
let client: AnthropicClient

before(async () => {
  server = await TestServer.start({ ENTREPOT_ANTHROPIC_MAX_FILE_BYTES: String(LIMIT) })
  client = new AnthropicClient(server)
})
after(() => server.stop())

const keyed: readonly (readonly [string, string])[] = [
  ['GET', ANTHROPIC_FILES],
  ['POST', ANTHROPIC_FILES],
  ['GET', `${ANTHROPIC_FILES}/${UNKNOWN}`],
  ['GET', `${ANTHROPIC_FILES}/${UNKNOWN}/content`],
  ['DELETE', `${ANTHROPIC_FILES}/${UNKNOWN}`],
]

for (const [method, path] of keyed) {
  test(`${method} ${path} takes a key in either header, and asks for it before anything else`, async () => {
    const { key } = server
    const wrong: readonly Headings[] = [
      {},
      { 'x-api-key': 'wrong' },
      { 'x-api-key': '' },
      { authorization: 'Bearer wrong' },
      { authorization: `Basic ${key}` },
    ]
    for (const headers of wrong) {
      const answer = await client.send(method, `${path}?limit=x`, undefined, {
        'x-api-key': undefined,
        ...headers,
      })
      const { status, type, message } = refusalOf(answer)
      assert.deepEqual([status, type, message], [401, 'authentication_error', 'invalid x-api-key'])
    }
    for (const headers of [{ 'x-api-key': key }, { 'x-api-key': undefined, authorization: `Bearer ${key}` }])
      assert.notEqual((await client.send(method, path, undefined, headers)).status, 401)
  })
}

test('every answer has a request id, which errors repeat', async () => {
  const { id } = await client.stored()
  const answers = [
    await client.list().then(() => client.get('')),
    await client.get(`/${id}`),
    await client.get(`/${id}/content`),
    await client.delete(id),
  ]
  const seen = answers.map(({ headers }) => headers.get('request-id') ?? '')
  for (const requestId of seen) assert.match(requestId, /^req_[0-9a-f]{32}$/)
  assert.equal(new Set(seen).size, answers.length)
  refusalOf(await client.delete(id))
})

test('an address that is not there is 404, and a method that is not taken 405, in the vendor’s envelope', async () => {
  for (const path of [
    `${ANTHROPIC_FILES}/`,
    '/v1/messages',
    '/anthropic/v2',
    `${ANTHROPIC_FILES}/${UNKNOWN}/x`,
  ]) {
    const { status, type } = refusalOf(await client.send('GET', path))
    assert.deepEqual([status, type], [404, 'not_found_error'], path)
  }
  const answer = await client.send('PATCH', `${ANTHROPIC_FILES}/${UNKNOWN}`)
  const { status, type } = refusalOf(answer)
  assert.deepEqual([status, type], [405, 'invalid_request_error'])
  assert.equal(answer.headers.get('allow'), 'GET, HEAD, DELETE')
})

/** What marks a request at the root as this vendor's; none of them is needed below the prefix. */
const marks: readonly Headings[] = [
  { 'anthropic-version': ANTHROPIC_VERSION },
  FILES_BETA,
  { 'anthropic-workspace-id': 'default' },
  { 'user-agent': 'Anthropic/JS 1.14.0' },
  { 'user-agent': 'AsyncAnthropic/Python 2.14.0' },
]
test('a request at the root is this vendor’s by any of its marks', async () => {
  const bare = { 'x-api-key': undefined, 'anthropic-version': undefined }
  for (const mark of marks) {
    const authorization = `Bearer ${server.key}`
    const answer = await client.get(`/${UNKNOWN}`, { ...bare, authorization, ...mark })
    assert.equal(refusalOf(answer).status, 404, JSON.stringify(mark))
  }
  for (const headers of [{ 'x-api-key': server.key }, { 'x-api-key': 'wrong' }])
    refusalOf(await client.get(`/${UNKNOWN}`, { ...bare, ...headers }))
  refusalOf(await client.send('GET', `/anthropic${ANTHROPIC_FILES}/${UNKNOWN}`, undefined, bare))
})

test('an upload without its file, or that is no form, is 400 and leaves nothing', async () => {
  const refusals = [
    await client.upload([]),
    await client.upload([{ name: 'expires_in_seconds', content: '3600' }]),
    await client.send('POST', ANTHROPIC_FILES),
    await client.send('POST', ANTHROPIC_FILES, undefined, FORM_TYPE),
    await client.send('POST', ANTHROPIC_FILES, '{}', { 'content-type': 'application/json' }),
    await client.send('POST', ANTHROPIC_FILES, 'hello', { 'content-type': 'text/plain' }),
    await client.send('POST', ANTHROPIC_FILES, 'no form', FORM_TYPE),
    await client.send('POST', ANTHROPIC_FILES, `--${BOUNDARY}\r\n`, FORM_TYPE),
    await client.upload([filePart(), filePart('other', 'b.txt')]),
  ]
  for (const answer of refusals) {
    const { status, type } = refusalOf(answer)
    assert.deepEqual([status, type], [400, 'invalid_request_error'])
  }
  assert.equal(refusalOf(refusals[0] as never).message, 'file: Field required')
  await assertKeeps(server, 0)
})

test('a file of the limit fits, one byte more is too large', async () => {
  const { id } = await client.stored('x'.repeat(LIMIT))
  for (const bytes of [LIMIT + 1, LIMIT + 2 * 1024 * 1024]) {
    const { status, type } = refusalOf(await client.upload([filePart('x'.repeat(bytes))]))
    assert.deepEqual([status, type], [413, 'request_too_large'])
  }
  await client.delete(id)
  await assertKeeps(server, 0)
})

test('a quota that is used up is 400 with its code', async (t) => {
  await setQuota(server, 'organization', { files: 0 })
  t.after(() => setQuota(server, 'organization', {}))
  const refusal = refusalOf(await client.upload([filePart()]))
  const message = 'Storage quota exceeded.'
  assert.deepEqual(refusal, {
    status: 400,
    type: 'invalid_request_error',
    code: 'storage_quota_exceeded',
    message,
  })
})

test('a key without the scope is 403, and one beyond its rate 429 with a time', async (t) => {
  const key = await server.newKey({ scopes: ['files:create'] })
  const { status, type } = refusalOf(await new AnthropicClient(server, key).get(''))
  assert.deepEqual([status, type], [403, 'permission_error'])
  const over = { limit: 1, remaining: 0, admitted: false, retryAfterSeconds: 7, fullInMs: 1000 }
  t.mock.method(server.app.services.rates, 'take', () => over)
  const answer = await client.get('')
  assert.deepEqual([refusalOf(answer).status, refusalOf(answer).type], [429, 'rate_limit_error'])
  assert.equal(answer.headers.get('retry-after'), '7')
})

/** What the store fails with, and whether its clients are to try again. */
const failures = [
  ['full', 529, 'overloaded_error', 'false'],
  ['unavailable', 529, 'overloaded_error', null],
  ['timeout', 504, 'timeout_error', null],
  ['refused', 500, 'api_error', null],
] as const
for (const [code, status, type, shouldRetry] of failures) {
  test(`a store that is ${code} is ${status}`, async (t) => {
    t.mock.method(server.app.services.metadata, 'commit', async () => {
      throw new StoreError(code, 'for the log')
    })
    const answer = await client.upload([filePart()])
    const refusal = refusalOf(answer)
    assert.deepEqual([refusal.status, refusal.type], [status, type])
    assert.doesNotMatch(answer.text, /for the log/)
    assert.equal(answer.headers.get('x-should-retry'), shouldRetry)
  })
}

test('a workspace is a project of the key, by id or slug, and is told with every answer about it', async () => {
  const { services } = server.app
  const [project] = await services.metadata.listProjects()
  const workspace = `wrkspc_${project?.id.replaceAll('-', '')}`
  const { id } = await client.stored()
  for (const named of [workspace, project?.id, 'default', ''])
    for (const path of ['', `/${id}`]) {
      const answer = await client.get(path, { 'anthropic-workspace-id': named })
      assert.equal(answer.status, 200, answer.text)
      assert.equal(answer.headers.get('anthropic-workspace-id'), workspace)
    }
  for (const path of ['', `/${id}`]) {
    const refusal = refusalOf(await client.get(path, { 'anthropic-workspace-id': 'wrkspc_other' }))
    assert.deepEqual([refusal.status, refusal.type], [403, 'permission_error'])
    assert.equal(refusal.message, 'This API key has no access to this workspace.')
  }
  await client.delete(id)
})
