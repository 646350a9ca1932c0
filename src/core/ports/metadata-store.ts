import type { ApiKey } from '../access/api-key.ts'
import type { Organization, Project } from '../access/tenant.ts'
import type { Answer, AnswerSlot, HeldAnswer } from '../answer.ts'
import type { Intentions, ReferencedBlob, ReleasedBlob, UnreferencedBlob } from '../blob-records.ts'
import type { FileId } from '../file-id.ts'
import type { FileRecord, FileState } from '../files/file.ts'
import type { LinkKey } from '../links/signed-link.ts'
import type { BlobKey } from './blob-store.ts'
import type { Clock, ClockTrust } from './clock.ts'
import type { MoveState } from './move.ts'
import type { JoinOptions, Node } from './node.ts'

/** The fields of a file that may change after it was inserted. */
export type FilePatch = Partial<
  Omit<FileRecord, 'id' | 'organizationId' | 'projectId' | 'createdBy' | 'createdAt'>
>

/** What must still be true of a row for a change to apply; null compares as null. */
export type FileGuard = { readonly state: FileState } & Partial<Pick<FileRecord, 'blobKey' | 'expiresAt'>>

/** A file that an older release named, and which is found by exactly this spelling of its name alone. */
export type NamedFile = Pick<FileRecord, 'id' | 'name'>

/** What files count against quotas: pending and stored ones, with the size that was announced for them. */
export interface Usage {
  readonly files: number
  readonly bytes: number
}

/** A change of usage, counted on a project and on its organization alike. */
export interface UsageOf extends Usage {
  readonly organizationId: string
  readonly projectId: string
}

/** A browser's stand-in for an API key. */
export interface Session {
  /** SHA-256 of the cookie's value, lower-case hex. */
  readonly hash: string
  readonly keyId: string
  readonly expiresAt: number
}

/**
 * One step of a commit. The list is closed: it is everything that this service ever writes.
 * A step marked "guarded" makes the whole commit fail with `conflict` when it does not hold.
 */
