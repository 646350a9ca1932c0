import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { type Answer, exchange, type Headings } from '../../../test/lightfield-client.ts'
import {
  BOUNDARY,
  type Detail,
  detailOf,
  FILES,
  filePart,
  formOf,
  LlamaCloudClient,
  purposePart,
} from '../../../test/llamacloud-client.ts'
import type { FileBody } from './wire.ts'

const SESSION_SECONDS = 12 * 60 * 60
const PUBLIC_URL = 'https://files.example'

let server: TestServer
/** One whose public URL is https; its own address stays http. */
let secure: TestServer

before(async () => {
  server = await TestServer.start()
  secure = await TestServer.start({ ENTREPOT_PUBLIC_URL: `${PUBLIC_URL}/store` })
})
after(() => Promise.all([server.stop(), secure.stop()]))

function send<T = Detail>(method: string, path: string, headers: Headings = {}, body?: string | Uint8Array) {
  return exchange<T>(method, server.url + path, body, headers)
}

function bearer(key = server.key): Headings {
  return { authorization: `Bearer ${key}` }
}

/** The cookie as a browser sends it back. */
function cookieOf({ headers }: Answer<unknown>): Headings {
  const [pair = ''] = (headers.get('set-cookie') ?? '').split(';')
  assert.match(pair, /^session=[\w-]{43}$/)
  return { cookie: pair }
}

async function start(key = server.key): Promise<Headings> {
  const answer = await send('POST', '/session', bearer(key))
  assert.equal(answer.status, 200, answer.text)
  return cookieOf(answer)
}

/** The headers of a page of this server. */
function fromOwnPage(session: Headings): Headings {
  return { ...session, origin: server.url }
}

function create(headers: Headings): Promise<Answer<FileBody>> {
  const type = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }
  return send('POST', FILES, { ...type, ...headers }, formOf([filePart(), purposePart()]))
}

test('a session starts with a bearer key or with the key in a body, and tells when it ends', async () => {
  const byBody = await send(
    'POST',
    '/session',
    { 'content-type': 'application/json' },
    JSON.stringify({ api_key: server.key }),
  )
  for (const answer of [await send('POST', '/session', bearer()), byBody]) {
    assert.equal(answer.status, 200)
    const expires_at = new Date(server.clock.now() + SESSION_SECONDS * 1000).toISOString()
    assert.deepEqual(answer.body, { expires_at })
    const [, ...attributes] = (answer.headers.get('set-cookie') ?? '').split('; ')
    assert.deepEqual(attributes.toSorted(), [
      'HttpOnly',
      `Max-Age=${SESSION_SECONDS}`,
      'Path=/',
      'SameSite=Strict',
    ])
    assert.equal((await send('GET', FILES, cookieOf(answer))).status, 200)
  }
})

test('the cookie is Secure exactly where the public URL is https', async () => {
  const answer = await exchange('POST', `${secure.url}/session`, undefined, bearer(secure.key))
  assert.match(answer.headers.get('set-cookie') ?? '', /; Secure(;|$)/)
  const origins: readonly (readonly [string, number])[] = [
    [PUBLIC_URL, 204],
    [secure.url, 403],
  ]
  for (const [origin, status] of origins) {
    const ended = await exchange('DELETE', `${secure.url}/session`, undefined, {
      ...cookieOf(answer),
      origin,
    })
    assert.equal(ended.status, status)
    if (status === 204) assert.match(ended.headers.get('set-cookie') ?? '', /^session=; .*; Secure(;|$)/)
  }
})

test('a key that is none starts no session', async () => {
  const wrong: readonly (readonly [Headings, string | undefined])[] = [
    [{}, undefined],
    [bearer('llx-wrong'), undefined],
    [{ 'content-type': 'application/json' }, '{"api_key":"wrong"}'],
    [{ 'content-type': 'application/json' }, '{"api_key":{"a":1}}'],
    [{ 'content-type': 'application/json' }, '{}'],
    [{ 'content-type': 'application/json' }, 'null'],
  ]
  for (const [headers, body] of wrong) {
    const answer = await send('POST', '/session', headers, body)
    assert.deepEqual([answer.status, detailOf(answer)], [401, 'Invalid API key'])
    assert.equal(answer.headers.get('set-cookie'), null)
  }
})

