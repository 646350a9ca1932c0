import type { Readable } from 'node:stream'
import type { BodySize } from '../incoming-body.ts'

/** 32 lower-case hex characters, random, made by the core and never reused. Never leaves the server. */
export type BlobKey = string & { readonly brand?: 'BlobKey' }

export const BLOB_KEY = /^[0-9a-f]{32}$/

/** Inclusive byte positions, `0 <= first <= last < size`. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

export interface BlobEntry {
  readonly key: BlobKey
  /** Of an unpublished entry only as far as the store tells without being asked for each. */
  readonly sizeBytes: number
  /** False for bytes that were never published (left by a crash). */
  readonly published: boolean
}

/** What a URL is good for; the store refuses a client that sends anything else. */
export interface DirectUpload {
  readonly sizeBytes: number
  readonly mimeType: string
  /** Of the bytes, lower-case hex; null: any of this size. */
  readonly sha256: string | null
  /** A second body is refused instead of replacing the first. */
  readonly once: boolean
}

/** A URL, and all the headers that were signed with it and have to be sent, by their names in lower case. */
export interface SignedUrl {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** The body that a client has put, as of this look. */
export interface StagedBody {
  readonly sizeBytes: number
  /** Another body has another one. */
  readonly revision: string
}

/** The digests of a body that the store itself knows; lower-case hex. */
export interface StoreDigests {
  readonly sha256: string | null
  readonly md5: string | null
}

/**
 * Clients exchange bytes with the store itself, on URLs that it signs. A body that they put is staged under a key of its own,
 * which no file ever points at: whatever they do with the URL afterwards, nobody sees it.
 */
export interface DirectTransfer {
  /** Whether one URL can do this here. */
  takes(upload: DirectUpload): boolean
  /** For PUT. Where the store checks the digest it is among the headers; elsewhere other bytes get in, too. */
  putUrl(staged: BlobKey, upload: DirectUpload, seconds: number): Promise<SignedUrl>
  /** For GET of a blob, as this type and disposition. Unlike other readers it is cut short when the blob is deleted. */
  getUrl(
    key: BlobKey,
    as: { readonly mimeType: string; readonly disposition: string },
    seconds: number,
  ): Promise<string>
  /** Undefined if nothing has been put. */
  findStaged(staged: BlobKey): Promise<StagedBody | undefined>
  /**
   * Stores the staged body under a key of its own, like `put`, but inside the store.
   * @returns undefined if it was replaced, or went away, since the look: then nothing is stored
   */
  promote(staged: BlobKey, body: StagedBody, key: BlobKey): Promise<StoreDigests | undefined>
}

export interface PutOptions {
  /** A store may plan with it; the body itself is what is checked. Default: nothing is known. */
  readonly size?: BodySize
  /** Whose memory the body takes on its way. Default: all bodies that name nobody share an account. */
  readonly organizationId?: string
}

/** Immutable bytes by key. Safe for concurrent use. Every failure is a `StoreError`; its code says whether a retry can help. */
export interface BlobStore {
  /**
   * Stores the whole body or nothing. When the promise resolves the bytes survive a power cut; when it rejects no trace is
   * left. An error of the body is rethrown as it is. The body may reuse a chunk's memory once it is asked for the next.
   * @throws StoreError `full`, `unavailable`; `refused` if the key exists already
   */
  put(
    key: BlobKey,
    body: AsyncIterable<Uint8Array>,
    options?: PutOptions,
  ): Promise<{ readonly sizeBytes: number }>
  /**
   * Streams a blob or a range of it, with backpressure. The blob is open when the promise resolves: where a store can, a
   * later delete does not cut the stream short. A chunk's memory may be used again once two more were asked for.
   * @throws StoreError `missing` if there is no such blob, or it is too short for the range; `unavailable`
   */
  open(key: BlobKey, range?: ByteRange): Promise<Readable>
  /** Fails only if the blob may still be there afterwards; deleting what is not there succeeds. */
  delete(key: BlobKey): Promise<void>
  /** Everything that occupies space, unpublished leftovers included, in no order. */
  list(): AsyncIterable<BlobEntry>
  /** Whether so many bytes can be stored now without touching the operator's reserve. */
  hasRoomFor(sizeBytes: number): Promise<boolean>
  /** Whether room is so scarce that bytes should not be kept for readers to come; only where there is such a bound. */
  isShort?(): Promise<boolean>
  /** Only where a proxy in front of the server can send blobs by itself: the path at which it finds this one. */
  readonly proxyPathOf?: ((key: BlobKey) => string) | undefined
  /** The installation these bytes belong to; undefined if none has claimed the place yet. */
  owner(): Promise<string | undefined>
  /** Claims the place unless it has an owner. @returns the owner; the metadata store must carry the same id */
  claim(storeId: string): Promise<string>
  /** Resolves if a blob could be stored now. @throws StoreError `unavailable`, `full` */
  check(): Promise<void>
  /**
   * For how long after a failed put, or the death of a process, its bytes may still turn up: whoever gave them up deletes
   * them once more when this time is over. Undefined where they cannot.
   */
  readonly lateWriteMs?: number
  /** Only where the store has it and the operator wants it. Staged bodies are listed, as unpublished, and deleted by key. */
  readonly direct?: DirectTransfer
}
