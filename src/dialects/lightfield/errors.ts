import type { ErrorCode, ServiceError } from '../../core/errors.ts'
import type { ErrorAnswer } from '../../http/error-answer.ts'

interface WireError {
  readonly status: number
  readonly type: string
  /** Required on every 400, absent elsewhere. */
  readonly code?: string
  /** Trying again by itself would not help; SDKs obey (`x-should-retry`). */
  readonly final?: true
}

const badField = (code: string): WireError => ({ status: 400, type: 'bad_request', code })
const forbidden: WireError = { status: 403, type: 'forbidden' }
const unprocessable: WireError = { status: 422, type: 'unprocessable_content' }
const fault: WireError = { status: 500, type: 'internal_server_error' }

/** The vendor's error table; what it leaves open is listed in README.md. */
export const wireErrors = {
  'route-unknown': { status: 404, type: 'not_found' },
  'base-url-wrong': { status: 404, type: 'not_found' },
  'tls-required': badField('invalid_type'),
  'request-malformed': badField('invalid_type'),
  'transfer-coding-unsupported': { status: 501, type: 'not_implemented', final: true },
  'expectation-unsupported': { status: 417, type: 'expectation_failed' },
  'body-not-json': badField('invalid_type'),
  'body-type-unsupported': { status: 415, type: 'unsupported_media_type' },
  'body-too-large': badField('invalid_type'),
  'field-missing': badField('parameter_missing'),
  'field-unknown': badField('unknown_field'),
  'field-invalid': badField('invalid_type'),
  'version-invalid': badField('version_header'),
  unauthenticated: { status: 401, type: 'unauthorized' },
  'scope-missing': forbidden,
  'role-missing': forbidden,
  'user-missing': forbidden,
  'project-forbidden': forbidden,
  'origin-forbidden': forbidden,
  'operation-off': forbidden,
  'quota-exceeded': forbidden,
  'rate-limited': { status: 429, type: 'too_many_requests' },
  'rule-violated': unprocessable,
  'file-not-found': { status: 404, type: 'not_found' },
  'state-conflict': { status: 409, type: 'conflict', final: true },
  'bytes-missing': unprocessable,
  'size-mismatch': unprocessable,
  'checksum-mismatch': unprocessable,
  'idempotency-key-invalid': badField('idempotency_key_too_long'),
  'idempotency-running': { status: 409, type: 'idempotency_conflict' },
  'link-invalid': forbidden,
  'method-not-allowed': { status: 405, type: 'method_not_allowed' },
  'bytes-already-stored': { status: 409, type: 'conflict', final: true },
  'precondition-failed': { status: 409, type: 'conflict', final: true },
  'length-mismatch': badField('invalid_type'),
  'digest-mismatch': badField('invalid_type'),
  'bytes-too-many': badField('invalid_type'),
  'body-incomplete': badField('invalid_type'),
  'body-too-slow': badField('invalid_type'),
  'range-unsatisfiable': badField('invalid_type'),
  'storage-full': { status: 503, type: 'service_unavailable', final: true },
  'storage-unavailable': { status: 503, type: 'service_unavailable' },
  'storage-timeout': { status: 504, type: 'gateway_timeout' },
  'bytes-lost': { ...fault, final: true },
  internal: fault,
} as const satisfies Record<ErrorCode, WireError>

/** Always wrapped in `error`, as the vendor's errors page says. */
export function toErrorAnswer(error: ServiceError): ErrorAnswer {
  const { status, type, code, final }: WireError = wireErrors[error.code]
  const param = status === 400 || status === 422 ? error.field : undefined
  return {
    status,
    headers: {
      ...(final ? { 'x-should-retry': 'false' } : {}),
      ...(error.retryAfterSeconds === undefined ? {} : { 'retry-after': String(error.retryAfterSeconds) }),
      ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    },
    body: { error: { type, message: error.message, ...(code && { code }), ...(param && { param }) } },
  }
}
