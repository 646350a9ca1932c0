/** What the key of a viewer may do, on every route and in every method that there is. */
import assert from 'node:assert/strict'
import { subscribe } from 'node:diagnostics_channel'
import { after, before, mock, test } from 'node:test'
import { Client, credentials, Metadata, Server, type ServiceError } from '@grpc/grpc-js'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { leastRole } from '../src/core/access/admit.ts'
import { grpcCodes } from '../src/grpc/status.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient } from './lightfield-client.ts'
import { withGrpc } from './yandex-client.ts'

const READING = ['GET', 'HEAD', 'OPTIONS']
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

interface Route {
  readonly method: string
  readonly url: string
  readonly role: ReturnType<typeof leastRole>
}

const registered: RouteOptions[] = []
let routes: Route[] = []
let server: TestServer
let key: string
let fileId: string
const methods: string[] = []

before(async () => {
  subscribe('fastify.initialization', (message) => {
    const { fastify } = message as { fastify: FastifyInstance }
    fastify.addHook('onRoute', (route) => void registered.push(route))
  })
  const { register } = Server.prototype
  mock.method(Server.prototype, 'register', function (this: Server, ...given: Parameters<typeof register>) {
    methods.push(given[0])
    return register.apply(this, given)
  })
  server = await TestServer.start(withGrpc)
  // Only now are they as hooks have made them.
  routes = registered.flatMap(keyed)
  key = await server.newKey({ role: 'viewer', userId: null })
  fileId = (await new LightfieldClient(server).stored('content')).id
})
after(() => server.stop())

/** A route that asks for a key, once for each of its methods. Those of dialects are at the root, too. */
function keyed({ method, url, config, constraints }: RouteOptions): Route[] {
  const access = config?.access
  if (typeof access !== 'object' || (constraints && 'dialect' in constraints)) return []
  return [method].flat().map((method) => ({ method, url, role: leastRole(access) }))
}

function ask({ method, url }: Pick<Route, 'method' | 'url'>): Promise<Response> {
  // Gemini has routes below the scheme of a URL. Two colons are one that begins no parameter.
  const segment = (text: string) => (text === '::' ? ':' : text.includes('(') ? 'https:' : fileId)
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
    assert.doesNotMatch(text, /\b(?:key|scope)\b/, `${route.method} ${route.url}`)
  }
  assert.equal((await new LightfieldClient({ url: server.url, key }).retrieve(fileId)).status, 200)
})

test('every method of gRPC that does not read refuses a viewer', async () => {
  const client = new Client(server.grpcAddress, credentials.createInsecure())
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${key}`)
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