export type Change =
  | { readonly kind: 'organization.insert'; readonly organization: Organization }
  | { readonly kind: 'project.insert'; readonly project: Project }
  | { readonly kind: 'key.insert'; readonly key: ApiKey }
  /** Guarded: the key exists and is not revoked. */
  | { readonly kind: 'key.revoke'; readonly id: string; readonly revokedAt: number }
  /**
   * The same, and the secret is free for another key: `findKey` no longer finds this one by it.
   * Guarded: the key exists and is not revoked.
   */
  | { readonly kind: 'key.replace'; readonly id: string; readonly replacedAt: number }
  | { readonly kind: 'link-key.insert'; readonly linkKey: LinkKey }
  /** Guarded: it exists. Null lifts a bound. What is used already may be more than the new bound. */
  | {
      readonly kind: 'quota.set'
      readonly holder: 'organization' | 'project'
      readonly id: string
      readonly quotaFiles: number | null
      readonly quotaBytes: number | null
    }
  /**
   * Counts files and bytes (either may be negative) on a project and its organization.
   * Guarded: whichever of the two numbers grows stays within both quotas.
   */
  | { readonly kind: 'usage.add'; readonly usage: UsageOf }
  | { readonly kind: 'session.insert'; readonly session: Session }
  | { readonly kind: 'session.delete'; readonly hash: string }
  /** Removes sessions that are over at `now`. */
  | { readonly kind: 'session.purge'; readonly now: number }
  | { readonly kind: 'file.insert'; readonly file: FileRecord }
  /** Guarded: the row exists and matches `guard`. */
  | {
      readonly kind: 'file.update'
      readonly id: FileId
      readonly guard: FileGuard
      readonly patch: FilePatch
    }
  /** From here on the file is found by every spelling of its name. Nothing happens if it has another name by now. */
  | { readonly kind: 'file.normalize-name'; readonly file: NamedFile }
  /**
   * Before the first byte: from here on the key is known, and collected after `collectAfter` unless a file claims it. Its
   * bytes may come late.
   * Guarded: the key is new.
   */
  | { readonly kind: 'blob.intend'; readonly blob: UnreferencedBlob; readonly reserved?: UsageOf }
  /**
   * A file now points at the blob, and what was reserved for it stays counted.
   * Guarded: it is listed as unreferenced and its collection has not begun.
   */
  | { readonly kind: 'blob.claim'; readonly key: BlobKey }
  /**
   * No file points at the blob any more, or its writing failed; nothing happens if one does. Lowers `collectAfter` if it is
   * listed already; what may come late may do so still. What was reserved for it is given back, once; so do `blob.collect`
   * and `leases.end`.
   */
  | { readonly kind: 'blob.release'; readonly blob: ReleasedBlob }
  /** From here on the blob can no longer be claimed. Guarded: it is listed, and no file points at it. */
  | { readonly kind: 'blob.collect'; readonly key: BlobKey }
  /** The bytes are gone, as far as they had come: what comes late is collected after `collectAfter`, for the last time. */
  | { readonly kind: 'blob.collect-again'; readonly key: BlobKey; readonly collectAfter: number }
  /** The bytes are gone. */
  | { readonly kind: 'blob.forget'; readonly key: BlobKey }
  /**
   * Reserves a slot until `leaseUntil`. Guarded: the slot is free, that is unknown, or past its lease or `keepUntil`
   * at `now`. `token` proves the reservation in the next two.
   */
  | {
      readonly kind: 'answer.claim'
      readonly slot: AnswerSlot
      readonly token: string
      readonly now: number
      readonly leaseUntil: number
    }
  /** Guarded: the slot is reserved by `token`. */
  | {
      readonly kind: 'answer.save'
      readonly slot: AnswerSlot
      readonly token: string
      readonly answer: Answer
      readonly keepUntil: number
    }
  /** Reserves the slot until `leaseUntil`, if it is still reserved by `token`. */
  | {
      readonly kind: 'answer.renew'
      readonly slot: AnswerSlot
      readonly token: string
      readonly leaseUntil: number
    }
  /** Frees a slot if it is still reserved by `token`. */
  | { readonly kind: 'answer.drop'; readonly slot: AnswerSlot; readonly token: string }
  /** Removes answers and lapsed reservations whose time is over, `limit` of them at most. */
  | { readonly kind: 'answer.purge'; readonly now: number; readonly limit: number }
  /** Frees the slots that nodes reserved which are no more. */
  | { readonly kind: 'answer.free-abandoned' }
  /** Notes where the bytes were looked for first; what was noted before stays. */
  | { readonly kind: 'bytes-place.note'; readonly place: string }
  /** Replaces what `clockTrust` tells. */
  | { readonly kind: 'clock.note'; readonly trust: ClockTrust }
  /** Ends everything a dead process held: reserved slots are freed, intended blobs become collectable at `now`. */
  | { readonly kind: 'leases.end'; readonly now: number }

/** Which files a listing sees. Files that are gone at `visibleAt` are never seen. */
export interface FileFilter {
  readonly projectId: string
  /** Stored states to include. */
  readonly states: readonly FileState[]
  readonly visibleAt: number
  /** Only these; unknown ones are skipped. At most 1,000. */
  readonly ids?: readonly FileId[]
  /** This name, in whatever Unicode spelling: names with the same normal form (NFC) are one name. */
  readonly name?: string
  readonly externalId?: string
}

export type FileOrderField = 'createdAt' | 'name' | 'id'

/** One or more fields, most significant first, each at most once. Ties are broken by `id`, in the direction of the last. */
export type FileOrder = readonly { readonly field: FileOrderField; readonly descending: boolean }[]

/** Where a page ended: the ordered fields of its last file. */
export type FileCursor = Pick<FileRecord, FileOrderField>

export interface FilePage {
  readonly order: FileOrder
  readonly after?: FileCursor
  /** 1 to 1,001. */
  readonly limit: number
}

/**
 * Rows, transactions and nothing else. Reads see every commit that was acknowledged before they began, whoever made
 * it (other processes included), and never wait for a commit in progress.
 * @throws StoreError `conflict` (guards only), `full`, `unavailable`, `read-only`
 */
export interface MetadataStore {
  /**
   * Applies the changes in order, all or none, durably: when the promise resolves they survive a power cut. Commits
   * that wait at the same time share one flush to disk but not one fate.
   * @throws StoreError `conflict` if a guard did not hold or a unique name is taken (`change` tells of which change); `refused`
   * if a change breaks a rule of the schema
   */
  commit(changes: readonly Change[]): Promise<void>

