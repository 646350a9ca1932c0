import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServiceError } from '../core/errors.ts'
import { type Addressee, type Claim, type RequestHead, routeByDialect } from './addressee.ts'

function dialect(
  name: string,
  rootPaths: readonly string[],
  claims?: (request: RequestHead) => Claim | undefined,
): Addressee {
  const answer = { status: 418, headers: {}, body: name }
  return { name, rootPaths, toErrorAnswer: () => answer, ...(claims ? { claims } : {}) }
}

const when = (claim: Claim, isTrue: boolean) => (isTrue ? claim : undefined)

const { nameOf, answererOf } = routeByDialect([
  dialect('first', ['/v1/', '/only/'], ({ headers }) => when('surely', headers['x-first'] !== undefined)),
  dialect('maybe', ['/v1/'], ({ method, url }) =>
    when('likely', method === 'POST' || url.includes('maybe=')),
  ),
  dialect('sure', ['/v1/'], ({ method, headers }) =>
    when('surely', method === 'PATCH' || headers['x-sure'] !== undefined),
  ),
  dialect('elsewhere', ['/api/'], () => 'surely'),
  dialect('last', ['/v1/', '/more/']),
])

function assertDialect(
  name: string,
  url: string,
  method = 'GET',
  headers: Record<string, string> = {},
): void {
  assert.equal(nameOf({ method, url, headers }), name)
}

test('below the name of a dialect a request is its own, whatever others say', () => {
  assertDialect('last', '/last/v1/files', 'POST', { 'x-first': '1', 'x-sure': '1' })
  assertDialect('', '/lastly/v1/files')
})

test('on a shared path the first that is sure gets the request', () => {
  assertDialect('first', '/v1/files', 'POST', { 'x-first': '1', 'x-sure': '1' })
  assertDialect('sure', '/v1/files', 'POST', { 'x-sure': '1' })
  assertDialect('sure', '/v1/files', 'PATCH')
})

test('of those that find it likely one gets it if nobody is sure', () => {
  assertDialect('maybe', '/v1/files', 'POST')
  assertDialect('maybe', '/v1/files?maybe=1')
})

test('what nobody claims goes to the last one that has the path', () => {
  assertDialect('last', '/v1/files')
  assertDialect('last', '/more/files')
  assertDialect('first', '/only/files')
})

test('a path that no dialect has is nobody’s, and errors on it are told in our own form', () => {
  assertDialect('', '/files', 'POST', { 'x-first': '1' })
  const { body } = answererOf({ url: '/files', headers: {} })(new ServiceError('internal', 'no'), 'id')
  assert.deepEqual(body, { error: { type: 'internal_server_error', message: 'no', code: 'internal' } })
})

test('a preflight belongs to the dialect of the request that it announces', () => {
  const origin = 'https://app.example'
  const announcing = (method: string, headers?: string) => ({
    origin,
    'access-control-request-method': method,
    ...(headers === undefined ? {} : { 'access-control-request-headers': headers }),
  })
  assertDialect('sure', '/v1/files', 'OPTIONS', announcing('PATCH'))
  assertDialect('maybe', '/v1/files', 'OPTIONS', announcing('POST', 'authorization'))
  assertDialect('first', '/v1/files', 'OPTIONS', announcing('POST', 'Authorization, X-First'))
  assertDialect('last', '/v1/files', 'OPTIONS', announcing('GET', 'authorization'))
  assertDialect('last', '/v1/files', 'OPTIONS')
})
