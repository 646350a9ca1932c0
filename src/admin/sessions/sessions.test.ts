import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { AdminClient, type ProblemAnswer } from '../../../test/admin-client.ts'
import { TestServer } from '../../../test/harness.ts'
import { type Answer, exchange, type Headings } from '../../../test/lightfield-client.ts'
import type { MeBody, SessionBody } from './schemas.ts'

const SESSION_SECONDS = 12 * 60 * 60
const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/150.0'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

function send<T = ProblemAnswer>(method: string, path: string, headers: Headings = {}, body?: unknown) {
  const json = body === undefined ? undefined : JSON.stringify(body)
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  return exchange<T>(method, `${server.url}/admin/v1${path}`, json, { ...type, ...headers })
}

function signIn(key: unknown = server.key, headers: Headings = {}): Promise<Answer<MeBody & ProblemAnswer>> {
  return send('POST', '/sessions', { origin: server.url, 'user-agent': BROWSER, ...headers }, { key })
}

/** What a page of this server sends along. */
function pageOf({ status, text, headers }: Answer<unknown>): Headings {
  assert.equal(status, 201, text)
  const [pair = ''] = (headers.get('set-cookie') ?? '').split(';')
  assert.match(pair, /^session=[\w-]{43}$/)
  return { cookie: pair, origin: server.url }
}

async function sessionsOf(headers: Headings, query = '') {
  const { status, body, text } = await send<{ sessions: SessionBody[]; next: string | null }>(
    'GET',
    `/sessions${query}`,
    headers,
  )
  assert.equal(status, 200, text)
  return body
}

function assertProblem(answer: Answer<ProblemAnswer>, status: number, code: string, field?: string) {
  assert.deepEqual([answer.status, answer.body.code, answer.body.field], [status, code, field], answer.text)
}

test('signing in with a key sets the cookie and tells who one is', async () => {
  const answer = await signIn()
  const [, ...attributes] = (answer.headers.get('set-cookie') ?? '').split('; ')
  assert.deepEqual(attributes.toSorted(), [
    'HttpOnly',
    `Max-Age=${SESSION_SECONDS}`,
    'Path=/',
    'SameSite=Strict',
  ])
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  const { session, key, version, organization, projects, ...rest } = answer.body
  assert.deepEqual(rest, { user: 'admin', role: 'operator', scopes: [], publicUrl: server.url })
  assert.equal(session?.expiresAt, new Date(server.clock.now() + SESSION_SECONDS * 1000).toISOString())
  assert.equal(key?.name, 'first key')
  assert.equal(organization.slug, 'default')
  assert.equal(projects[0]?.slug, 'default')
  assert.match(version, /^\d+\.\d+\.\d+/)
  assert.deepEqual((await send('GET', '/me', pageOf(answer))).body, answer.body)
})

test('who comes with a key and no session is told so', async () => {
  const key = await server.newKey({ name: 'reader', role: 'viewer', userId: null })
  const { body } = await send<MeBody>('GET', '/me', { authorization: `Bearer ${key}` })
  assert.deepEqual([body.session, body.user, body.role, body.scopes], [null, null, 'viewer', ['files:read']])
  assert.equal(body.key?.name, 'reader')
})

test('a key is taken with the blanks that were copied along', async () => {
  assert.equal((await signIn(` ${server.key}\n`)).status, 201)
})

test('a key that is none signs nobody in', async () => {
  for (const [key, status, code, field] of [
    ['ek_wrong', 401, 'unauthenticated', undefined],
    ['', 400, 'field_invalid', 'key'],
    [{ a: 1 }, 400, 'field_invalid', 'key'],
    [null, 400, 'field_invalid', 'key'],
  ] as const) {
    const answer = await signIn(key)
    assertProblem(answer, status, code, field)
    assert.equal(answer.headers.get('set-cookie'), null)
  }
  assertProblem(await send('POST', '/sessions', {}, {}), 400, 'field_missing', 'key')
  const other = await send('POST', '/sessions', {}, { key: server.key, password: 'x' })
  assertProblem(other, 400, 'field_unknown', 'password')
})

test('no page of another origin signs its visitor in or out, or reads the answer', async () => {
  const page = pageOf(await signIn())
  for (const origin of ['https://evil.example', 'null']) {
    assertProblem(await signIn(server.key, { origin }), 403, 'origin_forbidden')
    const out = await send('DELETE', '/sessions/current', { ...page, origin })
    assertProblem(out, 403, 'origin_forbidden')
    assert.equal(out.headers.get('access-control-allow-origin'), null)
  }
  assert.equal((await signIn(server.key, { origin: undefined })).status, 201)
  assert.equal((await send('GET', '/me', page)).status, 200)
})

