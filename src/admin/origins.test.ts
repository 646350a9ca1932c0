/** What a page of another site can make a browser do that is signed in here: nothing that changes anything. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { json } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import fastify, { type FastifyInstance } from 'fastify'
import type { ProblemAnswer } from '../../test/admin-client.ts'
import { TestServer } from '../../test/harness.ts'
import { exchange, type Headings } from '../../test/lightfield-client.ts'
import { addTusCreation } from '../transfer/tus/creation.ts'
import { addAdminApi } from './api.ts'

const UUID = '01890000-0000-7000-8000-0000000000ff'
const SAFE = ['GET', 'HEAD', 'OPTIONS']

let server: TestServer
let cookie: string

before(async () => {
  server = await TestServer.start()
  const type = { 'content-type': 'application/json' }
  const { headers } = await exchange(
    'POST',
    `${server.url}/admin/v1/sessions`,
    JSON.stringify({ key: server.key }),
    type,
  )
  cookie = headers.get('set-cookie')?.split(';')[0] ?? ''
})
after(() => server.stop())

/** Every route that changes something, as it is registered. */
async function changingRoutes(prefix: string, add: (scope: FastifyInstance) => Promise<void>) {
  const found = new Set<string>()
  const app = fastify()
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat())
      if (!SAFE.includes(each)) found.add(`${each} ${url.replace(/\/:\w+/g, `/${UUID}`).replace('::', ':')}`)
  })
  await app.register(
    async (scope) => {
      scope.decorate('surface', 'admin')
      await add(scope)
    },
    { prefix },
  )
  await app.ready()
  await app.close()
  return [...found]
}

function send(method: string, path: string, headers: Headings) {
  // Signing in needs no cookie: a key that is right must not help a page of another site.
  const body = JSON.stringify(path.endsWith('/sessions') ? { key: server.key } : {})
  const type = { 'content-type': 'application/json' }
  return exchange<ProblemAnswer>(method, server.url + path, body, { ...type, cookie, ...headers })
}

const foreign = () => [
  'https://evil.example',
  'null',
  `${server.url}.evil.example`,
  server.url.replace(/\d+$/, '1'),
]

test('no change by a cookie is made for a page of another origin, or of none that is told', async () => {
  const { services } = server.app
  // Handlers are not run here, so nothing that they are given is looked at.
  const routes = await changingRoutes('/admin', (scope) =>
    addAdminApi(scope, services, { signIn: {}, operating: {}, authenticate: async () => undefined } as never),
  )
  assert.ok(routes.length >= 8, String(routes))
  for (const route of routes) {
    const [method = '', path = ''] = route.split(' ')
    const origins = method === 'POST' && path === '/admin/v1/sessions' ? foreign() : [undefined, ...foreign()]
    for (const origin of origins) {
      const { status, body, text } = await send(method, path, { origin })
      assert.deepEqual([status, body.code], [403, 'origin_forbidden'], `${route} from ${origin}: ${text}`)
    }
  }
})

test('no upload by a cookie begins for a page of another origin, or of none that is told', async () => {
  const { services } = server.app
  const options = { maxFileBytes: 1, authenticate: async () => undefined } as never
  const routes = await changingRoutes('/tus', (scope) => addTusCreation(scope, services, options))
  assert.ok(routes.includes('POST /tus'), String(routes))
  for (const route of routes) {
    const [method = '', path = ''] = route.split(' ')
    for (const origin of [undefined, ...foreign()]) {
      const headers = { 'tus-resumable': '1.0.0', 'upload-length': '0', 'content-type': undefined }
      const answer = await exchange(method, server.url + path, undefined, { ...headers, cookie, origin })
      assert.equal(answer.status, 403, `${route} from ${origin}: ${answer.text}`)
      assert.equal(answer.headers.get('location'), null)
    }
  }
})

test('a page of this server changes what its visitor may', async () => {
  const answer = await send('DELETE', `/admin/v1/files/${UUID}`, { origin: server.url })
  assert.equal(answer.status, 404)
})

