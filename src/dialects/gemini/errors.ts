import type { ErrorCode, ErrorKind, ServiceError } from '../../core/errors.ts'
import { type ErrorAnswer, errorHeaders } from '../../http/errors.ts'
import { PREFIX } from './ids.ts'

export const KEY_INVALID = 'API key not valid. Please pass a valid API key.'
export const NO_KEY = "Method doesn't allow unregistered callers."

/** Names of `google.rpc.Code`. */
type Canonical =
  | 'ABORTED'
  | 'ALREADY_EXISTS'
  | 'DEADLINE_EXCEEDED'
  | 'FAILED_PRECONDITION'
  | 'INTERNAL'
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'OUT_OF_RANGE'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'UNAVAILABLE'
  | 'UNIMPLEMENTED'

interface WireError {
  readonly code: number
  readonly status: Canonical
  /** The vendor's own text; else the message of the error. */
  readonly text?: string
  readonly details?: readonly object[]
}

const badRequest: WireError = { code: 400, status: 'INVALID_ARGUMENT' }
const noEntity: WireError = { code: 404, status: 'NOT_FOUND', text: 'Requested entity was not found.' }
/** A bad key is no 401 here. */
const badKey: WireError = {
  ...badRequest,
  text: KEY_INVALID,
  details: [
    {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: 'API_KEY_INVALID',
      domain: 'googleapis.com',
    },
  ],
}

const answers = {
  invalid: badRequest,
  rejected: badRequest,
  unauthenticated: badKey,
  forbidden: { code: 403, status: 'PERMISSION_DENIED' },
  'not-found': { code: 404, status: 'NOT_FOUND' },
  conflict: { code: 409, status: 'ABORTED' },
  'too-large': { code: 413, status: 'INVALID_ARGUMENT' },
  unsupported: badRequest,
  limited: { code: 429, status: 'RESOURCE_EXHAUSTED' },
  exhausted: { code: 429, status: 'RESOURCE_EXHAUSTED' },
  full: { code: 507, status: 'RESOURCE_EXHAUSTED' },
  unavailable: { code: 503, status: 'UNAVAILABLE' },
  timeout: { code: 504, status: 'DEADLINE_EXCEEDED' },
  internal: { code: 500, status: 'INTERNAL', text: 'An internal error has occurred.' },
} as const satisfies Record<ErrorKind, WireError>

const ownAnswers: Readonly<Partial<Record<ErrorCode, WireError>>> = {
  'route-unknown': noEntity,
  'link-invalid': noEntity,
  'method-not-allowed': { code: 405, status: 'UNIMPLEMENTED' },
  'transfer-coding-unsupported': { code: 501, status: 'UNIMPLEMENTED' },
  'expectation-unsupported': { code: 417, status: 'UNIMPLEMENTED' },
  'body-too-slow': { code: 408, status: 'DEADLINE_EXCEEDED' },
  'range-unsatisfiable': { code: 416, status: 'OUT_OF_RANGE' },
  // Of an upload: the client has to ask how far it has come.
  'offset-mismatch': badRequest,
  'name-taken': { code: 409, status: 'ALREADY_EXISTS' },
  'not-downloadable': { code: 400, status: 'FAILED_PRECONDITION' },
}

/** `{"error":{"code","message","status","details"?}}` */
export function toErrorAnswer(error: ServiceError): ErrorAnswer {
  const { code, status, text, details } = wireErrorOf(error)
  const message = text ?? error.message
  return {
    status: code,
    headers: errorHeaders(error),
    body: { error: { code, message, status, ...(details && { details }) } },
  }
}

function wireErrorOf({ code, kind, id }: ServiceError): WireError {
  if (code !== 'file-not-found') return ownAnswers[code] ?? answers[kind]
  // Whether there is such a file is not told to those who may not see it.
  const name = (id ?? '').replace(new RegExp(`^${PREFIX}`), '')
  const text = `You do not have permission to access the File ${name} or it may not exist.`
  return { code: 403, status: 'PERMISSION_DENIED', text }
}
