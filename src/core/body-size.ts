/** What is known of the length of a body before it has come, in bytes. */
export interface BodySize {
  /** A shorter body is not stored. */
  readonly atLeast: number
  /** A longer body is not stored; undefined: no bound is known. */
  readonly atMost: number | undefined
}

export function exactly(bytes: number): BodySize {
  return { atLeast: bytes, atMost: bytes }
}
