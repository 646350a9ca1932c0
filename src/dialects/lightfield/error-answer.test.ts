import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ErrorCode, errorKinds, ServiceError } from '../../core/errors.ts'
import { toErrorAnswer } from './errors.ts'

/** The vendor's table, each type with its status. */
const types: Record<string, readonly number[]> = {
  bad_request: [400],
  unauthorized: [401],
  forbidden: [403],
  not_found: [404],
  conflict: [409],
  idempotency_conflict: [409],
  unsupported_media_type: [415],
  unprocessable_content: [422],
  too_many_requests: [429],
  internal_server_error: [500],
  service_unavailable: [503],
  gateway_timeout: [504],
  // The vendor documents nothing for these statuses: the names are ours, made as its own are.
  expectation_failed: [417],
  not_implemented: [501],
  method_not_allowed: [405],
}

/** The codes of a 400 that the vendor has documented and that files can meet. */
const codes = [
  'unknown_field',
  'invalid_type',
  'parameter_missing',
  'version_header',
  'idempotency_key_too_long',
]

const errorCodes = Object.keys(errorKinds) as ErrorCode[]

interface Body {
  readonly error: Readonly<Record<string, string>>
}

for (const code of errorCodes) {
  test(`${code} has an answer in the vendor’s form`, () => {
    const error = new ServiceError(code, 'A sentence.', {
      field: 'x',
      retryAfterSeconds: 7,
      cause: new Error('secret'),
    })
    const { status, headers, body } = toErrorAnswer(error)
    const { type = '', message, code: wireCode, param, ...rest } = (body as Body).error
    assert.deepEqual(Object.keys(body as Body), ['error'])
    assert.deepEqual(rest, {})
    assert.ok(types[type]?.includes(status), `${type} ${status}`)
    assert.equal(message, 'A sentence.')
    if (status === 400) assert.ok(codes.includes(wireCode ?? ''), `${wireCode}`)
    else assert.equal(wireCode, undefined)
    assert.equal(param, status === 400 || status === 422 ? 'x' : undefined)
    assert.equal(headers['retry-after'], '7')
    assert.doesNotMatch(JSON.stringify(body), /secret/)
  })
}

test('clients are told not to retry what time cannot change, and left to retry the rest', () => {
  const retriedByClients = errorCodes.filter((code) => {
    const { status, headers } = toErrorAnswer(new ServiceError(code, ''))
    return (status === 409 || status >= 429) && headers['x-should-retry'] === undefined
  })
  assert.deepEqual(retriedByClients.sort(), [
    'idempotency-running',
    'internal',
    'rate-limited',
    'server-stopping',
    'storage-timeout',
    'storage-unavailable',
    'upload-fragmented',
  ])
})
