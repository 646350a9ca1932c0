import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { MeBody, SessionBody } from '../src/admin/sessions/schemas.ts'
import { TestServer } from './harness.ts'
import { CLIENT_ID, CLIENT_SECRET, TestOidcProvider } from './oidc-provider.ts'
import { onlyLong } from './rounds.ts'

const skip = onlyLong
const accounts = {
  ada: { groups: ['staff', 'docs'], email: 'ada@example.com' },
  vera: { groups: ['readers'], email: 'vera@example.com' },
  olga: { groups: ['ops'] },
  eve: { groups: ['nobody'] },
  nina: {},
}

let provider: TestOidcProvider
let server: TestServer

async function startServer(more: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  return TestServer.start({
    ENTREPOT_OIDC_ISSUER: provider.issuer,
    ENTREPOT_OIDC_CLIENT_ID: CLIENT_ID,
    ENTREPOT_OIDC_CLIENT_SECRET: CLIENT_SECRET,
    ENTREPOT_OIDC_GROUPS: 'staff=default/*:member,readers=default/default:viewer,ops=default/*:operator',
    ...more,
  })
}

before(async () => {
  if (skip) return
  provider = await TestOidcProvider.start(accounts)
  server = await startServer()
  await provider.serve(`${server.url}/admin/v1/oidc/callback`)
})
after(() => Promise.all([server?.stop(), provider?.stop()]))

/** Follows redirects, keeps cookies, and fills in the form of the provider. Ports share cookies, as in a browser. */
class Browser {
  readonly cookies = new Map<string, string>()
  /** Where the next request of a redirect would go, when it was told to stop there. */
  readonly #stopAt: RegExp | undefined

  constructor(stopAt?: RegExp) {
    this.#stopAt = stopAt
  }

  async send(url: string | URL, init: RequestInit = {}): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(url, { redirect: 'manual', ...init, headers: { ...init.headers, cookie } })
    for (const set of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? []
      if (value === '' || /expires=Thu, 01 Jan 1970/i.test(set)) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    return answer
  }

