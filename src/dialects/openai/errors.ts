import type { ErrorCode, ErrorKind, ServiceError } from '../../core/errors.ts'
import { type ErrorAnswer, errorHeaders } from '../../http/errors.ts'

interface WireError {
  readonly status: number
  /** Of `error.type`; left out: `invalid_request_error`. */
  readonly type?: string
  readonly code?: string
  /** What is at fault; else the field that the error names. */
  readonly param?: string
  /** The vendor's own text where it is known or fixed; else the message of the error. */
  readonly message?: string | ((error: ServiceError) => string)
  /** Trying again by itself would not help; SDKs obey (`x-should-retry`). */
  readonly final?: true
}

const badRequest: WireError = { status: 400 }
const fault: WireError = {
  status: 500,
  type: 'server_error',
  message: 'The server had an error while processing your request.',
}

/** The vendor has no 409: its SDKs would try again. */
const answers = {
  invalid: badRequest,
  rejected: badRequest,
  unauthenticated: { status: 401, code: 'invalid_api_key' },
  forbidden: { status: 403 },
  'not-found': { status: 404 },
  conflict: badRequest,
  'too-large': { status: 413 },
  unsupported: { status: 415 },
  limited: {
    status: 429,
    type: 'requests',
    code: 'rate_limit_exceeded',
    message: 'Rate limit reached for requests',
  },
  exhausted: badRequest,
  full: { status: 507, type: 'server_error', final: true },
  unavailable: { status: 503, type: 'server_error' },
  timeout: { status: 504, type: 'server_error' },
  internal: fault,
} as const satisfies Record<ErrorKind, WireError>

const ownAnswers: Readonly<Partial<Record<ErrorCode, WireError>>> = {
  'method-not-allowed': { status: 405 },
  'transfer-coding-unsupported': { status: 501, type: 'server_error', final: true },
  'expectation-unsupported': { status: 417 },
  'body-not-json': {
    status: 400,
    message: ({ message }) => `We could not parse the JSON body of your request. (${message})`,
  },
  'body-too-slow': { status: 408 },
  'range-unsatisfiable': { status: 416 },
  'project-forbidden': { status: 403, message: 'You are not allowed to access this project.' },
  'file-not-found': {
    status: 404,
    param: 'id',
    message: ({ id, message }) => (id === undefined ? message : `No such File object: ${id}`),
  },
  'upload-not-found': {
    status: 404,
    param: 'id',
    message: ({ id }) => `No such Upload object: ${id}`,
  },
  'bytes-missing': { status: 400, param: 'part_ids' },
  'size-mismatch': { status: 400, param: 'part_ids' },
  'bytes-too-many': { status: 413, param: 'file' },
  'quota-exceeded': {
    status: 400,
    message: ({ message }) => `You have exceeded your file storage quota. ${message}`,
  },
  'bytes-lost': { ...fault, final: true },
}

/** SDKs wait as long as they are told, up to a minute; some do not try again at all if it is longer. */
const MAX_RETRY_SECONDS = 60

export function toErrorAnswer(error: ServiceError): ErrorAnswer {
  const known: WireError = ownAnswers[error.code] ?? answers[error.kind]
  const { status, type = 'invalid_request_error', code = null, message } = known
  const { retryAfterSeconds } = error
  const headers = errorHeaders(error, known.final)
  const isLong = retryAfterSeconds !== undefined && retryAfterSeconds > MAX_RETRY_SECONDS
  const text = typeof message === 'function' ? message(error) : (message ?? error.message)
  return {
    status,
    headers: isLong ? { ...headers, 'retry-after': String(MAX_RETRY_SECONDS) } : headers,
    body: { error: { message: text, type, param: known.param ?? error.field ?? null, code } },
  }
}
