import { type ErrorCode, ServiceError } from '../core/errors.ts'

const codes: Readonly<Partial<Record<number, ErrorCode>>> = {
  401: 'unauthenticated',
  402: 'quota-exceeded',
  403: 'scope-missing',
  404: 'file-not-found',
  405: 'method-not-allowed',
  408: 'body-too-slow',
  409: 'state-conflict',
  412: 'precondition-failed',
  413: 'body-too-large',
  415: 'body-type-unsupported',
  416: 'range-unsatisfiable',
  422: 'rule-violated',
  429: 'rate-limited',
  500: 'internal',
  504: 'storage-timeout',
  507: 'storage-full',
}

/** The error that comes nearest to a status, for the form in which a dialect tells it. */
export function injectedError(status: number): ServiceError {
  const code = codes[status] ?? (status < 500 ? 'request-malformed' : 'storage-unavailable')
  return new ServiceError(code, 'This error was injected by the emulator.')
}
