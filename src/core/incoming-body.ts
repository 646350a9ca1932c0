/** What is known of the length of a body before it has come, in bytes. */
export interface BodySize {
  /** A shorter body is not stored. */
  readonly atLeast: number
  /** A longer body is not stored; undefined: no bound is known. */
  readonly atMost: number | undefined
}

/** What is known of a body once its last byte has passed. Digests are lower-case hex. */
export interface Digests {
  readonly sizeBytes: number
  readonly sha256: string
  /** Null if it was not asked for: MD5 takes longer than all else that happens to a large body. */
  readonly md5: string | null
}

/** The digest of all bodies of an upload so far, as they passed. */
export interface WholeDigest {
  readonly sha256: string
  /** Shows which bodies these are: `chainOf` their SHA-256 (`core/uploads/digest-chain.ts`). */
  readonly chain: string
}

/**
 * Bytes on their way in: counted, capped, timed and hashed while they pass. Consumed once. Iterating throws
 * ServiceError `bytes-too-many`, `body-too-slow` or `body-incomplete`; a chunk's memory may be reused once the next is asked for.
 *
 * A body that keeps what came ends normally where its client breaks off, is too slow, or is told to stop: all bytes that
 * came have passed then, and the digests are theirs.
 */
export interface IncomingBody extends AsyncIterable<Uint8Array> {
  /** Known once the iteration has ended normally. @throws Error before */
  digests(): Digests
  /**
   * Of everything since the first byte of the upload, if all its bodies passed here and were asked to carry it on. Otherwise,
   * and before the end, undefined.
   */
  readonly whole: WholeDigest | undefined
  /** Why a body that keeps what came ended before its end: what it would have thrown. Known once the iteration has ended. */
  readonly brokenBy: Error | undefined
}
