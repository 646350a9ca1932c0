import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { FairBudget } from '../core/limits/fair-budget.ts'
import { type Addressee, routeByDialect } from './addressee.ts'
import { allowBrowsers } from './browsers.ts'
import { sendErrorAnswer, toPlainErrorAnswer, toServiceError } from './errors.ts'
import { createHttpServer, defaultServerLimits } from './server.ts'

const claimed: Addressee = {
  name: 'claimed',
  rootPaths: ['/v1/'],
  claims: ({ headers }) => (headers['x-claimed'] === undefined ? undefined : 'surely'),
  toErrorAnswer: toPlainErrorAnswer,
}
const last: Addressee = { name: 'last', rootPaths: ['/v1/'], toErrorAnswer: toPlainErrorAnswer }

/** What each has below the path that they share. */
const routes: Record<string, readonly (readonly [method: 'GET' | 'POST' | 'DELETE', path: string])[]> = {
  claimed: [
    ['GET', '/v1/files'],
    ['POST', '/v1/files/:id/complete'],
  ],
  last: [
    ['POST', '/v1/files'],
    ['DELETE', '/v1/files/:id'],
  ],
}

let server: FastifyInstance
let base: string

function send(method: string, path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(base + path, { method, headers })
}

before(async () => {
  const { nameOf } = routeByDialect([claimed, last])
  server = createHttpServer({
    limits: defaultServerLimits,
    memory: new FairBudget(1),
    logger: pino({ level: 'silent' }),
    stopping: { endsConnections: false },
    dialectOf: nameOf,
    toErrorAnswer: toPlainErrorAnswer,
  })
  server.setErrorHandler((error, _request, reply) =>
    sendErrorAnswer(reply, toPlainErrorAnswer(toServiceError(error))),
  )
  for (const [name, each] of Object.entries(routes))
    await server.register(async (scope) => {
      scope.addHook('onRoute', (route) => {
        route.constraints = { ...route.constraints, dialect: name }
      })
      if (name === 'last') await allowBrowsers(scope)
      for (const [method, url] of each)
        scope.route({ method, url, config: { access: 'public' }, handler: async () => name })
    })
  base = await server.listen({ host: '127.0.0.1', port: 0 })
})
after(() => server.close())

/** Requests, and the status and `Allow` of their answers, for who is the first dialect's and for who is not. */
const cases: readonly (readonly [method: string, url: string, claimed: unknown[], last: unknown[]])[] = [
  ['GET', '/v1/files', [200, null], [405, 'POST']],
  ['POST', '/v1/files', [405, 'GET, HEAD'], [200, null]],
  ['PUT', '/v1/files?x=1', [405, 'GET, HEAD'], [405, 'POST']],
  ['DELETE', '/v1/files/1', [404, null], [200, null]],
  ['GET', '/v1/files/1/complete', [405, 'POST'], [404, null]],
  ['GET', '/v1/v1/files/1/complete', [404, null], [404, null]],
]

for (const [method, url, ...expected] of cases)
  test(`${method} ${url} is told what its own dialect has there, and nothing of its neighbour`, async () => {
    for (const [i, headers] of [{ 'x-claimed': '1' }, undefined].entries()) {
      const answer = await send(method, url, headers)
      assert.deepEqual([answer.status, answer.headers.get('allow')], expected[i])
    }
  })

test('a base URL that repeats a part of the path is told by what its own dialect has', async () => {
  const messageFor = async (headers: Record<string, string>) => {
    const answer = await send('POST', '/v1/v1/files/1/complete', headers)
    return ((await answer.json()) as { error: { message: string } }).error.message
  }
  assert.match(await messageFor({ 'x-claimed': '1' }), /it has "\/v1" twice/)
  assert.doesNotMatch(await messageFor({}), /base URL must|twice/)
})

test('pages read a refusal where its own dialect lets them call, and only there', async () => {
  for (const url of ['/v1/files/1/x', '/v1/none']) {
    assert.equal((await send('GET', url)).headers.get('access-control-allow-origin'), '*')
    const { headers } = await send('GET', url, { 'x-claimed': '1' })
    assert.equal(headers.get('access-control-allow-origin'), null)
  }
})

test('preflights are for the dialect of the request that they announce', async () => {
  const preflight = (headers: string) =>
    send('OPTIONS', '/v1/files', {
      origin: 'https://app.example',
      'access-control-request-method': 'GET',
      'access-control-request-headers': headers,
    })
  const allowed = await preflight('authorization')
  assert.equal(allowed.status, 204)
  assert.equal(allowed.headers.get('access-control-allow-headers'), 'authorization')
  const refused = await preflight('authorization, x-claimed')
  assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD'])
  assert.equal(refused.headers.get('access-control-allow-origin'), null)
})
