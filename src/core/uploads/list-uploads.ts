import type { Caller } from '../caller.ts'
import type { FileRecord } from '../files/file.ts'
import { ofCaller } from '../files/page-files.ts'
import type { Services } from '../services.ts'
import { traced } from '../trace.ts'
import { isLengthKnown, lengthOf, offsetOf } from './finish-upload.ts'

export interface ListUploads {
  /** Ones that the caller may use. */
  readonly projectIds: readonly string[]
  /** The last upload of the page before. */
  readonly after?: Pick<FileRecord, 'createdAt' | 'id'>
  readonly limit: number
}

export interface UploadsPage {
  readonly uploads: readonly FileRecord[]
  /** Whether there are uploads behind these. */
  readonly hasMore: boolean
}

/** Uploads that wait for bytes or for their complete and that the caller sees, newest first, by whatever protocol they come. */
export const listUploads = traced('listUploads', list)

async function list(
  { metadata, clock }: Services,
  caller: Caller,
  { projectIds, after, limit }: ListUploads,
): Promise<UploadsPage> {
  const [first] = projectIds
  if (first === undefined) return { uploads: [], hasMore: false }
  const { subject } = ofCaller(caller, first)
  const filter = {
    organizationId: caller.organizationId,
    projectIds,
    now: clock.now(),
    ...(subject === undefined ? {} : { subject }),
  }
  const found = await metadata.pageUploads(filter, { limit: limit + 1, ...(after ? { after } : {}) })
  return { uploads: found.slice(0, limit), hasMore: found.length > limit }
}

/** Bytes that have come, whether or not they have their place in the file yet. */
export function receivedBytesOf(upload: FileRecord): number {
  // Parts are counted as what the file has, until they have their places.
  return upload.placedParts === '' ? upload.sizeBytes : offsetOf(upload)
}

/** How many bytes the upload will have; undefined if its client has not told. */
export function announcedBytesOf(upload: FileRecord): number | undefined {
  return upload.placedParts !== null || isLengthKnown(upload) ? lengthOf(upload) : undefined
}
