import assert from 'node:assert/strict'
import { test } from 'node:test'
import fastify, { type FastifyRequest, type InjectOptions } from 'fastify'
import { hashSecret, secretIn } from '../core/access/admit.ts'
import type { Caller } from '../core/caller.ts'
import { RateLimiter } from '../core/limits/rate-limit.ts'
import type { Services } from '../core/services.ts'
import { sendErrorAnswer, toPlainErrorAnswer, toServiceError } from './errors.ts'
import {
  byKey,
  callerByKey,
  declarePublic,
  fullAtSeconds,
  guard,
  keyInHeader,
  keyInQuery,
  requireDeclaredAccess,
} from './guard.ts'

test('a server with a route that declares no access does not start, and says which', async (t) => {
  const server = fastify({ exposeHeadRoutes: false })
  t.after(() => server.close())
  requireDeclaredAccess(server)
  server.get('/declared', { config: { access: 'public' } }, async () => 'ok')
  server.get('/silent', async () => 'oh')
  server.register(async (scope) => void scope.post('/also', async () => 'oh'), { prefix: '/nested' })
  await assert.rejects(
    async () => server.ready(),
    /routes that declare no access: GET \/silent, POST \/nested\/also/,
  )
})

test('a plugin’s own routes may be declared public together', async (t) => {
  const server = fastify({ exposeHeadRoutes: false })
  t.after(() => server.close())
  requireDeclaredAccess(server)
  server.register(async (scope) => {
    declarePublic(scope)
    scope.get('/page', async (request) => ({ access: request.routeOptions.config.access }))
    scope.get('/link', { config: { access: 'link' } }, async (request) => ({
      access: request.routeOptions.config.access,
    }))
  })
  assert.deepEqual((await server.inject('/page')).json(), { access: 'public' })
  assert.deepEqual((await server.inject('/link')).json(), { access: 'link' })
})

test('a route may ask for a role in its declaration', async (t) => {
  const server = fastify()
  t.after(() => server.close())
  const clock = { now: () => 0, machineNow: () => 0 }
  const rates = new RateLimiter({ read: undefined, write: undefined, search: undefined }, clock)
  guard(server, {
    services: { rates, clock } as unknown as Services,
    authenticate: async ({ headers }) => ({ role: headers['x-role'], scopes: [] }) as unknown as Caller,
  })
  const access = { scope: 'any', limit: 'read', role: 'admin' } as const
  server.get('/admins', { config: { access } }, async () => 'ok')
  server.setErrorHandler((error, _request, reply) =>
    sendErrorAnswer(reply, toPlainErrorAnswer(toServiceError(error))),
  )
  const statusFor = async (role: string) =>
    (await server.inject({ url: '/admins', headers: { 'x-role': role } })).statusCode
  assert.deepEqual([await statusFor('member'), await statusFor('admin')], [403, 200])
})

/** Authorization headers and the secrets in them. */
const headers: readonly (readonly [string | undefined, string | undefined])[] = [
  [undefined, undefined],
  ['', undefined],
  ['Bearer', undefined],
  ['Bearer ek_x', 'ek_x'],
  ['bearer ek_x', 'ek_x'],
  ['BEARER   ek_x', 'ek_x'],
  ['Bearer My API Key', 'My API Key'],
  ['Bearer Bearer ek_x', 'Bearer ek_x'],
  ['Bearer\tek_x', undefined],
  ['Bearerek_x', undefined],
  ['Basic ek_x', undefined],
  ['ek_x', undefined],
]

for (const [authorization, secret] of headers) {
  test(`the header ${JSON.stringify(authorization)} carries ${secret === undefined ? 'no secret' : `"${secret}"`}`, () => {
    assert.equal(secretIn(authorization), secret)
  })
}

test('a bucket is said to be full no earlier than it is', () => {
  const allowance = { admitted: true, limit: 1, remaining: 0, retryAfterSeconds: 1 }
  assert.equal(fullAtSeconds({ ...allowance, fullInMs: 400 }, 600), 1)
  assert.equal(fullAtSeconds({ ...allowance, fullInMs: 401 }, 600), 2)
})

/** Requests, and the key that a dialect with places of its own finds in each. */
const places: readonly (readonly [InjectOptions, string | undefined])[] = [
  [{ headers: { 'x-own-key': ' ek_own ' } }, 'ek_own'],
  [{ url: '/?key=ek_query' }, 'ek_query'],
  [{ url: '/?key=ek%5fquery&other=1' }, 'ek_query'],
  [{ headers: { authorization: 'Bearer ek_bearer' } }, 'ek_bearer'],
  [{ headers: { 'x-own-key': 'ek_own', authorization: 'Bearer ek_bearer' } }, 'ek_own'],
  [{ headers: { 'x-own-key': '', authorization: 'Bearer ek_bearer' } }, 'ek_bearer'],
  [{ url: '/?key=', headers: { authorization: 'Bearer ek_bearer' } }, 'ek_bearer'],
  [{ url: '/?key=ek_one&key=ek_two' }, undefined],
  [{ headers: { 'x-own-key': '' } }, undefined],
  [{}, undefined],
]

for (const [sent, key] of places) {
  test(`a request with ${JSON.stringify(sent)} has ${key === undefined ? 'no key' : `the key ${key}`}`, async (t) => {
    const server = fastify()
    t.after(() => server.close())
    const asked: string[] = []
    const services = {
      guesses: { count: () => undefined },
      metadata: { findKey: async (hash: string) => void asked.push(hash) },
    } as unknown as Services
    const find = (request: FastifyRequest) => keyInHeader(request, 'x-own-key') || keyInQuery(request, 'key')
    server.get('/', async (request) => {
      const found = callerByKey(services, request, { find })
      await assert.rejects(byKey(services, { find })(request), { code: 'unauthenticated' })
      return { isFound: found !== undefined, reason: await found?.catch(({ code }) => code) }
    })
    const answer = (await server.inject({ url: '/', ...sent })).json()
    assert.deepEqual(
      answer,
      key === undefined ? { isFound: false } : { isFound: true, reason: 'unauthenticated' },
    )
    assert.deepEqual(asked, key === undefined ? [] : [hashSecret(key), hashSecret(key)])
  })
}

test('where no key is, and only there, a caller may be found in another way', async (t) => {
  const server = fastify()
  t.after(() => server.close())
  const services = { guesses: { count: () => undefined }, metadata: { findKey: async () => undefined } }
  const authenticate = byKey(services as unknown as Services, {
    find: (request) => keyInHeader(request, 'x-own-key'),
    otherwise: async () => ({ keyId: 'another' }) as unknown as Caller,
  })
  server.get('/', async (request) =>
    authenticate(request).then(
      ({ keyId }) => keyId,
      ({ code }) => code,
    ),
  )
  const resultFor = async (headers: Record<string, string>) =>
    (await server.inject({ url: '/', headers })).body
  assert.equal(await resultFor({}), 'another')
  assert.equal(await resultFor({ 'x-own-key': '' }), 'another')
  assert.equal(await resultFor({ 'x-own-key': 'ek_own' }), 'unauthenticated')
  assert.equal(await resultFor({ authorization: 'Basic x' }), 'unauthenticated')
})
