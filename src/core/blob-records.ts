import type { FileId } from './file-id.ts'
import type { BlobKey } from './ports/blob-store.ts'

/** A blob key that may have bytes and that no file points at; its bytes may be removed from `collectAfter` on. */
export interface UnreferencedBlob {
  readonly key: BlobKey
  readonly collectAfter: number
}

/** A blob that nobody writes any more. */
export interface ReleasedBlob extends UnreferencedBlob {
  /** What was on its way when it was given up can still arrive, even after the bytes were removed. */
  readonly mayComeLate: boolean
}

/** A blob that a file points at, as its row tells. */
export interface ReferencedBlob {
  readonly key: BlobKey
  readonly fileId: FileId
  readonly sizeBytes: number
  readonly sha256: string
}

/** How many blobs are intended, by who intended them. */
export interface Intentions {
  /** Null: the one process that uses the store. */
  readonly node: number | null
  /** Whether it is known to be one of those that use the store. */
  readonly isAlive: boolean
  readonly blobs: number
}