interface Page {
  readonly origin: string
  /** What the request calls, as the server comes to see it; by default where the page is. */
  readonly host?: string
  /** `Sec-Fetch-Site`, which browsers send over https and to this machine. */
  readonly site?: string
}

/** Signs in as a page does, at whatever name of the server. */
async function signInFrom({ url, key }: TestServer, { origin, host = new URL(origin).host, site }: Page) {
  const headers = {
    host,
    origin,
    'content-type': 'application/json',
    ...(site === undefined ? {} : { 'sec-fetch-site': site }),
  }
  const sent = request(`${url}/admin/v1/sessions`, { method: 'POST', headers, agent: false })
  sent.end(JSON.stringify({ key }))
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  const { statusCode: status, headers: told } = answer
  return { status, cookie: told['set-cookie']?.[0], body: (await json(answer)) as ProblemAnswer }
}

test('one signs in at any name of a server to which none was given', async () => {
  const { port } = new URL(server.url)
  const proxied = { origin: 'https://files.example', host: `127.0.0.1:${port}` }
  const cases: readonly (readonly [Page, number])[] = [
    ...['localhost', '127.0.0.1', '[::1]', '192.168.1.5', 'nas.local'].map(
      (name) => [{ origin: `http://${name}:${port}` }, 201] as const,
    ),
    [{ origin: 'http://localhost:9000' }, 201],
    [{ origin: `http://localhost:${port}`, site: 'same-origin' }, 201],
    [{ origin: 'https://files.example' }, 201],
    // A proxy has sent another Host on.
    [{ ...proxied, site: 'same-origin' }, 201],
    [proxied, 403],
    [{ ...proxied, site: 'cross-site' }, 403],
    [{ origin: 'http://files.example', site: 'cross-site' }, 403],
    [{ origin: `http://localhost:${port}`, host: `localhost:${port}`, site: 'same-site' }, 403],
    [{ origin: 'http://localhost:3000', host: `localhost:${port}` }, 403],
    [{ origin: `http://localhost:${port}.evil.example`, host: `localhost:${port}` }, 403],
    [{ origin: 'http://', host: '' }, 403],
  ]
  for (const [page, status] of cases) {
    const answer = await signInFrom(server, page)
    assert.equal(answer.status, status, `${JSON.stringify(page)}: ${JSON.stringify(answer.body)}`)
    if (status === 201) assert.equal(/; Secure/.test(answer.cookie ?? ''), page.origin.startsWith('https:'))
    else assert.equal(answer.cookie, undefined)
  }
})

test('a server with a public URL is used there, and whoever is elsewhere is told where, and what to set', async (t) => {
  const publicUrl = 'https://files.example/store'
  const named = await TestServer.start({ ENTREPOT_PUBLIC_URL: publicUrl })
  t.after(() => named.stop())
  assert.equal((await signInFrom(named, { origin: 'https://files.example', host: 'x' })).status, 201)
  for (const page of [
    { origin: 'http://localhost:8420' },
    { origin: named.url, site: 'same-origin' },
    { origin: 'http://files.example' },
  ]) {
    const { status, body } = await signInFrom(named, page)
    assert.deepEqual([status, body.code], [403, 'origin_forbidden'])
    assert.equal(
      body.detail,
      `Pages at this address cannot sign in or change anything. Open ${publicUrl} instead, or set ENTREPOT_PUBLIC_URL to the address that browsers use.`,
    )
  }
})

test('a public URL of this machine has its other names beside it', async (t) => {
  const local = await TestServer.start({ ENTREPOT_PUBLIC_URL: 'http://localhost:8420' })
  t.after(() => local.stop())
  for (const origin of ['http://localhost:8420', 'http://127.0.0.1:8420', local.url])
    assert.equal((await signInFrom(local, { origin })).status, 201, origin)
  const { status } = await signInFrom(local, { origin: 'http://localhost:3000', host: 'localhost:8420' })
  assert.equal(status, 403)
})
