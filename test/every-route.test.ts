/** What every route and method refuses: the changes of viewers, and what belongs to another organization. */
import assert from 'node:assert/strict'
import { after, before, mock, test } from 'node:test'
import { Client, credentials, Metadata, Server, type ServiceError } from '@grpc/grpc-js'
import { grpcCodes } from '../src/grpc/status.ts'
import { AdminClient } from './admin-client.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient } from './lightfield-client.ts'
import { type KeyedRoute, watchRoutes } from './registered-routes.ts'
import { withGrpc } from './yandex-client.ts'

const READING = ['GET', 'HEAD', 'OPTIONS']
const BODILESS = [...READING, 'DELETE']
/** The rest of what the dialects' clients send on every request. */
const vendorHeaders = {
  'anthropic-version': '2023-06-01',
  'anthropic-beta': 'files-api-2025-04-14',
  'lightfield-version': '2026-03-01',
  'tus-resumable': '1.0.0',
}
/** A viewer's own session is no file, and some lists come by POST or PUT. */
const OPEN_TO_VIEWERS = /\/sessions?\b|\/files\/(?:query|sync)$/
const VIEWER = /this one is a viewer's/

const registered = watchRoutes()
let routes: readonly KeyedRoute[] = []
let server: TestServer
let viewer: string
let fileId: string
const methods: string[] = []

before(async () => {
  const { register } = Server.prototype
  mock.method(Server.prototype, 'register', function (this: Server, ...given: Parameters<typeof register>) {
    methods.push(given[0])
    return register.apply(this, given)
  })
  server = await TestServer.start(withGrpc)
  routes = registered()
  viewer = await server.newKey({ role: 'viewer', userId: null })
  fileId = (await new LightfieldClient(server).stored('content')).id
})
after(() => server.stop())

function ask({ method, url }: KeyedRoute, id = fileId, key = viewer): Promise<Response> {
  // Gemini has routes below the scheme of a URL. Two colons are one that begins no parameter.
  const segment = (text: string) => (text === '::' ? ':' : text.includes('(') ? 'https:' : id)
  const path = url.replace(/::|:\w+(\([^)]*\))?|\*/g, segment)
  const headers = {
    ...vendorHeaders,
    authorization: `Bearer ${key}`,
    'x-goog-api-key': key,
    'x-api-key': key,
  }
  return fetch(server.url + path, { method, headers, redirect: 'manual' })
}

test('every route that changes anything refuses a viewer, and changes nothing', async () => {
  const changing = routes.filter(({ method }) => !READING.includes(method))
  assert.ok(changing.length > 40, `${changing.length} routes`)
  for (const route of changing) {
    const name = `${route.method} ${route.url}`
    if (route.role === 'viewer') assert.match(route.url, OPEN_TO_VIEWERS, name)
    else if (route.role === 'member') {
      const answer = await ask(route)
      const text = await answer.text()
      assert.equal(answer.status, 403, `${name} ${text}`)
      assert.match(text, VIEWER, name)
    } else assert.equal((await ask(route)).status, 403, name)
  }
  const { metadata, clock } = server.app.services
  assert.equal((await metadata.totals(clock.now(), 1)).files.stored, 1)
})

test('every route that reads answers a viewer', async () => {
  const reading = routes.filter(({ method, role }) => READING.includes(method) && role === 'viewer')
  assert.ok(reading.length > 25, `${reading.length} routes`)
  for (const route of reading) {
    const answer = await ask(route)
    const text = await answer.text()
    // Gemini answers 403 for files that are not there.
    assert.ok(answer.status < 500 && answer.status !== 401, `${route.method} ${route.url} ${answer.status}`)
    if (answer.status >= 400) assert.doesNotMatch(text, /\b(?:key|scope)\b/, `${route.method} ${route.url}`)
  }
  assert.equal((await new LightfieldClient({ url: server.url, key: viewer }).retrieve(fileId)).status, 200)
})

test('every method of gRPC that does not read refuses a viewer', async () => {
  const client = new Client(server.grpcAddress, credentials.createInsecure())
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${viewer}`)
  const asIs = (bytes: Buffer) => bytes
  const call = (path: string) =>
    new Promise<ServiceError | null>((resolve) =>
      client.makeUnaryRequest(path, asIs, asIs, Buffer.alloc(0), metadata, resolve),
    )
  const changing = methods.filter((path) => !/\/(?:Get\w*|List|Check|Watch)$/.test(path))
  assert.ok(changing.length >= 3, `${changing}`)
  for (const path of changing) {
    const error = await call(path)
    assert.equal(error?.code, grpcCodes.PERMISSION_DENIED, path)
    assert.match(error.details, VIEWER, path)
  }
  for (const path of methods.filter((path) => /Files?Service\/(?:Get|List)$/.test(path)))
    assert.notEqual((await call(path))?.code, grpcCodes.PERMISSION_DENIED, path)
  client.close()
})

test('no route of the admin API tells an admin anything of another organization', async () => {
  const { organization, project, key } = await server.newTenant('secret-organization')
  const admin = await server.newKey({ organizationId: organization.id, projectIds: [project.id] })
  const theirs = new AdminClient({ url: server.url, key: admin })
  const { id } = await theirs.stored('content', { filename: 'secret.txt' })
  const [{ id: keyId = '' } = {}] = await server.app.services.metadata.pageKeys({
    organizationId: organization.id,
    after: undefined,
    limit: 1,
  })
  const own = await server.newKey()
  const admins = routes.filter(({ url }) => url.startsWith('/admin/v1/'))
  assert.ok(admins.length > 15, `${admins.length} routes`)
  for (const route of admins)
    for (const foreign of [organization.id, project.id, keyId, id]) {
      const name = `${route.method} ${route.url} ${foreign}`
      if (route.url.includes(':')) {
        const answer = await ask(route, foreign, own)
        const { status } = answer
        // A body that is missing may be noticed first.
        const isNoBody = status === 400 && !BODILESS.includes(route.method)
        assert.ok(isNoBody || status === (route.role === 'operator' ? 403 : 404), `${name} ${status}`)
        await assertSilent(answer, name)
      } else if (route.method === 'GET') {
        for (const query of ['', `?organization=${foreign}`, `?project=${foreign}`, `?id=${foreign}`])
          await assertSilent(await ask({ ...route, url: route.url + query }, '', own), name)
      }
    }
  assert.equal((await theirs.get(id)).status, 200)
  assert.equal((await new AdminClient({ url: server.url, key }).get(id)).status, 200)
})

async function assertSilent(answer: Response, name: string): Promise<void> {
  const isEndless = answer.headers.get('content-type')?.startsWith('text/event-stream')
  if (isEndless) return answer.body?.cancel()
  assert.doesNotMatch(await answer.text(), /secret/, name)
}
