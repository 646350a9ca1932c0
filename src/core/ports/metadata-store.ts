import type { FileId } from '../file-id.ts'
import type { FileRecord, FileState, ListedFile } from '../files/file.ts'
import type { FileLink } from '../links/file-links.ts'
import type { LinkKey } from '../links/link-token.ts'
import type { UsageHolder, UsageHour } from '../usage/usage-hour.ts'
import type { BlobKey } from './blob-store.ts'
import type {
  Answer,
  AnswerSlot,
  Change,
  Holder,
  NamedFile,
  ReleasedBlob,
  Segment,
  UnreferencedBlob,
  Usage,
} from './changes.ts'
import type { Clock, ClockTrust, EmulatedTime } from './clock.ts'
import type { MoveState } from './move.ts'
import type { JoinOptions, Node } from './node.ts'
import type { PurposeFilter } from './purpose-filter.ts'
import type { FoundSession, SessionFilter, SessionPage } from './sessions.ts'
import type { TenantStore } from './tenant-store.ts'
import type { ProjectTotals, Totals } from './totals.ts'

/** A blob that a file points at, whole or as a segment, as its row tells. */
export interface ReferencedBlob {
  readonly key: BlobKey
  readonly fileId: FileId
  /** Of the segment that it is; null: it is the whole file. */
  readonly start: number | null
  readonly sizeBytes: number
  readonly sha256: string
}

/** A file whose bytes are segments, and what those with a place add up to. */
export interface SegmentedFile {
  readonly id: FileId
  /** Of what has come; null before the first byte. */
  readonly blobSizeBytes: number | null
  /** Null: they have not come whole. */
  readonly sha256: string | null
  readonly segments: number
  readonly segmentBytes: number
  /** Where the last one ends. */
  readonly end: number
}

/** How many blobs are intended, by who intended them. */
export interface Intentions {
  /** Null: the one process that uses the store. */
  readonly node: number | null
  /** Whether it is known to be one of those that use the store. */
  readonly isAlive: boolean
  readonly blobs: number
}

/** A slot that a request of this process has reserved, as far as this process knows. */
export interface HeldAnswer {
  readonly slot: AnswerSlot
  readonly token: string
  readonly leaseUntil: number
  /** No request works on it any more, but whether it was freed is not known. */
  readonly isForsaken: boolean
}

/** What became findable faster, and what may be forgotten since. */
export interface IndexedNames {
  /** 0: there is no more for now. */
  readonly rows: number
  /** Up to which change of names; see `name-changes.forget`. */
  readonly changeTo?: number
}

/** Keeps the bytes of ended files where they are, until it is released or its process ends. */
export interface CollectionHold {
  /** @throws Error in one sentence if it has ended by itself: blobs may have been collected since */
  requireHeld(): void
  release(): Promise<void>
}

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
  readonly purpose?: PurposeFilter
  /** One of these types, as `text/csv` or all of a kind, `image/*`; neither case nor parameters count. At most 1,000. */
  readonly mimeTypes?: readonly string[]
  /** It came through this API; see `FileRecord.origin`. */
  readonly origin?: string
  /** Never by itself, or before this instant. */
  readonly ends?: 'never' | number
  readonly minSizeBytes?: number
  readonly maxSizeBytes?: number
  /** Then, or later. */
  readonly createdFrom?: number
  /** Sooner than that. */
  readonly createdBefore?: number
  /** The name has this in it, in whatever case and Unicode spelling. */
  readonly nameContains?: string
  /** Only uploads that wait for bytes and whose time is not over; the only state is `pending` then. */
  readonly openUploads?: true
  /** Files that one subject alone sees are left out unless it is this one. Absent: they are not. */
  readonly subject?: string
}

export type FileOrderField = 'createdAt' | 'name' | 'sizeBytes' | 'id'

/** One or more fields, most significant first, each at most once. Ties are broken by `id`, in the direction of the last. */
export type FileOrder = readonly { readonly field: FileOrderField; readonly descending: boolean }[]

/** Where a page ended: the ordered fields of its last file. */
export type FileCursor = Pick<FileRecord, 'createdAt' | 'name' | 'id'> &
  /** Absent where the order does without. */
  Partial<Pick<FileRecord, 'sizeBytes'>>

export interface FilePage {
  readonly order: FileOrder
  readonly after?: FileCursor
  /** How many files are skipped, behind the cursor if there is one. */
  readonly offset?: number
  /** 1 to 10,001. */
  readonly limit: number
}

/**
 * Rows, transactions and nothing else. Reads see every commit that was acknowledged before they began, whoever made
 * it (other processes included), and never wait for a commit in progress.
 * @throws StoreError `conflict` (guards only), `full`, `unavailable`, `read-only`
 */
export interface MetadataStore extends TenantStore {
  /**
   * Applies the changes in order, all or none, durably: when the promise resolves they survive a power cut. Commits
   * that wait at the same time share one flush to disk but not one fate.
   * @throws StoreError `conflict` if a guard did not hold or a unique name is taken (`change` tells of which change); `refused`
   * if a change breaks a rule of the schema
   */
  commit(changes: readonly Change[]): Promise<void>
  /** Calls `told`, which must not throw, after each commit of this process that succeeded. There is one at a time. */
  onCommit(told: (changes: readonly Change[]) => void): void