test('starting a session counts as a write of its organization', async (t) => {
  const own = await TestServer.start({ ENTREPOT_RATE_LIMITS: 'write=3' })
  t.after(() => own.stop())
  const { key: other } = await own.newTenant('other')
  const begin = (key: string) => exchange('POST', `${own.url}/session`, undefined, bearer(key))
  for (let i = 0; i < 3; i++) assert.equal((await begin(own.key)).status, 200)
  const refused = await begin(own.key)
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '1'])
  assert.equal(refused.headers.get('set-cookie'), null)
  const written = await new LlamaCloudClient(own).upload([purposePart(), filePart()])
  assert.equal(written.status, 429)
  assert.equal((await begin(other)).status, 200)
  own.clock.advance({ seconds: 1 })
  assert.equal((await begin(own.key)).status, 200)
})

test('a session does all that its key may, without a header', async () => {
  const page = fromOwnPage(await start())
  const created = await create(page)
  assert.equal(created.status, 201)
  const path = `${FILES}/${created.body.id}`
  const query = { ...page, 'content-type': 'application/json' }
  assert.equal((await send('GET', path, page)).status, 200)
  assert.equal((await send('GET', `${path}/content`, page)).status, 200)
  assert.equal((await send('POST', `${FILES}/query`, query, '{}')).status, 200)
  assert.equal((await send('GET', '/api/v1/projects', page)).status, 200)
  assert.equal((await send('DELETE', path, page)).status, 204)
  const reader = fromOwnPage(await start(await server.newKey({ scopes: ['files:read'] })))
  assert.equal((await create(reader)).status, 403)
})

test('a bearer header wins over the cookie, a wrong one too', async () => {
  const session = await start()
  const tenant = await server.newTenant('bearer-wins')
  const { body } = await create({ ...session, ...bearer(tenant.key) })
  assert.equal(body.project_id, tenant.project.id)
  for (const authorization of ['Bearer llx-wrong', 'Basic abc', '']) {
    const answer = await send('GET', FILES, { ...session, authorization })
    assert.equal(answer.status, 401)
  }
})

test('a change by cookie needs the Origin of this server', async () => {
  const session = await start()
  const id = (await new LlamaCloudClient(server).stored()).id
  const { port } = new URL(server.url)
  const wrong = [
    undefined,
    'null',
    'https://evil.example',
    `http://127.0.0.1:${Number(port) + 1}`,
    `${server.url}.evil`,
    `${server.url}/`,
  ]
  for (const origin of wrong) {
    for (const answer of [
      await create({ ...session, origin }),
      await send('DELETE', `${FILES}/${id}`, { ...session, origin }),
      await send('POST', `${FILES}/query`, { ...session, origin }),
      await send('DELETE', '/session', { ...session, origin }),
    ]) {
      assert.equal(answer.status, 403)
      assert.match(
        String(detailOf(answer)),
        /needs an Origin header of this server|Pages at this address cannot/,
      )
    }
    // Reading changes nothing, and no other page can read the answer.
    assert.equal((await send('GET', FILES, { ...session, origin })).status, 200)
  }
  assert.equal((await new LlamaCloudClient(server).count()) > 0, true)
  assert.equal((await send('DELETE', `${FILES}/${id}`, fromOwnPage(session))).status, 204)
})

test('no page of another origin logs its visitor in', async () => {
  for (const origin of ['https://evil.example', 'null']) {
    const answer = await send('POST', '/session', { ...bearer(), origin })
    assert.equal(answer.status, 403)
    assert.equal(answer.headers.get('set-cookie'), null)
  }
  assert.equal((await send('POST', '/session', { ...bearer(), origin: server.url })).status, 200)
})

test('ending a session ends it, and ending it twice or without one is no error', async () => {
  const session = await start()
  const other = await start()
  const ended = await send('DELETE', '/session', fromOwnPage(session))
  assert.deepEqual([ended.status, ended.text], [204, ''])
  assert.match(ended.headers.get('set-cookie') ?? '', /^session=; .*Expires=Thu, 01 Jan 1970/)
  const answer = await send('GET', FILES, session)
  assert.deepEqual([answer.status, detailOf(answer)], [401, 'Invalid authentication token'])
  assert.equal(answer.headers.get('www-authenticate'), 'Bearer')
  assert.equal((await send('DELETE', '/session', fromOwnPage(session))).status, 204)
  assert.equal((await send('DELETE', '/session')).status, 204)
  assert.equal((await send('GET', FILES, other)).status, 200)
})