  /** @returns where the browser stands at the end: a page of the console, or what it was told to stop at */
  async signIn(account: string, from = `${server.url}/admin/v1/oidc/start`): Promise<URL> {
    for (let at = new URL(from), redirects = 0; redirects < 12; redirects++) {
      if (this.#stopAt?.test(at.href) || at.pathname.startsWith('/console/')) return at
      const isForm = at.pathname.startsWith('/login/')
      const answer = await this.send(
        at,
        isForm ? { method: 'POST', body: new URLSearchParams({ account }) } : {},
      )
      const location = answer.headers.get('location')
      assert.ok(location, `${at} answered ${answer.status}: ${await answer.text()}`)
      at = new URL(location, at)
    }
    throw new Error('too many redirects')
  }

  async me(of = server): Promise<MeBody> {
    const answer = await this.send(`${of.url}/admin/v1/me`)
    assert.equal(answer.status, 200)
    return (await answer.json()) as MeBody
  }
}

function errorAt(address: URL): string | null {
  assert.equal(address.pathname, '/console/sign-in')
  return address.searchParams.get('error')
}

async function callbackOf(browser: Browser, account = 'ada'): Promise<URL> {
  const address = await browser.signIn(account)
  assert.match(address.href, /\/oidc\/callback\?/)
  return address
}

const AT_CALLBACK = /\/oidc\/callback\?/

test('people sign in with the account of a provider, and have what their group has', { skip }, async () => {
  const browser = new Browser()
  const start = `${server.url}/admin/v1/oidc/start?return=${encodeURIComponent('/console/files?name=a#b')}`
  const address = await browser.signIn('ada', start)
  assert.equal(address.href, `${server.url}/console/files?name=a#b`)
  assert.ok(!browser.cookies.has('oidc'))
  const { session, ...me } = await browser.me()
  assert.equal(session?.expiresAt, new Date(server.clock.now() + 43_200_000).toISOString())
  const { key, user, role, scopes, organization } = me
  assert.deepEqual([key, user, role, scopes, organization.slug], [null, 'ada', 'member', [], 'default'])
  const { sessions } = (await (await browser.send(`${server.url}/admin/v1/sessions`)).json()) as {
    sessions: SessionBody[]
  }
  assert.deepEqual(
    sessions.map(({ user, key, isCurrent }) => [user, key, isCurrent]),
    [['ada', null, true]],
  )
  const out = await browser.send(`${server.url}/admin/v1/sessions/current`, {
    method: 'DELETE',
    headers: { origin: server.url },
  })
  assert.equal(out.status, 204)
  assert.equal((await browser.send(`${server.url}/admin/v1/me`)).status, 401)
})

test('a viewer of the provider reads and changes nothing', { skip }, async () => {
  const browser = new Browser()
  await browser.signIn('vera')
  const { role, scopes } = await browser.me()
  assert.deepEqual([role, scopes], ['viewer', ['files:read']])
  assert.equal((await browser.send(`${server.url}/admin/v1/files`)).status, 200)
  const made = await browser.send(`${server.url}/tus`, {
    method: 'POST',
    headers: { origin: server.url, 'tus-resumable': '1.0.0', 'upload-length': '0' },
  })
  assert.equal(made.status, 403)
})

test('whoever is in no group that is named does not get in', { skip }, async () => {
  for (const account of ['eve', 'nina']) {
    const browser = new Browser()
    assert.equal(errorAt(await browser.signIn(account)), 'oidc_no_group')
    assert.ok(!browser.cookies.has('session'))
  }
})

test('whoever the provider turns away is told so', { skip }, async () => {
  assert.equal(errorAt(await new Browser().signIn('mallory')), 'oidc_refused')
})

test('the answer of the provider is taken from the browser that it was asked by, and once', {
  skip,
}, async () => {
  const browser = new Browser(AT_CALLBACK)
  const address = await callbackOf(browser)
  const cookies = new Map(browser.cookies)
  const come = async (with_: Browser, url: URL) => {
    const answer = await with_.send(url)
    assert.equal(answer.status, 302)
    return new URL(answer.headers.get('location') ?? '')
  }
  // In another browser, which has begun none or one of its own.
  assert.equal(errorAt(await come(new Browser(), address)), 'oidc_expired')
  const other = new Browser(AT_CALLBACK)
  await callbackOf(other)
  assert.equal(errorAt(await come(other, address)), 'oidc_expired')
  const wrong = new URL(address)
  wrong.searchParams.set('state', 'x')
  browser.cookies.clear()
  for (const [name, value] of cookies) browser.cookies.set(name, value)
  assert.equal(errorAt(await come(browser, wrong)), 'oidc_expired')
  // The sign-in that is under way goes on, and its answer is good once.
  assert.equal((await come(browser, address)).pathname, '/console/')
  for (const [name, value] of cookies) browser.cookies.set(name, value)
  browser.cookies.delete('session')
  assert.equal(errorAt(await come(browser, address)), 'oidc_refused')
  assert.ok(!browser.cookies.has('session'))
})

test('a sign-in has to come to its end within ten minutes', { skip }, async () => {
  for (const [seconds, error] of [
    [599, null],
    [600, 'oidc_expired'],
  ] as const) {
    const browser = new Browser(AT_CALLBACK)
    const address = await callbackOf(browser)
    server.clock.advance({ seconds })
    const { headers } = await browser.send(address)
    assert.equal(new URL(headers.get('location') ?? '').searchParams.get('error'), error)
  }
})

test('an answer that names another provider is refused', { skip }, async () => {
  const browser = new Browser(AT_CALLBACK)
  const address = await callbackOf(browser)
  address.searchParams.set('iss', 'https://evil.example')
  const { headers } = await browser.send(address)
  assert.equal(errorAt(new URL(headers.get('location') ?? '')), 'oidc_refused')
})

test('a token that another key signed is refused', { skip }, async (t) => {
  const browser = new Browser(AT_CALLBACK)
  const address = await callbackOf(browser)
  const { generateKeyPairSync } = await import('node:crypto')
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwk = { ...publicKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }
  provider.answers.set('/jwks', (_request, response) => {
    response.setHeader('content-type', 'application/jwk-set+json')
    response.end(JSON.stringify({ keys: [jwk] }))
  })
  t.after(() => provider.answers.delete('/jwks'))
  const { headers } = await browser.send(address)
  assert.equal(errorAt(new URL(headers.get('location') ?? '')), 'oidc_refused')
})

test('a provider that calls itself otherwise is not believed', { skip }, async (t) => {
  const own = await startServer({ ENTREPOT_OIDC_ISSUER: provider.issuer.replace('127.0.0.1', 'localhost') })
  t.after(() => own.stop())
  const address = await new Browser().signIn('ada', `${own.url}/admin/v1/oidc/start`)
  assert.equal(errorAt(address), 'oidc_unavailable')
})

test('a token is judged by the clock of the service', { skip }, async (t) => {
  const own = await startServer()
  t.after(() => own.stop())
  await provider.serve(`${own.url}/admin/v1/oidc/callback`)
  t.after(() => provider.serve(`${server.url}/admin/v1/oidc/callback`))
  const start = `${own.url}/admin/v1/oidc/start`
  assert.equal((await new Browser().signIn('ada', start)).pathname, '/console/')
  // Years later what the provider gave out is over.
  own.clock.advance({ days: 3000 })
  assert.equal(errorAt(await new Browser().signIn('ada', start)), 'oidc_refused')
})

test('a server starts while its provider is down, and people sign in when it is back', {
  skip,
}, async (t) => {
  const down = await TestOidcProvider.start(accounts)
  t.after(() => down.stop())
  const own = await startServer({ ENTREPOT_OIDC_ISSUER: down.issuer, ENTREPOT_OIDC_LABEL: 'Acme' })
  t.after(() => own.stop())
  const told = await (await fetch(`${own.url}/admin/v1/sign-in`)).json()
  assert.deepEqual(told, { oidc: { label: 'Acme', path: 'admin/v1/oidc/start' } })
  const start = `${own.url}/admin/v1/oidc/start`
  for (let times = 0; times < 5; times++)
    assert.equal(errorAt(await new Browser().signIn('ada', start)), 'oidc_unavailable')
  assert.equal(down.asked.length, 1)
  await down.serve(`${own.url}/admin/v1/oidc/callback`)
  own.clock.advance({ seconds: 2 })
  assert.equal((await new Browser().signIn('ada', start)).pathname, '/console/')
  // It goes down while somebody is on the way back.
  const browser = new Browser(AT_CALLBACK)
  const address = await browser.signIn('ada', start)
  down.answers.set('/token', (_request, response) => void response.writeHead(502).end())
  const { headers } = await browser.send(address)
  assert.equal(errorAt(new URL(headers.get('location') ?? '')), 'oidc_unavailable')
})

test('claims and scopes have the names that the provider gives them', { skip }, async (t) => {
  const own = await startServer({
    ENTREPOT_OIDC_USER_CLAIM: 'email',
    ENTREPOT_OIDC_SCOPES: 'openid email',
    ENTREPOT_OIDC_GROUPS_CLAIM: 'email',
    ENTREPOT_OIDC_GROUPS: 'ada@example.com=default/default:admin',
  })
  t.after(() => own.stop())
  await provider.serve(`${own.url}/admin/v1/oidc/callback`)
  t.after(() => provider.serve(`${server.url}/admin/v1/oidc/callback`))
  const browser = new Browser()
  await browser.signIn('ada', `${own.url}/admin/v1/oidc/start`)
  const { user, role } = await browser.me(own)
  assert.deepEqual([user, role], ['ada@example.com', 'admin'])
})
