import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import type { Answer } from '../../../test/lightfield-client.ts'
import {
  assertKeeps,
  BOUNDARY,
  detailOf,
  FILES,
  filePart,
  formOf,
  LlamaCloudClient,
  PARSE_ERROR,
  purposePart,
} from '../../../test/llamacloud-client.ts'
import { sendRaw } from '../../../test/raw-http.ts'
import { setQuota, settledUsage } from '../../../test/usage.ts'
import { StoreError } from '../../core/errors.ts'
import type { Change } from '../../core/ports/changes.ts'

const UNKNOWN = 'dfl-00000000-0000-7000-8000-000000000000'
const JSON_TYPE = { 'content-type': 'application/json' }
const FORM_TYPE = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }

let server: TestServer
let client: LlamaCloudClient

before(async () => {
  server = await TestServer.start()
  client = new LlamaCloudClient(server)
})
after(() => server.stop())

function outcome(answer: Answer<unknown>): [number, unknown] {
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
  assert.deepEqual(Object.keys(answer.body as object), ['detail'])
  return [answer.status, detailOf(answer)]
}

/** Every path there is, the methods it takes, and a body for those that need one. */
const paths: Readonly<Record<string, readonly string[]>> = {
  [FILES]: ['GET', 'POST'],
  [`${FILES}/query`]: ['GET', 'POST', 'DELETE'],
  [`${FILES}/${UNKNOWN}`]: ['GET', 'DELETE'],
  [`${FILES}/${UNKNOWN}/content`]: ['GET'],
  '/api/v1/projects': ['GET'],
  '/session': ['POST', 'DELETE'],
}
for (const [path, methods] of Object.entries(paths)) {
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']) {
    if (methods.includes(method)) continue
    test(`${method} ${path} is not allowed, with or without a key, here and below the prefix`, async () => {
      for (const caller of [client, new LlamaCloudClient(server, undefined)]) {
        for (const prefix of ['', '/llamacloud']) {
          const answer = await caller.send(method, prefix + path)
          assert.equal(answer.status, 405)
          if (method !== 'HEAD') assert.deepEqual(outcome(answer), [405, 'Method Not Allowed'])
          assert.equal(answer.headers.get('allow'), methods.join(', '))
          assert.ok(answer.headers.get('x-request-id'))
        }
      }
    })
  }
}

const keyed: readonly (readonly [string, string])[] = [
  ['GET', FILES],
  ['POST', FILES],
  ['POST', `${FILES}/query`],
  ['GET', `${FILES}/${UNKNOWN}`],
  ['GET', `${FILES}/${UNKNOWN}/content`],
  ['DELETE', `${FILES}/${UNKNOWN}`],
  ['GET', '/api/v1/projects'],
]
for (const [method, path] of keyed) {
  test(`${method} ${path} asks for a key before anything else`, async () => {
    const { key } = server
    const wrong: readonly (readonly [string | undefined, string])[] = [
      [undefined, 'Not authenticated'],
      ['Bearer', 'Invalid API key'],
      ['Bearer llx-wrong', 'Invalid API key'],
      [`Bearer ${key}x`, 'Invalid API key'],
      [`Basic ${key}`, 'Invalid API key'],
      [key, 'Invalid API key'],
    ]
    for (const [authorization, text] of wrong) {
      const answer = await client.send(method, `${path}?page_size=x`, undefined, { authorization })
      assert.deepEqual(outcome(answer), [401, text])
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer')
    }
    const right = await client.send(method, path, undefined, { authorization: `bearer ${key}` })
    assert.notEqual(right.status, 401)
  })
}

test('an address that is not there answers 404 in the same envelope', async () => {
  for (const path of ['/api/v2/x', '/llamacloud/none', `${FILES}/`, `${FILES}/${UNKNOWN}/x`]) {
    for (const caller of [client, new LlamaCloudClient(server, 'wrong')]) {
      if (path === `${FILES}/` && caller !== client) continue
      assert.deepEqual(outcome(await caller.send('GET', path)), [404, 'Not Found'])
    }
  }
})