  findOrganization(idOrSlug: string): Promise<Organization | undefined>
  listOrganizations(): Promise<readonly Organization[]>
  findProject(organizationId: string, idOrSlug: string): Promise<Project | undefined>
  /** Oldest first; of all organizations if none is named. */
  listProjects(organizationId?: string): Promise<readonly Project[]>
  /** By the SHA-256 of the secret, revoked keys included. */
  findKey(hash: string): Promise<ApiKey | undefined>
  /** Oldest first, revoked keys included; only those of this name if one is given. */
  listKeys(name?: string): Promise<readonly ApiKey[]>
  /** The key that an unexpired session stands for, revoked keys included. */
  findSessionKey(hash: string, now: number): Promise<ApiKey | undefined>
  /** What an organization or project uses now, reservations included; zero if there is none of this id. */
  usage(holder: 'organization' | 'project', id: string): Promise<Usage>
  /** Newest first; the first one signs. */
  listLinkKeys(): Promise<readonly LinkKey[]>

  /** In whatever state. */
  findFile(id: FileId): Promise<FileRecord | undefined>
  /** Newest first: `createdAt` descending, then `id` descending. */
  listFiles(
    filter: FileFilter,
    page: { readonly offset: number; readonly limit: number },
  ): Promise<readonly FileRecord[]>
  /** The files behind the cursor in this order; cost does not grow with how deep the page is. Names compare by code point. */
  pageFiles(filter: FileFilter, page: FilePage): Promise<readonly FileRecord[]>
  countFiles(filter: FileFilter): Promise<number>
  /** Pending uploads whose time is over at `now`, oldest first. */
  listLapsedUploads(now: number, limit: number): Promise<readonly FileRecord[]>
  /** Stored files whose expiry has passed at `now`, oldest first. */
  listExpiredFiles(now: number, limit: number): Promise<readonly FileRecord[]>
  /** Files that wait for `file.normalize-name`, oldest first. */
  listUnnormalizedNames(limit: number): Promise<readonly NamedFile[]>

  /** The saved answer, `'running'` while a reservation holds, undefined if the slot is free at `now`. */
  findAnswer(slot: AnswerSlot, now: number): Promise<Answer | 'running' | undefined>
  /**
   * What this process has claimed and neither saved nor dropped, forsaken ones first. A slot is forsaken if its drop failed,
   * or if the outcome of its claim is unknown.
   */
  heldAnswers(): readonly HeldAnswer[]
  /** How many answers and reservations are over at `now`, counted as far as `limit`. */
  countLapsedAnswers(now: number, limit: number): Promise<number>

  /** Unreferenced blobs that may be removed at `now`, or if they are released at `releasedUntil`; oldest first. */
  listCollectableBlobs(now: number, limit: number, releasedUntil?: number): Promise<readonly ReleasedBlob[]>
  listIntentions(): Promise<readonly Intentions[]>
  /** Intended blobs of nodes that are no more, in any order. */
  listAbandonedBlobs(limit: number): Promise<readonly UnreferencedBlob[]>
  /**
   * Blobs intended by this process that no request works on, in any order: their release failed, or the outcome of the commit
   * that intended them is unknown.
   */
  listForsakenBlobs(limit: number): Promise<readonly UnreferencedBlob[]>
  /** Whether any row, of a file or of the unreferenced, names the blob. */
  knowsBlob(key: BlobKey): Promise<boolean>
  /** Every blob that a file points at, in key order, in pages: pass the last key of the page before. */
  listReferencedBlobs(after: BlobKey | undefined, limit: number): Promise<readonly ReferencedBlob[]>

  /** Random, made with the database. The blob store must carry the same. */
  storeId(): Promise<string>
  clockTrust(): Promise<ClockTrust>
  /** When the youngest file, key or project was made; undefined if there is none. */
  youngestRowAt(): Promise<number | undefined>
  /** What was noted first, in words for the operator. */
  bytesPlace(): Promise<string | undefined>
  /** Undefined if the installation was never moved. */
  move(): Promise<MoveState | undefined>
  /** Where several processes may use the store at once: this one does from now on, and owns what it intends. */
  join?(options?: JoinOptions): Promise<Node>
  /** Where the store has a clock that all its users go by: that clock, as measured now. A node measures it all the time. */
  sharedClock?(): Promise<Clock>
  /** Bytes that the store lacks and others leave free; only where its rows are on the disk of the data folder. */
  wantedDiskBytes?(): number
  /** How many calls wait for a connection; only where they may have to. */
  waitingCalls?(): number
  /** Resolves if the database answers. @throws StoreError `unavailable` */
  check(): Promise<void>
  close(): Promise<void>
}