test('signing out ends the session and takes the cookie back, also twice or without one', async () => {
  const page = pageOf(await signIn())
  const out = await send('DELETE', '/sessions/current', page)
  assert.equal(out.status, 204)
  assert.match(out.headers.get('set-cookie') ?? '', /^session=; .*Expires=Thu, 01 Jan 1970/)
  assertProblem(await send('GET', '/me', page), 401, 'unauthenticated')
  assert.equal((await send('DELETE', '/sessions/current', page)).status, 204)
  assert.equal((await send('DELETE', '/sessions/current')).status, 204)
})

test('a viewer signs in, sees its sessions and ends them', async () => {
  const page = pageOf(await signIn(await server.newKey({ role: 'viewer', userId: 'vera' })))
  const { sessions } = await sessionsOf(page)
  assert.deepEqual(
    sessions.map(({ user, isCurrent }) => [user, isCurrent]),
    [['vera', true]],
  )
  assert.equal((await send('DELETE', `/sessions/${sessions[0]?.id}`, page)).status, 204)
  assertProblem(await send('GET', '/me', page), 401, 'unauthenticated')
})

test('a session tells when it started, was seen and ends, and by which browser', async () => {
  const startedAt = server.clock.now()
  const answer = await signIn(await server.newKey({ userId: 'sam', role: 'member', name: 'sams' }), {
    'user-agent': `\u00e9${BROWSER}${'x'.repeat(900)}`,
  })
  const page = pageOf(answer)
  const read = async () => (await sessionsOf(page)).sessions[0]
  const first = await read()
  assert.deepEqual(
    { ...first, key: first?.key?.name },
    {
      id: answer.body.session?.id,
      user: 'sam',
      key: 'sams',
      startedAt: new Date(startedAt).toISOString(),
      lastSeenAt: new Date(startedAt).toISOString(),
      expiresAt: new Date(startedAt + SESSION_SECONDS * 1000).toISOString(),
      userAgent: `${BROWSER}${'x'.repeat(900)}`.slice(0, 300),
      isCurrent: true,
    },
  )
  // A session is seen again at most once in five minutes.
  server.clock.advance({ minutes: 4 })
  assert.equal((await read())?.lastSeenAt, first?.lastSeenAt)
  server.clock.advance({ minutes: 1 })
  await read()
  assert.equal((await read())?.lastSeenAt, new Date(server.clock.now()).toISOString())
})

test('members see and end the sessions of their user, admins those of their organization', async () => {
  const tenant = await server.newTenant('seen')
  const keyOf = (userId: string | null, name = 'test') => {
    const { organization, project } = tenant
    const of = { organizationId: organization.id, projectIds: [project.id], role: 'member' } as const
    return server.newKey({ ...of, userId, name })
  }
  const admin = pageOf(await signIn(tenant.key))
  const [alice, again] = [pageOf(await signIn(await keyOf('alice'))), await signIn(await keyOf('alice'))]
  const bob = pageOf(await signIn(await keyOf('bob')))
  const robot = pageOf(await signIn(await keyOf(null, 'robot')))
  const users = async (page: Headings) => (await sessionsOf(page)).sessions.map(({ user }) => user).sort()
  assert.deepEqual(await users(admin), ['alice', 'alice', 'bob', null, 'tester'].sort())
  assert.deepEqual(await users(alice), ['alice', 'alice'])
  assert.deepEqual(await users(bob), ['bob'])
  assert.deepEqual(await users(robot), [null])
  const end = (id: string | undefined, page: Headings) => send('DELETE', `/sessions/${id}`, page)
  const { id } = again.body.session ?? {}
  const [bobs] = (await sessionsOf(bob)).sessions
  const stranger = pageOf(await signIn((await server.newTenant('stranger')).key))
  assertProblem(await end(id, bob), 404, 'session_not_found')
  assertProblem(await end(bobs?.id, robot), 404, 'session_not_found')
  assertProblem(await end(id, stranger), 404, 'session_not_found')
  assertProblem(await end('x', admin), 404, 'session_not_found')
  assert.equal((await end(id, alice)).status, 204)
  assertProblem(await end(id, alice), 404, 'session_not_found')
  assert.equal((await end(bobs?.id, admin)).status, 204)
  assertProblem(await send('GET', '/me', bob), 401, 'unauthenticated')
  assert.deepEqual(await users(admin), ['alice', null, 'tester'].sort())
})

