/** What a page of another site can make a browser do that is signed in here: nothing that changes anything. */
import assert from 'node:assert/strict'
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
  const json = { 'content-type': 'application/json' }
  const { headers } = await exchange(
    'POST',
    `${server.url}/admin/v1/sessions`,
    JSON.stringify({ key: server.key }),
    json,
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
  const json = { 'content-type': 'application/json' }
  return exchange<ProblemAnswer>(method, server.url + path, body, { ...json, cookie, ...headers })
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
