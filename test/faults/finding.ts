/** Something that must not be. */
export interface Finding {
  readonly kind: FindingKind
  readonly detail: string
}

export type FindingKind =
  // Seen by a client.
  | 'unexpected-answer'
  | 'broken-connection'
  | 'other-answer'
  | 'two-outcomes'
  | 'no-outcome'
  | 'wrong-state'
  | 'wrong-metadata'
  | 'wrong-bytes'
  | 'wrong-offset'
  | 'not-readable'
  | 'unknown-file'
  | 'twice'
  | 'server-died'
  // Seen on the disk.
  | 'blob-missing'
  | 'blob-size'
  | 'blob-content'
  | 'blob-orphan'
  | 'staging-left'
  | 'sum-differs'
  // Seen in the database.
  | 'quota-differs'
  | 'segments-wrong'
