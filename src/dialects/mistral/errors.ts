import { type ErrorCode, type ErrorKind, ServiceError } from '../../core/errors.ts'
import { type ErrorAnswer, errorHeaders } from '../../http/errors.ts'
import { problemsOf } from '../../http/fields.ts'

/**
 * The vendor has two shapes: FastAPI's `detail`, a text or the list of problems, and a flat object, whose message is fixed or
 * that of the error.
 */
type WireError =
  | { readonly status: number; readonly detail: string | 'problems' }
  | { readonly status: number; readonly message?: string }

const notFound = { status: 404, detail: 'Not Found' } as const
const badRequest = { status: 400 } as const
const unprocessable = { status: 422, detail: 'problems' } as const
const tooLarge = { status: 413, detail: 'Request Entity Too Large' } as const

const answers = {
  invalid: badRequest,
  rejected: unprocessable,
  unauthenticated: { status: 401, detail: 'Unauthorized' },
  forbidden: { status: 403 },
  'not-found': notFound,
  conflict: { status: 409 },
  'too-large': tooLarge,
  unsupported: { status: 415 },
  limited: { status: 429, message: 'Rate limit exceeded' },
  exhausted: { status: 402 },
  full: { status: 507 },
  unavailable: { status: 503 },
  timeout: { status: 504 },
  internal: { status: 500, message: 'Internal server error' },
} as const satisfies Record<ErrorKind, WireError>

const ownAnswers: Readonly<Partial<Record<ErrorCode, WireError>>> = {
  'file-not-found': { status: 404, detail: 'File not found' },
  'method-not-allowed': { status: 405 },
  'transfer-coding-unsupported': { status: 501 },
  'expectation-unsupported': { status: 417 },
  'body-too-slow': { status: 408 },
  'field-missing': unprocessable,
  'field-unknown': unprocessable,
  'field-invalid': unprocessable,
  'range-unsatisfiable': { status: 416 },
}

/** A type that the vendor does not take for a purpose. */
export class InvalidFormat extends ServiceError {
  /** @param takes in the vendor's words */
  constructor(mimeType: string, takes: string) {
    super('rule-violated', `Received file with mimetype ${mimeType}, only ${takes} are currently supported`)
  }
}

export function toErrorAnswer(error: ServiceError, _requestId: string): ErrorAnswer {
  const answer: WireError = ownAnswers[error.code] ?? answers[error.kind]
  return { status: answer.status, headers: errorHeaders(error), body: bodyOf(error, answer) }
}

function bodyOf(error: ServiceError, answer: WireError): object {
  if (error instanceof InvalidFormat) return { detail: 'Invalid file format.', message: error.message }
  if (error.code === 'base-url-wrong') return { detail: error.message }
  if ('detail' in answer) return { detail: answer.detail === 'problems' ? problemsOf(error) : answer.detail }
  const { status, message = error.message } = answer
  return { object: 'error', message, type: typeOf(status), param: error.field ?? null, code: null }
}

function typeOf(status: number): string {
  if (status === 429) return 'rate_limit_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}
