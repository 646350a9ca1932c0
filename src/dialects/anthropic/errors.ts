import type { ErrorCode, ErrorKind, ServiceError } from '../../core/errors.ts'
import { type ErrorAnswer, errorHeaders } from '../../http/errors.ts'
import { toRequestId } from './wire.ts'

interface WireError {
  readonly status: number
  readonly type: string
  /** By it and the status the vendor's SDKs choose a class. */
  readonly errorCode?: string
  /** The vendor's own text; else the message of the error. */
  readonly message?: string
  /** Trying again by itself would not help; SDKs obey (`x-should-retry`). */
  readonly final?: true
}

const invalid: WireError = { status: 400, type: 'invalid_request_error' }
const forbidden: WireError = { status: 403, type: 'permission_error' }
const overloaded: WireError = { status: 529, type: 'overloaded_error' }
const fault: WireError = { status: 500, type: 'api_error', message: 'Internal server error' }

/** The vendor's statuses and types; what it leaves open is listed in README.md. */
const answers = {
  invalid,
  rejected: invalid,
  unauthenticated: { status: 401, type: 'authentication_error' },
  forbidden,
  'not-found': { status: 404, type: 'not_found_error' },
  conflict: { status: 409, type: 'conflict_error', final: true },
  'too-large': { status: 413, type: 'request_too_large' },
  unsupported: invalid,
  limited: { status: 429, type: 'rate_limit_error' },
  exhausted: { ...invalid, errorCode: 'storage_quota_exceeded', message: 'Storage quota exceeded.' },
  full: { ...overloaded, final: true },
  unavailable: overloaded,
  timeout: { status: 504, type: 'timeout_error' },
  internal: fault,
} as const satisfies Record<ErrorKind, WireError>

const ownAnswers: Readonly<Partial<Record<ErrorCode, WireError>>> = {
  'method-not-allowed': { ...invalid, status: 405 },
  'transfer-coding-unsupported': { ...invalid, status: 501, final: true },
  'expectation-unsupported': { ...invalid, status: 417 },
  'project-forbidden': { ...forbidden, message: 'This API key has no access to this workspace.' },
  'body-too-slow': { status: 408, type: 'timeout_error' },
  'range-unsatisfiable': { ...invalid, status: 416 },
  'idempotency-running': { status: 409, type: 'conflict_error' },
  'not-downloadable': { ...invalid, errorCode: 'file_not_downloadable' },
  'file-expired': { status: 404, type: 'not_found_error', errorCode: 'file_expired' },
  'bytes-lost': { ...fault, final: true },
}

/** The header and the field carry the same id: SDKs report the header. */
export function toErrorAnswer(error: ServiceError, id: string): ErrorAnswer {
  const { status, type, errorCode, final, message } =
    ownAnswers[error.code] ?? (answers[error.kind] as WireError)
  const requestId = toRequestId(id)
  const details = errorCode === undefined ? {} : { details: { error_code: errorCode } }
  return {
    status,
    headers: { ...errorHeaders(error, final), 'request-id': requestId },
    body: {
      type: 'error',
      error: { type, message: message ?? messageOf(error), ...details },
      request_id: requestId,
    },
  }
}

function messageOf({ code, id, message }: ServiceError): string {
  return code === 'file-not-found' && id !== undefined ? `File \`${id}\` not found.` : message
}
