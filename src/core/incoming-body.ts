/** What is known of a body once its last byte has passed. Digests are lower-case hex. */
export interface Digests {
  readonly sizeBytes: number
  readonly sha256: string
  readonly md5: string
}

/**
 * Bytes on their way in: counted, capped, timed and hashed while they pass. Consumed once. Iterating throws
 * ServiceError `bytes-too-many`, `body-too-slow` or `body-incomplete`; a chunk's memory may be reused once the next is asked for.
 */
export interface IncomingBody extends AsyncIterable<Uint8Array> {
  /** Resolves after the iteration has ended normally; call it only then. */
  digests(): Promise<Digests>
}
