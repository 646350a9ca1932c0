/** Kinds of errors. Every dialect has an answer to each of them. */
export type ErrorKind =
  /** The request is malformed, or a part of it is. */
  | 'invalid'
  /** It is well formed, and a rule forbids what it asks for. */
  | 'rejected'
  | 'unauthenticated'
  /** The caller is known and may not do this. */
  | 'forbidden'
  | 'not-found'
  /** The present state does not allow it. */
  | 'conflict'
  | 'too-large'
  /** A method, type or coding that is not taken here. */
  | 'unsupported'
  /** Too many requests; a retry soon succeeds. */
  | 'limited'
  /** A quota is used up. */
  | 'exhausted'
  | 'full'
  | 'unavailable'
  | 'timeout'
  | 'internal'

/** Every error that a request can get, with its kind. */
export const errorKinds = {
  // The request itself, before anybody looks at what it asks for.
  'route-unknown': 'not-found',
  'base-url-wrong': 'not-found',
  'tls-required': 'invalid',
  'method-not-allowed': 'unsupported',
  'request-malformed': 'invalid',
  'transfer-coding-unsupported': 'unsupported',
  'expectation-unsupported': 'unsupported',
  'body-not-json': 'invalid',
  'body-type-unsupported': 'unsupported',
  'body-too-large': 'too-large',
  'field-missing': 'invalid',
  'field-unknown': 'invalid',
  'field-invalid': 'invalid',
  'version-invalid': 'invalid',
  // Who asks.
  unauthenticated: 'unauthenticated',
  'scope-missing': 'forbidden',
  'role-missing': 'forbidden',
  'user-missing': 'forbidden',
  'project-forbidden': 'forbidden',
  'origin-forbidden': 'forbidden',
  // What the operator has not switched on.
  'operation-off': 'forbidden',
  'rate-limited': 'limited',
  'quota-exceeded': 'exhausted',
  // What is asked for.
  'rule-violated': 'rejected',
  'file-not-found': 'not-found',
  'upload-not-found': 'not-found',
  'session-not-found': 'not-found',
  'organization-not-found': 'not-found',
  'project-not-found': 'not-found',
  'key-not-found': 'not-found',
  'state-conflict': 'conflict',
  // Another file of the project has the alias that was asked for, or another organization or project the slug.
  'name-taken': 'conflict',
  // A vendor keeps the bytes of such files to itself.
  'not-downloadable': 'rejected',
  // It ended by its expiry. Thrown by dialects alone, whose vendor tells it from a file that never existed.
  'file-expired': 'not-found',
  // Of an append; carries the offset that would do.
  'offset-mismatch': 'conflict',
  // A job has to join what came before.
  'upload-fragmented': 'unavailable',
  'bytes-missing': 'rejected',
  'size-mismatch': 'rejected',
  'checksum-mismatch': 'rejected',
  'idempotency-key-invalid': 'invalid',
  'idempotency-running': 'conflict',
  // Bytes in and out on a link.
  'link-invalid': 'forbidden',
  // Of links that have a row.
  'link-not-found': 'not-found',
  'links-too-many': 'conflict',
  'bytes-already-stored': 'conflict',
  'precondition-failed': 'conflict',
  'length-mismatch': 'invalid',
  'digest-mismatch': 'invalid',
  'bytes-too-many': 'too-large',
  'body-incomplete': 'invalid',
  'body-too-slow': 'invalid',
  'range-unsatisfiable': 'invalid',
  // Our own trouble.
  // It stops, and what it was taking could not be kept.
  'server-stopping': 'unavailable',
  'storage-full': 'full',
  'storage-unavailable': 'unavailable',
  'storage-timeout': 'timeout',
  'bytes-lost': 'internal',
  internal: 'internal',
} as const satisfies Readonly<Record<string, ErrorKind>>

export type ErrorCode = keyof typeof errorKinds

export interface ErrorDetails {
  /** The field, parameter or header at fault, in the caller's spelling. */
  readonly field?: string
  /** Of what was asked for, as the caller wrote it. */
  readonly id?: string
  /** Whole seconds after which trying again can help. */
  readonly retryAfterSeconds?: number
  /** At which an append may go on, in bytes. */
  readonly offset?: number
  /** For the log, never for the caller. */
  readonly cause?: unknown
}

/** What the caller is told. The message is safe to send: no secrets, paths, SQL or foreign ids. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly code: ErrorCode
  readonly field: string | undefined
  readonly id: string | undefined
  readonly retryAfterSeconds: number | undefined
  readonly offset: number | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.field = details.field
    this.id = details.id
    this.retryAfterSeconds = details.retryAfterSeconds
    this.offset = details.offset
  }

  get kind(): ErrorKind {
    return errorKinds[this.code]
  }
}

/**
 * What a blob or metadata store reports to the core.
 * - `missing`: the blob is not there.
 * - `conflict`: a guard of the commit did not hold; nothing was written.
 * - `full`: no space (disk, quota of the store).
 * - `unavailable`: the store cannot be reached or failed; trying again may help.
 * - `timeout`: it was reached, and did not answer in time; what was asked for may yet happen.
 * - `read-only`: it is being moved and takes no commits for a while.
 * - `refused`: it answered, and said no in a way that trying again will not change.
 */
export type StoreErrorCode =
  | 'missing'
  | 'conflict'
  | 'full'
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

/** The result of the work; undefined if it fails with `conflict`, because another process was faster. */
export async function unlessConflict<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (isStoreError(error, 'conflict')) return undefined
    throw error
  }
}
