import type { ErrorCode, ErrorKind, ServiceError } from '../../core/errors.ts'
import { type ErrorAnswer, errorHeaders } from '../../http/errors.ts'
import { problemsOf } from '../../http/fields.ts'
import { IllegalName } from '../../intake/multipart/malformed.ts'

interface WireError {
  readonly status: number
  /** The vendor's own text where it is known or fixed; else the message of the error. */
  readonly detail?: string
  /** Trying again by itself would not help; SDKs obey (`x-should-retry`). */
  readonly final?: true
}

const badRequest: WireError = { status: 400 }
const unparsable: WireError = { status: 400, detail: 'There was an error parsing the body' }
const unprocessable: WireError = { status: 422 }

/** FastAPI's envelope with the vendor's statuses. */
const answers = {
  invalid: badRequest,
  rejected: badRequest,
  unauthenticated: { status: 401 },
  forbidden: { status: 403 },
  'not-found': { status: 404 },
  conflict: { status: 409, final: true },
  'too-large': { status: 413 },
  unsupported: { status: 415 },
  limited: { status: 429 },
  exhausted: { status: 402 },
  full: { status: 507, detail: 'Storage is full', final: true },
  unavailable: { status: 503, detail: 'Storage backend unavailable' },
  timeout: { status: 504, detail: 'Storage backend timed out' },
  internal: { status: 500 },
} as const satisfies Record<ErrorKind, WireError>

const ownAnswers: Readonly<Partial<Record<ErrorCode, WireError>>> = {
  'route-unknown': { status: 404, detail: 'Not Found' },
  'file-not-found': { status: 404, detail: 'File not found' },
  'method-not-allowed': { status: 405, detail: 'Method Not Allowed' },
  'transfer-coding-unsupported': { status: 501, final: true },
  'expectation-unsupported': { status: 417 },
  'request-malformed': unparsable,
  'body-not-json': unparsable,
  'body-incomplete': unparsable,
  'body-too-slow': { status: 408 },
  'field-missing': unprocessable,
  'field-unknown': unprocessable,
  'field-invalid': unprocessable,
  'range-unsatisfiable': { status: 416 },
  'idempotency-running': { status: 409 },
  'bytes-lost': { status: 500, final: true },
}

export function toErrorAnswer(error: ServiceError, requestId: string): ErrorAnswer {
  const { status, detail, final } = ownAnswers[error.code] ?? (answers[error.kind] as WireError)
  return {
    status,
    headers: errorHeaders(error, final),
    body: { detail: detailOf(error, status, detail, requestId) },
  }
}

function detailOf(
  error: ServiceError,
  status: number,
  detail: string | undefined,
  requestId: string,
): unknown {
  if (error instanceof IllegalName) return `${detail}. ${error.message}`
  if (status === 422) return problemsOf(error)
  if (status === 500) return `Internal error, correlation ID ${requestId}`
  return detail ?? error.message
}
