import { type ErrorCode, ServiceError, StoreError, type StoreErrorCode } from '../core/errors.ts'
import { spreadRetry } from '../core/limits/retry-queue.ts'

/** What Fastify reports before a handler runs, in our words. Codes: fastify.dev, "Errors". */
const fastifyCodes: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'body-type-unsupported',
  FST_ERR_CTP_INVALID_TYPE: 'body-type-unsupported',
  FST_ERR_CTP_EMPTY_TYPE: 'body-type-unsupported',
  FST_ERR_CTP_INVALID_JSON_BODY: 'body-not-json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'body-not-json',
  FST_ERR_BAD_URL: 'route-unknown',
  FST_ERR_MAX_PARAM_LENGTH: 'route-unknown',
  FST_ERR_ASYNC_CONSTRAINT: 'internal',
}

/** What a library says is the client's fault, by the status that it proposes; any other 4xx is `request-malformed`. */
const statusCodes: Readonly<Partial<Record<number, ErrorCode>>> = {
  404: 'route-unknown',
  413: 'body-too-large',
  415: 'body-type-unsupported',
  416: 'range-unsatisfiable',
}

const messages: Partial<Record<ErrorCode, string>> = {
  'body-type-unsupported': 'Send Content-Type: application/json.',
  'body-not-json': 'The body is not valid JSON.',
  'body-too-large': 'The body is too large.',
  'range-unsatisfiable': 'The range is outside of what there is.',
  'request-malformed': 'The request is malformed.',
  'route-unknown': 'There is nothing at this address.',
}

const storeCodes: Readonly<Record<StoreErrorCode, readonly [ErrorCode, string]>> = {
  missing: ['bytes-lost', 'The bytes of this file could not be read.'],
  full: ['storage-full', 'There is no space left.'],
  unavailable: ['storage-unavailable', 'Storage is not available.'],
  timeout: ['storage-timeout', 'Storage did not answer in time.'],
  'read-only': [
    'storage-unavailable',
    'Storage is being moved: files can be read, but not changed, for a while.',
  ],
  aborted: ['body-incomplete', 'The request ended before its body did.'],
  // A use case looks again where it can. What is left lost what it held, such as its lease on the bytes, while others took
  // this server for dead: nothing was written, and the same request can succeed.
  conflict: ['storage-unavailable', 'The request could not be completed; try again.'],
  refused: ['internal', 'Unexpected error.'],
}

/** The least. A store that is away may be back soon; a move takes its time, and every client will come again. */
const retrySeconds: Partial<Record<StoreErrorCode, number>> = {
  conflict: 1,
  unavailable: 2,
  timeout: 2,
  'read-only': 10,
}

/** Whatever was thrown, as what a caller may be told. The original stays as the cause, for the log. */
export function toServiceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error
  if (error instanceof StoreError) {
    const [code, message] = storeCodes[error.code]
    const leastSeconds = retrySeconds[error.code]
    const retry = leastSeconds === undefined ? {} : { retryAfterSeconds: spreadRetry(leastSeconds) }
    return new ServiceError(code, message, { cause: error, ...retry })
  }
  if (isAbort(error))
    return new ServiceError('body-incomplete', 'The request ended before its body did.', { cause: error })
  const { code: name = '', statusCode = 500 } = (error ?? {}) as { code?: string; statusCode?: number }
  const code = fastifyCodes[name] ?? codeOfStatus(statusCode)
  return new ServiceError(code, messages[code] ?? 'Unexpected error.', { cause: error })
}

function codeOfStatus(status: number): ErrorCode {
  return status >= 400 && status < 500 ? (statusCodes[status] ?? 'request-malformed') : 'internal'
}

/** How Node tells that a client went away in the middle of a body. */
function isAbort(error: unknown): boolean {
  return (
    error instanceof Error && error.message === 'aborted' && 'code' in error && error.code === 'ECONNRESET'
  )
}

/**
 * What a full store said, for a warning in the log: operators expect such refusals, and know how to end them.
 * @returns undefined for all other errors
 */
export function shortageOf({ code, message, cause }: ServiceError): string | undefined {
  if (code !== 'storage-full') return undefined
  return cause instanceof StoreError ? cause.message : message
}

/** Faults of ours: logged as errors, with their cause. */
export function isFault(error: ServiceError): boolean {
  const { code } = error
  if (shortageOf(error) !== undefined) return false
  return code === 'internal' || code === 'bytes-lost' || code.startsWith('storage-')
}