test('sessions are listed in pages', async () => {
  const { key } = await server.newTenant('many')
  const pages = []
  for (let i = 0; i < 5; i++) pages.push(pageOf(await signIn(key)))
  const [page = {}] = pages
  const all = (await sessionsOf(page)).sessions
  const ids = []
  for (let after = ''; ; ) {
    const { sessions, next } = await sessionsOf(page, `?limit=2&after=${after}`)
    ids.push(...sessions.map(({ id }) => id))
    if (next === null) break
    after = next
  }
  assert.deepEqual(
    ids,
    all.map(({ id }) => id),
  )
  assert.equal(ids.length, 5)
  for (const query of ['?limit=0', '?limit=501', '?limit=x', '?after=x', '?other=1'])
    assert.equal((await send('GET', `/sessions${query}`, page)).status, 400, query)
})

test('a session ends with its key, and is listed no more', async () => {
  const admin = pageOf(await signIn())
  const expiresAt = server.clock.now() + 60_000
  for (const userId of ['revoked', 'ended']) {
    const key = await server.newKey({
      userId,
      name: userId,
      expiresAt: userId === 'ended' ? expiresAt : null,
    })
    const answer = await signIn(key)
    const page = pageOf(answer)
    if (userId === 'ended') {
      const { body } = await send<MeBody>('GET', '/me', page)
      assert.equal(body.session?.expiresAt, new Date(expiresAt).toISOString())
      assert.deepEqual(answer.body.session, body.session)
      assert.match(answer.headers.get('set-cookie') ?? '', /; Max-Age=60;/)
      server.clock.advance({ minutes: 1 })
    } else {
      const { metadata } = server.app.services
      const [found] = await metadata.listKeys(userId)
      await metadata.commit([{ kind: 'key.revoke', id: found?.id ?? '', revokedAt: server.clock.now() }])
    }
    assertProblem(await send('GET', '/me', page), 401, 'unauthenticated')
    const { sessions } = await sessionsOf(admin)
    assert.ok(!sessions.some(({ user }) => user === userId))
  }
})

test('of several session cookies the first that is good counts, and signing out ends all', async () => {
  const old = pageOf(await signIn())
  assert.equal((await send('DELETE', '/sessions/current', old)).status, 204)
  const key = await server.newKey({ userId: 'two', name: 'two' })
  const [one, other] = [pageOf(await signIn(key)), pageOf(await signIn())]
  // The cookie of another program at this host's name, and one of a session that is over.
  const cookie = ['session=eyJhIjoxfQ.x', old.cookie, one.cookie, other.cookie].join('; ')
  const page = { ...one, cookie }
  assert.equal((await send<MeBody>('GET', '/me', page)).body.user, 'two')
  assert.equal((await send('DELETE', '/sessions/current', page)).status, 204)
  for (const each of [page, one, other]) assertProblem(await send('GET', '/me', each), 401, 'unauthenticated')
  const many = Array.from({ length: 40 }, () => 'session=x').join('; ')
  const late = pageOf(await signIn())
  const answer = await send('GET', '/me', { cookie: `${many}; ${late.cookie}` })
  assertProblem(answer, 401, 'unauthenticated')
})

test('who reads is let in while nothing can be written', async (t) => {
  const page = pageOf(await signIn())
  server.clock.advance({ minutes: 10 })
  t.mock.method(server.app.services.metadata, 'commit', async () => {
    const { StoreError } = await import('../../core/errors.ts')
    throw new StoreError('read-only', 'a move')
  })
  assert.equal((await send('GET', '/me', page)).status, 200)
})

test('a session of the console opens what its key opens, also for other APIs that know cookies', async () => {
  const page = pageOf(await signIn())
  const { id } = await new AdminClient(server).stored('hello')
  assert.equal((await send('GET', `/files/${id}`, page)).status, 200)
  const { status } = await exchange('GET', `${server.url}/api/v1/beta/files/${id}`, undefined, page)
  assert.equal(status, 200)
})

test('how long a session lasts is a setting', async (t) => {
  const own = await TestServer.start({ ENTREPOT_SESSION_SECONDS: '60' })
  t.after(() => own.stop())
  const json = { 'content-type': 'application/json' }
  const started = await exchange(
    'POST',
    `${own.url}/admin/v1/sessions`,
    JSON.stringify({ key: own.key }),
    json,
  )
  const cookie = started.headers.get('set-cookie')?.split(';')[0] ?? ''
  const status = async () => (await exchange('GET', `${own.url}/admin/v1/me`, undefined, { cookie })).status
  own.clock.advance({ seconds: 59 })
  assert.equal(await status(), 200)
  own.clock.advance({ seconds: 1 })
  assert.equal(await status(), 401)
})
