/** What clients may send by mistake or on purpose: each gets a clear refusal as RFC 9457 has it, and nothing of others. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { AdminClient, type ProblemAnswer } from '../../test/admin-client.ts'
import { TestServer } from '../../test/harness.ts'
import { type Answer, exchange, type Headings } from '../../test/lightfield-client.ts'
import { sendRaw } from '../../test/raw-http.ts'
import { storedFile } from '../../test/stored-file.ts'
import type { FileBody } from './files/schemas.ts'

const UNKNOWN = '01890000-0000-7000-8000-0000000000ff'
const PATHS = '/admin/v1/files'

let server: TestServer
let admin: AdminClient
before(async () => {
  server = await TestServer.start()
  admin = new AdminClient(server)
})
after(() => server.stop())

interface Expected {
  readonly status: number
  readonly code: string
  readonly field?: string
}

function assertProblem(answer: Answer<ProblemAnswer>, { status, code, field }: Expected): void {
  const { body, headers, text } = answer
  assert.equal(answer.status, status, text)
  assert.match(headers.get('content-type') ?? '', /^application\/problem\+json/)
  const { type, requestId, ...told } = body
  assert.deepEqual([type, requestId], ['about:blank', headers.get('x-request-id')])
  assert.deepEqual([told.status, told.code, told.field], [status, code, field])
  assert.ok(told.title.length > 0 && told.detail.length > 0)
}

const invalid = (field: string): Expected => ({ status: 400, code: 'field_invalid', field })

test('a part of a name is a text, whatever it means to a database', async () => {
  const tenant = new AdminClient({ url: server.url, key: (await server.newTenant('names')).key })
  const names = [
    '100%.txt',
    '100x.txt',
    'a_b.txt',
    'a-b.txt',
    'c\\d.txt',
    "e'f.txt",
    'Zürich.txt',
    'g[h].txt',
  ]
  const ids = new Map<string, string>()
  for (const filename of names) {
    ids.set(filename, (await tenant.stored('x', { filename })).id)
    server.clock.advance({ ms: 1 })
  }
  for (const [part, found] of [
    ['%', ['100%.txt']],
    ['_', ['a_b.txt']],
    ['\\', ['c\\d.txt']],
    ["'", ["e'f.txt"]],
    ["' or 1=1 --", []],
    ['zÜR', ['Zürich.txt']],
    ['zu\u0308r', ['Zürich.txt']],
    ['[h]', ['g[h].txt']],
    ['*', []],
    ['.TXT', names],
  ] as const) {
    const expected = found.map((name) => ids.get(name))
    assert.deepEqual(await tenant.listAll(`order=asc&name=${encodeURIComponent(part)}`), expected, part)
  }
})

test('parameters of a list that are none are refused by name', async () => {
  for (const [query, expected] of [
    ['limit=0', invalid('limit')],
    ['limit=1001', invalid('limit')],
    ['limit=1.5', invalid('limit')],
    ['limit=-1', invalid('limit')],
    ['limit=1e2', invalid('limit')],
    ['limit=1&limit=2', invalid('limit')],
    ['limit[]=1', { status: 400, code: 'field_unknown', field: 'limit[]' }],
    ['order=random', invalid('order')],
    ['state=deleted', invalid('state')],
    ['name=a%00', invalid('name')],
    [`name=${'x'.repeat(3001)}`, invalid('name')],
    ['project=a%00', invalid('project')],
    ['projekt=default', { status: 400, code: 'field_unknown', field: 'projekt' }],
    ['__proto__=x', { status: 400, code: 'field_unknown', field: '__proto__' }],
    ['after=x', invalid('after')],
    ['project=nowhere', { status: 403, code: 'project_forbidden' }],
    [`project=${UNKNOWN}`, { status: 403, code: 'project_forbidden' }],
  ] as const)
    assertProblem(await admin.send('GET', `/files?${query}`), expected)
})

test('a cursor that was forged, or is of another list, is refused', async () => {
  const tenant = new AdminClient({ url: server.url, key: (await server.newTenant('cursors')).key })
  await tenant.stored('a')
  await tenant.stored('b')
  const { body } = await tenant.send<{ next: string }>('GET', '/files?limit=1')
  assert.equal((await tenant.send('GET', `/files?limit=1&after=${body.next}`)).status, 200)
  const [at, , id, binding] = JSON.parse(Buffer.from(body.next, 'base64url').toString()) as unknown[]
  const forged = (...values: unknown[]) => Buffer.from(JSON.stringify(values)).toString('base64url')
  for (const after of [
    forged(at, '', id),
    forged('1', '', id, binding),
    forged(1.5, '', id, binding),
    forged(at, '\0', id, binding),
    forged(at, '', "'; drop table files; --", binding),
    forged(at, '', '\0', binding),
    forged({ $gt: 0 }, '', id, binding),
    'null',
    '%FF%FE',
    body.next.slice(1),
  ])
    assertProblem(await tenant.send('GET', `/files?limit=1&after=${after}`), invalid('after'))
  for (const query of ['order=asc', 'state=pending', 'name=a'])
    assertProblem(await tenant.send('GET', `/files?${query}&after=${body.next}`), invalid('after'))
  assertProblem(await admin.send('GET', `/files?limit=1&after=${body.next}`), invalid('after'))
})

test('changes that break a rule are refused by name, and change nothing', async () => {
  const before = await admin.stored('hello', { filename: 'a.txt' })
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`k${at}`, 'x']))
  for (const [change, field] of [
    [{ name: null }, 'name'],
    [{ name: 'a\nb' }, 'name'],
    [{ name: '\ud800' }, 'name'],
    [{ name: 'x'.repeat(3001) }, 'name'],
    [{ labels: [] }, 'labels'],
    [{ labels: 'a=b' }, 'labels'],
    [{ labels: { a: 1 } }, 'labels'],
    [{ labels: { '': 'x' } }, 'labels'],
    [{ labels: { a: 'x'.repeat(4097) } }, 'labels'],
    [{ labels: { ['x'.repeat(257)]: '' } }, 'labels'],
    [{ labels: { a: '\u0000' } }, 'labels'],
    [{ labels: many }, 'labels'],
    [{ description: 'x'.repeat(4097) }, 'description'],
    [{ purpose: '' }, 'purpose'],
    [{ purpose: 'x'.repeat(257) }, 'purpose'],
    [{ expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'],
    [{ expiresAt: new Date(server.clock.now()).toISOString() }, 'expiresAt'],
    [{ expiresAt: '2030-01-01' }, 'expiresAt'],
    [{ expiresAt: '2030-01-01T00:00:00' }, 'expiresAt'],
    [{ expiresAt: '2030-13-01T00:00:00Z' }, 'expiresAt'],
    [{ expiresAt: '2030-02-31T00:00:00Z' }, 'expiresAt'],
    [{ expiresAt: '2030-01-01T24:00:00Z' }, 'expiresAt'],
    [{ expiresAt: '9999-12-31T23:59:59-00:01' }, 'expiresAt'],
    [{ expiresAt: 4102444800000 }, 'expiresAt'],
  ] as const)
    assertProblem(
      await admin.send('PATCH', `/files/${before.id}`, { description: 'y', ...change }),
      invalid(field),
    )
  for (const field of ['id', 'externalId', 'sizeBytes', 'state', 'visibility', 'constructor'])
    assertProblem(await admin.send('PATCH', `/files/${before.id}`, { [field]: 'x' }), {
      status: 400,
      code: 'field_unknown',
      field,
    })
  assert.deepEqual((await admin.get(before.id)).body, before)
})

test('what is no JSON object, or is told to be something else, is refused', async () => {
  const { id } = await admin.stored('hello')
  const notJson = { status: 400, code: 'body_not_json' }
  for (const body of ['{', '[]', 'null', '"x"', '{"__proto__":{"name":"x"}}', '{"name":"a"}{'])
    assertProblem(await admin.send('PATCH', `/files/${id}`, body), notJson)
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])
    assertProblem(await admin.send('PATCH', `/files/${id}`, '{"name":"x"}', { 'content-type': type }), {
      status: 415,
      code: 'body_type_unsupported',
    })
  const huge = JSON.stringify({ description: 'x'.repeat(2 * 1024 * 1024) })
  assertProblem(await admin.send('PATCH', `/files/${id}`, huge), { status: 413, code: 'body_too_large' })
})

test('of a key that comes twice in an object the last counts', async () => {
  const { id } = await admin.stored('hello')
  const { status, body } = await admin.send<FileBody>('PATCH', `/files/${id}`, '{"name":"a","name":"b"}')
  assert.deepEqual([status, body.name], [200, 'b'])
})

test('any name that an API takes can be given back', async () => {
  const { id } = await admin.stored('hello')
  for (const name of [
    '',
    '\u202egpj.exe',
    '<script>alert(1)</script>',
    '👩‍👩‍👧',
    '../../etc/passwd',
    'é'.repeat(3000),
  ])
    assert.equal((await admin.change(id, { name })).body.name, name)
})

test('a file of others is not there, in every form of its id and by every operation', async () => {
  const other = new AdminClient({ url: server.url, key: (await server.newTenant('others')).key })
  const { id } = await other.stored('secret', { filename: 'secret.txt' })
  const forms = [id, `dfl-${id}`, `file-${id.replaceAll('-', '')}`]
  for (const form of [...forms, UNKNOWN, 'x', '%00', '..', '%2e%2e%2f', 'x'.repeat(5000)]) {
    if (form === '..') continue
    for (const [method, path, body] of [
      ['GET', ''],
      ['GET', '/content'],
      ['PATCH', '', {}],
      ['DELETE', ''],
      ['POST', '/copies', {}],
    ] as const)
      assertProblem(await admin.send(method, `/files/${form}${path}`, body), {
        status: 404,
        code: 'file_not_found',
      })
  }
  assert.equal((await other.get(id)).body.name, 'secret.txt')
})

test('a hidden file is there for its creator and for admins alone', async () => {
  const member = async (userId: string) =>
    new AdminClient({ url: server.url, key: await server.newKey({ userId, role: 'member' }) })
  const [ada, bob] = [await member('ada'), await member('bob')]
  const { id } = await storedFile(server, ada.key, { visibility: 'subject', name: 'hidden' })
  assert.deepEqual([(await ada.get(id)).status, (await bob.get(id)).status], [200, 404])
  assert.equal((await admin.get(id)).body.visibility, 'subject')
  assert.ok((await ada.listAll('name=hidden')).includes(id))
  assert.ok(!(await bob.listAll('name=hidden')).includes(id))
  for (const [method, body] of [
    ['PATCH', {}],
    ['DELETE', undefined],
  ] as const)
    assertProblem(await bob.send(method, `/files/${id}`, body), { status: 404, code: 'file_not_found' })
})

test('scopes decide, not roles', async () => {
  const { id } = await admin.stored('hello')
  const operations = [
    ['GET', '', 'files:read'],
    ['GET', `/${id}`, 'files:read'],
    ['GET', `/${id}/content`, 'files:read'],
    ['PATCH', `/${id}`, 'files:update'],
    ['DELETE', `/${id}`, 'files:delete'],
  ] as const
  for (const role of ['member', 'admin'] as const)
    for (const [method, path, scope] of operations) {
      const others = (['files:read', 'files:create', 'files:update', 'files:delete'] as const).filter(
        (each) => each !== scope,
      )
      const client = new AdminClient({ url: server.url, key: await server.newKey({ role, scopes: others }) })
      const answer = await client.send(method, `/files${path}`, method === 'PATCH' ? {} : undefined)
      assertProblem(answer, { status: 403, code: 'scope_missing' })
    }
})

const send = (method: string, path: string, headers: Headings, body?: string) =>
  exchange<ProblemAnswer>(method, server.url + path, body, headers)

test('a key is taken where any API has it, and without one the answer is 401', async () => {
  const { key } = server
  for (const headers of [
    { authorization: `Bearer ${key}` },
    { authorization: `Api-Key ${key}` },
    { 'x-api-key': key },
    { 'x-goog-api-key': key },
    { 'api-key': key },
  ])
    assert.equal((await send('GET', PATHS, headers)).status, 200)
  assert.equal((await send('GET', `${PATHS}?key=${key}`, {})).status, 200)
  const none = await send('GET', PATHS, {})
  assertProblem(none, { status: 401, code: 'unauthenticated' })
  assert.equal(none.headers.get('www-authenticate'), 'Bearer')
  assertProblem(await send('GET', '/%61dmin/v1/files', {}), { status: 401, code: 'unauthenticated' })
  assertProblem(await send('GET', PATHS, { authorization: 'Bearer ek_wrong' }), {
    status: 401,
    code: 'unauthenticated',
  })
})

test('with the cookie of a session only a page of this server can change anything', async () => {
  const bearer = { authorization: `Bearer ${server.key}` }
  const { headers } = await send('POST', '/session', bearer)
  const cookie = headers.get('set-cookie')?.split(';')[0] ?? ''
  const { id } = await admin.stored('hello')
  const change = (more: Headings) =>
    send('PATCH', `${PATHS}/${id}`, { cookie, 'content-type': 'application/json', ...more }, '{"name":"x"}')
  assertProblem(await change({ origin: 'https://evil.example' }), { status: 403, code: 'origin_forbidden' })
  assertProblem(await change({}), { status: 403, code: 'origin_forbidden' })
  assert.equal((await change({ origin: server.url })).status, 200)
})

test('a page of another origin may call with a key, and is told so', async () => {
  const origin = 'https://app.example'
  const asked = { origin, 'access-control-request-method': 'PATCH' }
  const preflight = await send('OPTIONS', `${PATHS}/${UNKNOWN}`, asked)
  assert.equal(preflight.status, 204)
  assert.equal(preflight.headers.get('access-control-allow-origin'), '*')
  assert.equal(preflight.headers.get('access-control-allow-credentials'), null)
})

test('unknown addresses and wrong methods are told in this form', async () => {
  const bearer = { authorization: `Bearer ${server.key}` }
  for (const path of [
    '/admin/',
    '/admin/v1',
    '/admin/v1/',
    '/admin/v1/nothing',
    `${PATHS}/${UNKNOWN}/nothing`,
    '/admin/v2/files',
  ])
    assertProblem(await send('GET', path, bearer), { status: 404, code: 'route_unknown' })
  for (const [method, path, allow] of [
    ['POST', PATHS, 'GET, HEAD'],
    ['PUT', `${PATHS}/${UNKNOWN}`, 'GET, HEAD, PATCH, DELETE'],
    ['GET', `${PATHS}/${UNKNOWN}/copies`, 'POST'],
    ['DELETE', `${PATHS}/${UNKNOWN}/content`, 'GET, HEAD'],
  ] as const) {
    const answer = await send(method, path, bearer)
    assertProblem(answer, { status: 405, code: 'method_not_allowed' })
    assert.equal(answer.headers.get('allow'), allow)
  }
})

test('requests that are broken, or could be two, are told in this form', async () => {
  const head = `Host: a\r\nAuthorization: Bearer ${server.key}\r\n`
  for (const text of [
    `GET ${PATHS} HTTP/1.1\r\n${head}Host: b\r\n\r\n`,
    `GET ${PATHS} HTTP/1.1\r\n${head}Bad Header: x\r\n\r\n`,
    `PATCH ${PATHS}/${UNKNOWN} HTTP/1.1\r\n${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
    `PATCH ${PATHS}/${UNKNOWN} HTTP/1.1\r\n${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `PATCH ${PATHS}/${UNKNOWN} HTTP/1.1\r\n${head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
    `PATCH ${PATHS}/${UNKNOWN} HTTP/1.1\r\n${head}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  ]) {
    const { status, headers, body } = await sendRaw(server.url, text)
    assert.ok(status === 400 || status === 501, body)
    assert.match(headers.get('content-type') ?? '', /^application\/problem\+json/)
    const problem = JSON.parse(body) as ProblemAnswer
    assert.equal(problem.requestId, headers.get('x-request-id'))
  }
})

test('requests are counted by organization, and each answer tells how many are left', async (t) => {
  const limited = await TestServer.start({ ENTREPOT_RATE_LIMITS: 'read=2,write=1,search=1' })
  t.after(() => limited.stop())
  const client = new AdminClient(limited)
  const first = await client.send('GET', `/files/${UNKNOWN}`)
  assert.deepEqual(
    ['limit', 'remaining'].map((name) => first.headers.get(`x-ratelimit-${name}`)),
    ['2', '1'],
  )
  await client.send('GET', `/files/${UNKNOWN}`)
  const refused = await client.send('GET', `/files/${UNKNOWN}`)
  assertProblem(refused, { status: 429, code: 'rate_limited' })
  assert.ok(Number(refused.headers.get('retry-after')) >= 1)
  assert.equal((await client.send('GET', '/files')).status, 200)
  assert.equal((await client.send('GET', '/files')).status, 429)
})
