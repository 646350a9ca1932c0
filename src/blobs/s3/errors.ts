import { isStoreError, StoreError, type StoreErrorCode } from '../../core/errors.ts'

/** The fields of the SDK's errors. Errors of the network have a `code` alone. */
interface SdkError {
  readonly name?: string
  readonly code?: string
  readonly message?: string
  readonly $metadata?: { readonly httpStatusCode?: number }
}

/** The store was too busy to begin. */
const throttledNames = new Set([
  'SlowDown',
  'SlowDownRead',
  'SlowDownWrite',
  'ThrottlingException',
  'TooManyRequests',
])
/** Codes that come with a status below 500, or in the body of a success. */
const transientNames = new Set([
  ...throttledNames,
  // Another write of the key is under way: an earlier attempt of ours.
  'ConditionalRequestConflict',
  'InternalError',
  'OperationAborted',
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'ServiceUnavailable',
])
const fullNames = new Set(['InsufficientStorage', 'QuotaExceeded', 'XMinioStorageFull'])
/** The connection was never made: nobody has seen the request. */
const unsentCodes = new Set(['EAI_AGAIN', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND'])

/** The code of a deadline that passed; the same as Node's for a connection that timed out. */
export const LATE = 'ETIMEDOUT'

/** The SDK's error, translated already or not. */
function sdkError(error: unknown): SdkError {
  return ((error instanceof StoreError ? error.cause : error) ?? {}) as SdkError
}

/** The store's code, such as `NoSuchKey`; else the one of the SDK or the network. */
export function s3CodeOf(error: unknown): string {
  const { name, code } = sdkError(error)
  return code ?? name ?? 'unknown'
}

export function statusOf(error: unknown): number | undefined {
  return sdkError(error).$metadata?.httpStatusCode
}

/**
 * Whether the outcome is unknown, or may be another next time. Only a clear refusal is final; a broken connection, a
 * deadline and an unreadable answer are not.
 */
export function isTransient(error: unknown): boolean {
  const status = statusOf(error)
  const code = s3CodeOf(error)
  if (transientNames.has(code)) return true
  if (code === 'CredentialsProviderError') return false
  if (status === undefined || status < 300) return true
  return status === 429 || (status >= 500 && status !== 501 && !fullNames.has(code))
}

/** Whether the store certainly did nothing, and may do it next time. */
export function isRefusedUnprocessed(error: unknown): boolean {
  return throttledNames.has(s3CodeOf(error)) || unsentCodes.has(sdkError(error).code ?? '')
}

function isNotFound(error: unknown): boolean {
  return statusOf(error) === 404 && s3CodeOf(error) !== 'NoSuchBucket'
}

/** `If-None-Match: *` did not hold. */
export function isTaken(error: unknown): boolean {
  return statusOf(error) === 412
}

/** Translates a failed call. The cause is for the log. */
export function s3Error(action: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error
  return new StoreError(storeCodeOf(error), `cannot ${action}: ${s3CodeOf(error)}`, error)
}

/** For a call that may find nothing. */
export function undefinedIfMissing(error: unknown): undefined {
  if (!isStoreError(error, 'missing')) throw error
}

/** A failure not known to be final is `unavailable`: an operator can mend it. */
function storeCodeOf(error: unknown): StoreErrorCode {
  if (isNotFound(error)) return 'missing'
  if (isTaken(error)) return 'refused'
  if (s3CodeOf(error) === LATE) return 'timeout'
  return statusOf(error) === 507 || fullNames.has(s3CodeOf(error)) ? 'full' : 'unavailable'
}