test('a broken address answers 400 or 404 and breaks nothing', async () => {
  for (const path of [
    `${FILES}/%`,
    `${FILES}/%zz/content`,
    `${FILES}?file_name=%`,
    `/llamacloud${FILES}/%ff`,
  ]) {
    const { status, text } = await client.send('GET', path)
    assert.ok(status === 400 || status === 404 || status === 200 || status === 422, `${path} ${status}`)
    assert.doesNotMatch(text, /stack|node:/)
  }
  assert.equal(await client.count(), 0)
})

test('a form where none is asked for counts as no body', async () => {
  const answer = await client.send('PUT', '/api/v1/files/sync', formOf([purposePart()]), FORM_TYPE)
  assert.equal(answer.status, 200)
})

test('a create that is no form is 415, a query that is no JSON 415 or 400', async () => {
  for (const type of [
    'application/json',
    'multipart/mixed; boundary=x',
    'application/octet-stream',
    undefined,
  ]) {
    const answer = await client.send('POST', FILES, '{"purpose":"parse"}', { 'content-type': type })
    assert.deepEqual(outcome(answer), [415, 'Expected multipart/form-data'])
  }
  assert.equal(
    (await client.send('POST', `${FILES}/query`, 'x', { 'content-type': 'text/plain' })).status,
    415,
  )
  for (const body of ['{', 'nonsense', '{"filter":{}', '\u0000', Buffer.from([0x22, 0xff, 0x22])]) {
    const answer = await client.send('POST', `${FILES}/query`, body, JSON_TYPE)
    assert.deepEqual(outcome(answer), [400, PARSE_ERROR])
  }
  const gzip = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}`, 'content-encoding': 'gzip' }
  assert.equal((await client.send('POST', FILES, 'x', gzip)).status, 415)
})

test('a DELETE as Python sends it, JSON declared and no body, deletes', async () => {
  const { id } = await client.stored()
  const head = `DELETE ${FILES}/${id} HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nAuthorization: Bearer ${server.key}\r\n`
  const { status, headers, body } = await sendRaw(server.url, `${head}Content-Type: application/json\r\n\r\n`)
  assert.deepEqual([status, body], [204, ''])
  assert.equal(headers.get('content-type'), undefined)
  assert.deepEqual(outcome(await client.delete(id)), [404, 'File not found'])
})

test('over the rate limit an answer tells when to come back', async (t) => {
  const limited = await TestServer.start({ ENTREPOT_RATE_LIMITS: 'write=1' })
  t.after(() => limited.stop())
  const caller = new LlamaCloudClient(limited)
  await caller.stored()
  const refused = await caller.upload([filePart(), purposePart()])
  assert.equal(refused.status, 429)
  assert.equal(refused.headers.get('retry-after'), '1')
  assert.match(String(detailOf(refused)), /limit reached; try again in 1 second\./)
  limited.clock.advance({ seconds: 1 })
  await caller.stored()
  assert.equal(await caller.count(), 2)
})

test('a fault tells an id that the log knows, and nothing else', async (t) => {
  t.mock.method(server.app.services.metadata, 'findFile', async () => {
    throw new Error('secret of the house')
  })
  for (const path of ['', '/content']) {
    const answer = await client.get(`/${UNKNOWN}${path}`)
    const id = answer.headers.get('x-request-id')
    assert.match(id ?? '', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    assert.deepEqual(outcome(answer), [500, `Internal error, correlation ID ${id}`])
    assert.doesNotMatch(answer.text, /secret/)
  }
})

const MIB = 1024 * 1024
const small = [filePart(), purposePart()]
const whole = [filePart(Buffer.alloc(MIB, 'x')), purposePart()]

test('a store that does not answer is 503 with a time to come back, a full one final', async (t) => {
  const { blobs, metadata } = server.app.services
  const fail = (error: StoreError) => () => Promise.reject(error)
  const unavailable = fail(new StoreError('unavailable', 'no answer'))
  const full = fail(new StoreError('full', 'no space'))
  // The first commit of a small body makes the file, that of a large one announces a blob.
  for (const [form, fails] of [
    [small, () => t.mock.method(metadata, 'commit', unavailable)],
    [whole, () => t.mock.method(metadata, 'commit', unavailable)],
    [whole, () => t.mock.method(blobs, 'put', unavailable)],
  ] as const) {
    const failing = fails()
    const away = await client.upload(form)
    assert.deepEqual(outcome(away), [503, 'Storage backend unavailable'])
    assert.match(away.headers.get('retry-after') ?? '', /^[2-6]$/)
    failing.mock.mockImplementation(full)
    const refused = await client.upload(form)
    assert.deepEqual(outcome(refused), [507, 'Storage is full'])
    assert.equal(refused.headers.get('x-should-retry'), 'false')
    for (const { headers } of [away, refused])
      assert.match(headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/)
    failing.mock.restore()
  }
  assert.equal(await client.count(), 0)
})

/** Creates with a file that is sent to its end, by what is wrong with them. */
const refusedCreates: Readonly<
  Record<string, readonly [number, (caller: LlamaCloudClient, own: TestServer) => Promise<Answer<unknown>>]>
> = {
  'an unknown key': [401, (_caller, own) => new LlamaCloudClient(own, 'llx-wrong').upload(whole)],
  'a key without the scope': [
    403,
    async (_caller, own) =>
      new LlamaCloudClient(own, await own.newKey({ scopes: ['files:read'] })).upload(whole),
  ],
  'a project of others': [403, (caller) => caller.upload(whole, {}, `?project_id=${UNKNOWN.slice(4)}`)],
  'an organization of others': [403, (caller) => caller.upload(whole, {}, '?organization_id=others')],
  'another method': [405, (caller) => caller.send('PUT', FILES, formOf(whole), FORM_TYPE)],
  'a file over the limit': [
    413,
    (caller) => caller.upload([filePart(Buffer.alloc(2 * MIB + 1)), purposePart()]),
  ],
  'a form declared as JSON': [415, (caller) => caller.send('POST', FILES, formOf(whole), JSON_TYPE)],
  'a compressed body': [415, (caller) => caller.upload(whole, { 'content-encoding': 'gzip' })],
  'an empty file': [400, (caller) => caller.upload([filePart(''), purposePart()])],
  'a form without an end': [400, (caller) => caller.sendForm(formOf(whole).subarray(0, -6))],
  'a second file': [400, (caller) => caller.upload([...whole, filePart()])],
  'no purpose': [422, (caller) => caller.upload(whole.slice(0, 1))],
  'an unknown purpose': [422, (caller) => caller.upload([...whole.slice(0, 1), purposePart('none')])],
  'no file of that name': [
    422,
    (caller) => caller.upload([{ ...filePart(Buffer.alloc(MIB)), name: 'upload_file' }, purposePart()]),
  ],
  'a name that is too long': [
    422,
    (caller) => caller.upload([filePart(Buffer.alloc(MIB), 'n'.repeat(3001)), purposePart()]),
  ],
  'an external id with NUL': [
    422,
    (caller) => caller.upload([...whole, { name: 'external_file_id', content: '\0' }]),
  ],
}

test('whatever a create is refused for, nothing of it stays', async (t) => {
  const own = await TestServer.start({ ENTREPOT_LLAMACLOUD_MAX_FILE_BYTES: String(2 * MIB) })
  t.after(() => own.stop())
  const caller = new LlamaCloudClient(own)
  for (const [what, [status, refuse]] of Object.entries(refusedCreates)) {
    const answer = await refuse(caller, own)
    assert.equal(answer.status, status, `${what}: ${answer.text}`)
    await assertKeeps(own, 0)
  }
  await setQuota(own, 'project', { bytes: MIB - 1 })
  assert.deepEqual((await caller.upload(whole)).status, 402)
  await assertKeeps(own, 0)
})

test('a create that fails at its very end, the bytes being there already, leaves nothing of them', async (t) => {
  const own = await TestServer.start()
  t.after(() => own.stop())
  const { metadata } = own.app.services
  const commit = metadata.commit.bind(metadata)
  let isStored = false
  const failing = t.mock.method(metadata, 'commit', async (changes: readonly Change[]) => {
    if (!changes.some(({ kind }) => kind === 'file.insert')) return commit(changes)
    isStored = (await Array.fromAsync(own.app.services.blobs.list())).length === 1
    throw new StoreError('unavailable', 'no answer')
  })
  const answer = await new LlamaCloudClient(own).upload(whole)
  assert.deepEqual([answer.status, isStored], [503, true])
  failing.mock.restore()
  await assertKeeps(own, 0)
  assert.deepEqual(await settledUsage(own), { files: 0, bytes: 0 })
})
