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

/** What a URL is good for; a client that sends anything else is refused by the store. */
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

/** What a client has left for us, as of the moment that we looked. */
export interface StagedBody {
  readonly sizeBytes: number
  /** Another body has another one. */
  readonly revision: string
}

/** What the store itself knows of a body; lower-case hex. */
export interface StoreDigests {
  readonly sha256: string | null
  readonly md5: string | null
}

/**
 * Clients exchange bytes with the store itself, on URLs that it signs. What they put is staged under a key of its own, which
 * no file ever points at: whatever they do with the URL afterwards, nobody sees it.
 */
export interface DirectTransfer {
  /** Whether one URL can do this here. */
  takes(upload: DirectUpload): boolean
  /** For PUT. The digest is among the headers where the store checks it; elsewhere other bytes get in, too. */
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
   * Stores the staged body under a key of its own, like `put`, but inside the store. Undefined if it was replaced, or went
   * away, since we looked: nothing is stored then.
   */
  promote(staged: BlobKey, body: StagedBody, key: BlobKey): Promise<StoreDigests | undefined>
}

export interface PutOptions {
  /** A store may plan with it; the body itself is what is checked. Default: nothing is known. */
  readonly size?: BodySize
  /** On whose account memory is taken while the body is on its way; default: an account of its own for all that name none. */
  readonly organizationId?: string
}

/**
 * Immutable bytes by key. Safe for concurrent use. Every failure is a `StoreError`; its code says whether
 * trying again can help.
 */
export interface BlobStore {
  /**
   * Stores the whole body durably or nothing. When the promise resolves the bytes survive a power cut; when it
   * rejects, no trace is left. An error thrown by `body` is rethrown as it is.
   * A chunk belongs to the store only until it asks for the next one: the producer may then reuse its memory.
   * @throws StoreError `full`, `unavailable`; `refused` if the key exists already
   */
  put(
    key: BlobKey,
    body: AsyncIterable<Uint8Array>,
    options?: PutOptions,
  ): Promise<{ readonly sizeBytes: number }>
  /**
   * Streams a blob or a range of it, with backpressure. The blob is opened before the promise resolves, so a delete
   * afterwards does not cut the stream short on stores that can help it. The memory of a chunk may be used again once two
   * more were asked for.
   * @throws StoreError `missing` if there is no such blob, or it is too short for the range; `unavailable`
   */
  open(key: BlobKey, range?: ByteRange): Promise<Readable>
  /** Fails only if the blob may still be there afterwards; deleting what is not there succeeds. */
  delete(key: BlobKey): Promise<void>
  /** Everything that occupies space, unpublished leftovers included, in no order. Used by the reconciler alone. */
  list(): AsyncIterable<BlobEntry>
  /** Whether so many bytes can be stored now without touching the operator's reserve. */
  hasRoomFor(sizeBytes: number): Promise<boolean>
  /** Whether room is so scarce that bytes should not be kept for readers to come; only where there is such a bound. */
  isShort?(): Promise<boolean>
  /** The installation these bytes belong to; undefined if none has claimed the place yet. */
  owner(): Promise<string | undefined>
  /**
   * The same; written on first use. The metadata store must carry the same id.
   * @returns the id that the store carries after the call
   */
  claim(storeId: string): Promise<string>
  /** Resolves if a blob could be stored now. @throws StoreError `unavailable`, `full` */
  check(): Promise<void>
  /**
   * For how long after a failed put, or the death of a process, its bytes may still turn up on their own. Undefined where
   * they cannot. What was given up is to be deleted once more when this time is over.
   */
  readonly lateWriteMs?: number
  /** Only where the store has it and the operator wants it. Staged bodies are listed, as unpublished, and deleted by key. */
  readonly direct?: DirectTransfer
}
