/** What is known of a body once its last byte has passed. Digests are lower-case hex. */
export interface Digests {
  readonly sizeBytes: number
  readonly sha256: string
  /** Null if it was not asked for: MD5 takes longer than all else that happens to a large body. */
  readonly md5: string | null
}

/**
 * Bytes on their way in: counted, capped, timed and hashed while they pass. Consumed once. Iterating throws
 * ServiceError `bytes-too-many`, `body-too-slow` or `body-incomplete`; a chunk's memory may be reused once the next is asked for.
 */
export interface IncomingBody extends AsyncIterable<Uint8Array> {
  /** Resolves after the iteration has ended normally; call it only then. */
  digests(): Promise<Digests>
}