test('a session is over when its time is, to the second', async (t) => {
  const own = await TestServer.start({ ENTREPOT_LLAMACLOUD_SESSION_SECONDS: '60' })
  t.after(() => own.stop())
  const started = await exchange('POST', `${own.url}/session`, undefined, bearer(own.key))
  assert.match(started.headers.get('set-cookie') ?? '', /; Max-Age=60;/)
  const status = async () => (await exchange('GET', own.url + FILES, undefined, cookieOf(started))).status
  own.clock.advance({ seconds: 59 })
  assert.equal(await status(), 200)
  await own.restart()
  assert.equal(await status(), 200)
  own.clock.advance({ seconds: 1 })
  assert.equal(await status(), 401)
})

test('a key that is revoked takes its sessions with it', async () => {
  const session = await start(await server.newKey({ name: 'soon gone' }))
  const { metadata } = server.app.services
  const key = (await metadata.listKeys()).find(({ name }) => name === 'soon gone')
  assert.equal((await send('GET', FILES, session)).status, 200)
  await metadata.commit([{ kind: 'key.revoke', id: key?.id ?? '', revokedAt: server.clock.now() }])
  assert.equal((await send('GET', FILES, session)).status, 401)
})

test('a cookie that nobody was given opens nothing', async () => {
  const cookies = [
    'session=',
    'session=x',
    `session=${server.key}`,
    `session=${'A'.repeat(43)}`,
    'session=%',
    'other=1',
  ]
  for (const cookie of cookies) assert.equal((await send('GET', FILES, { cookie })).status, 401, cookie)
})

test('a session of this dialect means nothing to others', async () => {
  const session = await start()
  const headers = { ...session, 'lightfield-version': '2026-03-01' }
  assert.equal((await send('GET', '/v1/files', headers)).status, 401)
})

test('a page of any origin may call with a key, and never with a cookie', async () => {
  const asked =
    'authorization,content-type,x-stainless-lang,x-stainless-package-version,x-stainless-os,x-stainless-arch,x-stainless-runtime,x-stainless-runtime-version,x-stainless-retry-count,x-stainless-timeout'
  for (const [method, path] of [
    ['POST', FILES],
    ['GET', FILES],
    ['DELETE', `${FILES}/x`],
    ['GET', `${FILES}/x/content`],
    ['POST', `${FILES}/query`],
  ] as const) {
    const preflight = await send('OPTIONS', path, {
      origin: 'https://app.example',
      'access-control-request-method': method,
      'access-control-request-headers': asked,
    })
    assert.equal(preflight.status, 204)
    assert.equal(preflight.headers.get('access-control-allow-origin'), '*')
    const allowed = (name: string) => (preflight.headers.get(name) ?? '').split(/, ?/)
    const headers = allowed('access-control-allow-headers')
    assert.deepEqual(headers, asked.split(','))
    for (const name of ['DELETE', 'GET', 'POST', 'PUT'])
      assert.ok(allowed('access-control-allow-methods').includes(name))
    assert.equal(preflight.headers.get('access-control-allow-credentials'), null)
  }
  const answers = [
    await create({ ...bearer(), origin: 'https://app.example' }),
    await send('GET', `${FILES}/abc`, { ...bearer(), origin: 'https://app.example' }),
    await send('GET', FILES, { origin: 'https://app.example' }),
  ]
  assert.deepEqual(
    answers.map(({ status }) => status),
    [201, 422, 401],
  )
  for (const { headers } of answers) {
    assert.equal(headers.get('access-control-allow-origin'), '*')
    assert.equal(headers.get('access-control-allow-credentials'), null)
    assert.equal(headers.get('access-control-expose-headers'), '*')
  }
})

test('no page of another origin has leave to start or end a session, with a key either', async () => {
  const session = fromOwnPage(await start())
  for (const prefix of ['', '/llamacloud']) {
    const preflight = await send('OPTIONS', `${prefix}/session`, {
      origin: 'https://app.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    })
    assert.deepEqual([preflight.status, preflight.headers.get('allow')], [405, 'POST, DELETE'])
    const answers = [
      preflight,
      await send('POST', `${prefix}/session`, { ...bearer(), origin: 'https://app.example' }),
      await send('POST', `${prefix}/session`, { ...bearer(), origin: server.url }),
      await send('DELETE', `${prefix}/session`, session),
    ]
    for (const { headers } of answers)
      for (const name of headers.keys()) assert.doesNotMatch(name, /^access-control-/)
  }
})
