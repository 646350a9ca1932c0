import type { IncomingHttpHeaders } from 'node:http'
import type { FileRecord } from '../../core/files/file.ts'
import { preconditionHolds } from '../../http/conditions.ts'
import { printTime } from '../times.ts'

/** Of what a file says of itself, not of its bytes: when it was changed last, as its body has it. */
export function etagOf({ updatedAt }: FileRecord): string {
  return `"${printTime(updatedAt)}"`
}

/** Which file a change is for, by `If-Match`, or without it `If-Unmodified-Since`; undefined: whatever it is by now. */
export function expectationIn(
  headers: IncomingHttpHeaders,
  now: number,
): ((file: FileRecord) => boolean) | undefined {
  if (headers['if-match'] === undefined && headers['if-unmodified-since'] === undefined) return undefined
  return (file) => preconditionHolds(headers, { etag: etagOf(file), modifiedAt: file.updatedAt }, now)
}
