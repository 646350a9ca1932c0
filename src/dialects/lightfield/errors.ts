import type { ErrorCode, ErrorKind, ServiceError } from '../../core/errors.ts'
import { type ErrorAnswer, errorHeaders } from '../../http/errors.ts'

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
const fault: WireError = { status: 500, type: 'internal_server_error' }

/** The vendor's error table; what it leaves open is listed in README.md. */
const answers = {
  invalid: badField('invalid_type'),
  rejected: { status: 422, type: 'unprocessable_content' },
  unauthenticated: { status: 401, type: 'unauthorized' },
  forbidden,
  'not-found': { status: 404, type: 'not_found' },
  conflict: { status: 409, type: 'conflict', final: true },
  'too-large': badField('invalid_type'),
  unsupported: { status: 415, type: 'unsupported_media_type' },
  limited: { status: 429, type: 'too_many_requests' },
  exhausted: forbidden,
  full: { status: 503, type: 'service_unavailable', final: true },
  unavailable: { status: 503, type: 'service_unavailable' },
  timeout: { status: 504, type: 'gateway_timeout' },
  internal: fault,
} as const satisfies Record<ErrorKind, WireError>

const ownAnswers: Readonly<Partial<Record<ErrorCode, WireError>>> = {
  'method-not-allowed': { status: 405, type: 'method_not_allowed' },
  'transfer-coding-unsupported': { status: 501, type: 'not_implemented', final: true },
  'expectation-unsupported': { status: 417, type: 'expectation_failed' },
  'field-missing': badField('parameter_missing'),
  'field-unknown': badField('unknown_field'),
  'version-invalid': badField('version_header'),
  'idempotency-key-invalid': badField('idempotency_key_too_long'),
  'idempotency-running': { status: 409, type: 'idempotency_conflict' },
  'bytes-lost': { ...fault, final: true },
}

/** Always wrapped in `error`, as the vendor's errors page says. */
export function toErrorAnswer(error: ServiceError): ErrorAnswer {
  const { status, type, code, final } = ownAnswers[error.code] ?? (answers[error.kind] as WireError)
  const param = status === 400 || status === 422 ? error.field : undefined
  return {
    status,
    headers: errorHeaders(error, final),
    body: { error: { type, message: error.message, ...(code && { code }), ...(param && { param }) } },
  }
}
