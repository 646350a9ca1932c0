import type { Named } from '../../api/bodies.ts'

/**
 * - `waiting`: for its turn;
 * - `moving`: its bytes go, or are tried again;
 * - `paused`: by the user; what came is kept by the server for an hour;
 * - `interrupted`: by the end of the page before; the file has to be chosen again;
 * - `failed`: see `reason`;
 * - `stored`: the server has all of it.
 */
export type UploadState = 'waiting' | 'moving' | 'paused' | 'interrupted' | 'failed' | 'stored'

/** What is sent, and where to. */
export interface Source {
  /** With the folders that it was found in: `photos/a.jpg`. */
  readonly name: string
  readonly sizeBytes: number
  /** Milliseconds since the epoch. */
  readonly lastModified: number
  readonly project: Named
}

/** One file of the queue, as of now. */
export interface Upload extends Source {
  /** Unique while the page is loaded. */
  readonly id: number
  readonly state: UploadState
  /** Also those that came before it was interrupted. */
  readonly sentBytes: number
  /** Why it failed, what it is held up by, or what may be wrong with what is stored; a sentence. */
  readonly reason: string | undefined
  /** Of one that failed: the same once more may succeed. */
  readonly mayRetry: boolean
  /** Of one that was interrupted: the browser may read the file without its being chosen again. */
  readonly hasHandle: boolean
  /** Known once the server has begun it. */
  readonly fileId: string | undefined
  /** Undefined where too little has been sent to tell. */
  readonly bytesPerSecond: number | undefined
}

/** The same for the same file in the same project. The content is not looked at: no browser tells of it without reading it. */
export function identityOf({ name, sizeBytes, lastModified, project }: Source): string {
  return JSON.stringify([project.id, name, sizeBytes, lastModified])
}
