import { ServiceError } from '../errors.ts'
import type { FileId } from '../file-id.ts'
import type { BlobKey } from '../ports/blob-store.ts'

/** As stored. What a reader sees at a given instant is `stateAt`: time ends uploads before any job runs. */
export type FileState = 'pending' | 'stored' | 'cancelled' | 'expired' | 'deleted'

/** How a dialect names a state to its callers. */
export type StateNames = Readonly<Record<FileState, string>>

/** The only moves there are. Each is a compare-and-set in the metadata store, so it has one winner. */
export const nextStates = {
  pending: ['stored', 'cancelled', 'expired'],
  stored: ['deleted'],
  cancelled: ['deleted'],
  expired: ['deleted'],
  deleted: [],
} as const satisfies Record<FileState, readonly FileState[]>

/**
 * When a stored file ends. One engine for every dialect: `expiresAt` is always the exact instant, kept beside the
 * policy that yields it.
 * - `never`: `ttlDays` 0, no instant.
 * - `at`: an instant given by the caller; `ttlDays` 0.
 * - `since-created`: `ttlDays` after creation.
 * - `since-last-active`: `ttlDays` after `lastActiveAt`.
 */
export type ExpiryPolicy = 'never' | 'at' | 'since-created' | 'since-last-active'

/**
 * Where a file's bytes are.
 * - `blob`: one blob, under `blobKey`.
 * - `inline`: one segment, which the database holds.
 * - `segments`: any number of segments, each a blob or held by the database.
 */
export type BytesLayout = 'blob' | 'inline' | 'segments'

/**
 * Who sees a file: everybody who may use its project, or only the subject that created it and admins. One that somebody does not
 * see answers them as one that never existed.
 */
export type Visibility = 'project' | 'subject'

/** The record. Times are integer milliseconds since the Unix epoch, sizes are bytes. */
export interface FileRecord {
  readonly id: FileId
  readonly organizationId: string
  readonly projectId: string
  /** As sent; data only, never part of a path. May be empty. */
  readonly name: string
  /** Declared at creation, 0 if it was not known then; equal to the stored size once stored. */
  readonly sizeBytes: number
  readonly mimeType: string
  readonly purpose: string | null
  readonly description: string
  readonly labels: Readonly<Record<string, string>>
  readonly externalId: string | null
  /** A name that its client chose: among the pending and stored files of a project no other has it. */
  readonly alias: string | null
  readonly visibility: Visibility
  readonly createdBy: string
  readonly updatedBy: string
  readonly createdAt: number
  readonly updatedAt: number
  readonly state: FileState
  /** When the bytes became visible; null before. */
  readonly storedAt: number | null
  /** When a pending upload ends; null for a file that came whole. */
  readonly uploadExpiresAt: number | null
  /** The upload takes bytes once only; a second PUT is refused. */
  readonly writeOnce: boolean
  /**
   * An upload that its PUT alone stores takes at most this many bytes: exactly `sizeBytes` where both are equal, else 1 byte or
   * more. Null: a PUT stages exactly `sizeBytes`, and a complete stores them.
   */
  readonly uploadMaxBytes: number | null
  /** The only bytes that the upload takes, announced when it was opened; lower-case hex. Null: any. */
  readonly expectedSha256: string | null
  readonly expiryPolicy: ExpiryPolicy
  readonly ttlDays: number
  readonly lastActiveAt: number
  readonly expiresAt: number | null
  /** Where the bytes are; `blob` also while there are none. */
  readonly layout: BytesLayout
  /** None where the bytes are one blob under `blobKey`. */
  readonly segmentCount: number
  /** Whether neighbouring segments may be joined. */
  readonly joinDue: boolean
  /** Of a file that is one blob: the staged bytes while pending, the file's bytes once stored. */
  readonly blobKey: BlobKey | null
  /** Bytes that have come, in whatever layout; null before the first. */
  readonly blobSizeBytes: number | null
  /** Lower-case hex, of all bytes; null until they have come whole. */
  readonly sha256: string | null
  /** Null also where it has not been needed yet; see `md5Of`. */
  readonly md5: string | null
  /** How many newlines (0x0A) the bytes have; null: nobody counted. */
  readonly lineCount: number | null
  /**
   * Of an upload whose bytes come as parts: empty, and once they have their places the SHA-256 of their list, lower-case hex. Null:
   * they do not.
   */
  readonly placedParts: string | null
  /** The API through which the file came, as `Caller.surface` names it; null: nobody noted it. */
  readonly origin: string | null
}

/** What a listing with a total tells of a file: reading whole records would take twice as long. */
export type ListedFile = Pick<
  FileRecord,
  | 'id'
  | 'name'
  | 'sizeBytes'
  | 'mimeType'
  | 'createdAt'
  | 'state'
  | 'storedAt'
  | 'uploadExpiresAt'
  | 'expiresAt'
>

/** The state that everybody sees at `now`, whether or not a job has caught up with the clock. */
export function stateAt(
  file: Pick<FileRecord, 'state' | 'uploadExpiresAt' | 'expiresAt'>,
  now: number,
): FileState {
  if (file.state === 'pending' && file.uploadExpiresAt !== null && file.uploadExpiresAt <= now)
    return 'expired'
  if (file.state === 'stored' && file.expiresAt !== null && file.expiresAt <= now) return 'deleted'
  return file.state
}

/** The fields of a file that has no bytes. */
export const noBytes = { layout: 'blob', segmentCount: 0, joinDue: false, blobKey: null } as const

export function hasBytes({ blobKey, layout }: Pick<FileRecord, 'blobKey' | 'layout'>): boolean {
  return blobKey !== null || layout !== 'blob'
}

/**
 * What a guard compares so that a change applies to these very bytes, or to others of the same content; and to the length as it
 * is counted, which a client may tell meanwhile.
 */
export function sameBytes({ blobKey, blobSizeBytes, sha256, sizeBytes, uploadMaxBytes }: FileRecord) {
  return { blobKey, blobSizeBytes, sha256, sizeBytes, uploadMaxBytes }
}

/** A deleted or expired file answers exactly as one that never existed. */
export function isGone(file: FileRecord, now: number): boolean {
  return stateAt(file, now) === 'deleted'
}

/** @param participle what can be done to pending files alone */
export function notPending(state: FileState, names: StateNames, participle: string): ServiceError {
  const message = `The file is ${names[state]}; only a ${names.pending} file can be ${participle}.`
  return new ServiceError('state-conflict', message)
}

/** The content's digest, quoted as an entity tag is: MD5 where it is known, as storage services do, else SHA-256. */
export function etagOf({ md5, sha256 }: Pick<FileRecord, 'md5' | 'sha256'>): string {
  return `"${md5 ?? sha256}"`
}