  /** A session that is not over at `now`, by its whole hash or by how that begins. Its key may have ended. */
  findSession(hash: string, now: number): Promise<FoundSession | undefined>
  /** Sessions of an organization that neither are over at `now` nor have a key that ended, those that end last first. */
  listSessions(filter: SessionFilter, page: SessionPage): Promise<readonly FoundSession[]>
  /** What an organization or project uses now, reservations included; zero if there is none of this id. */
  usage(holder: Holder, id: string): Promise<Usage>
  /** Read from counters, one after the other. Of organizations `limit` at most are listed each time. */
  totals(now: number, limit: number): Promise<Totals>
  /** Of all projects, by the names of their organizations and their own. Read from counters. */
  listProjectTotals(): Promise<readonly ProjectTotals[]>
  /** Hours of which there are rows, from `from` on and before `to`, oldest first. At most 5,000. */
  listUsageHours(holder: UsageHolder, from: number, to: number): Promise<readonly UsageHour[]>
  /** The last hour before `before` of which it is known what the holder held at its end. */
  findUsageBefore(holder: UsageHolder, before: number): Promise<UsageHour | undefined>
  /** Newest first; the first one signs. */
  listLinkKeys(): Promise<readonly LinkKey[]>
  /** Also one that is over. The links of a file that was deleted or has been expired by the job are gone. */
  findLink(id: string): Promise<FileLink | undefined>
  /** The links of a file that are good at `now`, newest first. */
  listLinks(fileId: FileId, now: number): Promise<readonly FileLink[]>

  /** In whatever state. */
  findFile(id: FileId): Promise<FileRecord | undefined>
  /** Of these, in any order; unknown ones are skipped. */
  listFilesById(ids: readonly FileId[]): Promise<readonly FileRecord[]>
  /** The pending and stored files of this alias, of each project one at most; whether their time is over does not count. */
  listFilesByAlias(projectIds: readonly string[], alias: string): Promise<readonly FileRecord[]>
  /** The segments of a file from the one that holds the byte at `from`, in order; those without a place are left out. */
  listSegments(fileId: FileId, from: number, limit: number): Promise<readonly Segment[]>
  /** The parts of an upload that have no place in it yet, in the order of their numbers. */
  listParts(fileId: FileId, limit: number): Promise<readonly Segment[]>
  /** The bytes of a segment that the database holds; undefined if there is none. */
  findSegmentBytes(fileId: FileId, start: number): Promise<Uint8Array | undefined>
  /** Files whose neighbouring segments wait for being joined, in any order. */
  listFilesToJoin(limit: number): Promise<readonly FileRecord[]>
  /** Whether all processes that use the store know segments; until then nobody may write any. */
  readonly takesSegments: boolean
  /** Whether all processes that use the store know files that one subject alone sees; until then nobody may make any. */
  readonly hidesFiles: boolean
  /**
   * Whether all processes that use the store know the roles of viewers and operators, and keys that end; until then nobody
   * may make any.
   */
  knowsRoles(): Promise<boolean>
  /** Whether bytes of files would take of the disk space that uploads are to leave free; false where nobody can tell. */
  readonly isShortOfRoom: boolean
  /** Newest first: `createdAt` descending, then `id` descending. */
  listFiles(
    filter: FileFilter,
    page: { readonly offset: number; readonly limit: number },
  ): Promise<readonly ListedFile[]>
  /** The files behind the cursor in this order; cost does not grow with how deep the page is. Names compare by code point. */
  pageFiles(filter: FileFilter, page: FilePage): Promise<readonly FileRecord[]>
  /** As `pageFiles`, of all these projects, in one order. It costs a read of each project, or a few. */
  pageFilesOf(
    projectIds: readonly string[],
    filter: Omit<FileFilter, 'projectId'>,
    page: Omit<FilePage, 'offset'>,
  ): Promise<readonly FileRecord[]>
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
  /** From when the promise resolves no blob's collection begins, in whatever process. Any number may hold at once. */
  holdCollection(): Promise<CollectionHold>
  /** Whether anybody holds the collection. What was collectable before this answer `false` no later holder can have seen in use. */
  isCollectionHeld(): Promise<boolean>
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
  /** Every file whose bytes are segments, in the order of ids, in pages: pass the last id of the page before. */
  listSegmentedFiles(after: FileId | undefined, limit: number): Promise<readonly SegmentedFile[]>

  /** Random, made with the database. The blob store must carry the same. */
  storeId(): Promise<string>
  clockTrust(): Promise<ClockTrust>
  /** Undefined if the installation is no emulator's. */
  emulatedTime(): Promise<EmulatedTime | undefined>
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
  /** Where searches by a part of a name use an index that is filled behind the writes: fills it, some of it, at leisure. */
  indexNames?(): Promise<IndexedNames>
  /** Bytes that the store lacks and others leave free; only where its rows are on the disk of the data folder. */
  wantedDiskBytes?(): number
  /** How many calls wait for a connection; only where they may have to. */
  waitingCalls?(): number
  /** Resolves if the database answers. @throws StoreError `unavailable` */
  check(): Promise<void>
  close(): Promise<void>
}
