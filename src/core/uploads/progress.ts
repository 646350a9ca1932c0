import type { FileRecord } from '../files/file.ts'
import { isLengthKnown, lengthOf, offsetOf } from './finish-upload.ts'

/** Bytes that have come, whether or not they have their place in the file yet. */
export function receivedBytesOf(upload: FileRecord): number {
  // Parts are counted as what the file has, until they have their places.
  return upload.placedParts === '' ? upload.sizeBytes : offsetOf(upload)
}

/** How many bytes the upload will have; undefined if its client has not told. */
export function announcedBytesOf(upload: FileRecord): number | undefined {
  return upload.placedParts !== null || isLengthKnown(upload) ? lengthOf(upload) : undefined
}
