/**
 * Every way in which a request can fail, whoever asks and over whatever wire. The list is closed: a new
 * code breaks the build of each dialect until its mapper says what that vendor would answer.
 */
export const errorCodes = [
  // The request itself, before anybody looks at what it asks for.
  'route-unknown',
  'base-url-wrong',
  'tls-required',
  'method-not-allowed',
  'request-malformed',
  'transfer-coding-unsupported',
  'expectation-unsupported',
  'body-not-json',
  'body-type-unsupported',
  'body-too-large',
  'field-missing',
  'field-unknown',
  'field-invalid',
  'version-invalid',
  // Who asks.
  'unauthenticated',
  'scope-missing',
  'role-missing',
  'user-missing',
  'project-forbidden',
  'origin-forbidden',
  // What the operator has not switched on.
  'operation-off',
  'rate-limited',
  'quota-exceeded',
  // What is asked for.
  'rule-violated',
  'file-not-found',
  'state-conflict',
  'bytes-missing',
  'size-mismatch',
  'checksum-mismatch',
  'idempotency-key-invalid',
  'idempotency-running',
  // Bytes in and out on a link.
  'link-invalid',
  'bytes-already-stored',
  'precondition-failed',
  'length-mismatch',
  'digest-mismatch',
  'bytes-too-many',
  'body-incomplete',
  'body-too-slow',
  'range-unsatisfiable',
  // Our own trouble.
  'storage-full',
  'storage-unavailable',
  'storage-timeout',
  'bytes-lost',
  'internal',
] as const

export type ErrorCode = (typeof errorCodes)[number]

export interface ErrorDetails {
  /** The field, parameter or header at fault, in the caller's spelling. */
  readonly field?: string
  /** Whole seconds after which trying again can help. */
  readonly retryAfterSeconds?: number
  /** For the log, never for the caller. */
  readonly cause?: unknown
}

/** What the caller is told. The message is safe to send: no secrets, paths, SQL or foreign ids. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly code: ErrorCode
  readonly field: string | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.field = details.field
    this.retryAfterSeconds = details.retryAfterSeconds
  }
}

/**
 * What a blob or metadata store reports to the core.
 * - `missing`: the blob is not there.
 * - `conflict`: a guard of the commit did not hold; nothing was written.
 * - `full`: no space (disk, quota of the store).
 * - `aborted`: the caller's signal fired; nothing was stored.
 * - `unavailable`: the store cannot be reached or failed; trying again may help.
 * - `timeout`: it was reached, and did not answer in time; what was asked for may yet happen.
 * - `read-only`: it is being moved and takes no commits for a while.
 * - `refused`: it answered, and said no in a way that trying again will not change.
 */
export type StoreErrorCode =
  | 'missing'
  | 'conflict'
  | 'full'
  | 'aborted'
  | 'unavailable'
  | 'timeout'
  | 'read-only'
  | 'refused'

export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode
  /** Of a `conflict`: the kind of the change whose guard did not hold. */
  readonly change: string | undefined

  constructor(code: StoreErrorCode, message: string, cause?: unknown, change?: string) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.change = change
  }
}

export function isStoreError(error: unknown, code: StoreErrorCode): error is StoreError {
  return error instanceof StoreError && error.code === code
}
