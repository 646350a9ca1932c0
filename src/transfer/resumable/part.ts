import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../../core/errors.ts'
import { type FileRecord, stateAt } from '../../core/files/file.ts'
import { SECOND_MS } from '../../core/ports/clock.ts'
import { isLengthKnown, lengthOf, offsetOf } from '../../core/uploads/finish-upload.ts'
import { uploadIsOver } from '../../core/uploads/receive-upload.ts'
import { hasBody } from '../../http/routing.ts'
import { type StatedDigest, statedDigests } from '../../intake/digests.ts'
import type { UploadFields, UploadProgress } from './fields.ts'

/** An upload as its link leads to it. */
export interface LinkedUpload {
  readonly file: FileRecord
  /** Milliseconds since the epoch. */
  readonly linkExpiresAt: number
}

/** What a request brings to an upload, by its headers. Sizes are bytes. */
export interface ArrivingPart extends LinkedUpload {
  readonly offset: number
  readonly bodyBytes: number | undefined
  readonly isLast: boolean
  /** Of the whole; undefined: not known yet. */
  readonly fileBytes: number | undefined
  /** Of the file, as the request that begins the upload tells it. */
  readonly mimeType: string | undefined
  /** Digests of its own bytes. */
  readonly stated: readonly StatedDigest[]
  /** Of the whole, if this request brings its end and not all of it; lower-case hex. */
  readonly fileSha256: string | undefined
}

/**
 * Checks all that the headers tell. An upload that is whole takes a last part without bytes: its client has not seen the answer.
 * @throws ServiceError `link-invalid` if the upload is over, `field-missing`, `field-invalid`, `offset-mismatch`, `length-mismatch`,
 *   `bytes-too-many`
 */
export function partOf(
  { headers, method, raw }: FastifyRequest,
  fields: UploadFields,
  { file, linkExpiresAt }: LinkedUpload,
  now: number,
): ArrivingPart {
  requireNotOver(file, now)
  const isLast = required(fields.isComplete, 'Upload-Complete')
  const offset = required(fields.offset, 'Upload-Offset')
  requireOffset(file, offset)
  if (isComplete(file) && !(isLast && !hasBody(raw))) throw uploadIsOver()
  const bodyBytes = headers['content-length'] === undefined ? undefined : Number(headers['content-length'])
  const end = isLast && bodyBytes !== undefined ? offset + bodyBytes : undefined
  const fileBytes = agreed([knownLengthOf(file), fields.lengthBytes, end])
  if (fileBytes !== undefined && fileBytes < offset) throw inconsistent([fileBytes, offset])
  const mostBytes = Math.min(fileBytes ?? Number.POSITIVE_INFINITY, lengthOf(file))
  if (Math.max(fileBytes ?? 0, offset + (bodyBytes ?? 0)) > mostBytes)
    throw new ServiceError('bytes-too-many', `The upload would be larger than ${mostBytes} bytes.`)
  const digests = statedDigests(headers)
  // Of the whole, which may be this body.
  const isOfWhole = ({ field }: StatedDigest) => field === 'repr-digest'
  const isAll = isLast && offset === 0
  const stated = isAll ? digests : digests.filter((digest) => !isOfWhole(digest))
  const fileSha256 =
    isLast && !isAll ? digests.find((each) => isOfWhole(each) && each.algorithm === 'sha256')?.hex : undefined
  const mimeType = method === 'PATCH' ? undefined : raw.headersDistinct['content-type']?.[0]
  return { file, linkExpiresAt, offset, bodyBytes, isLast, fileBytes, mimeType, stated, fileSha256 }
}

/** @throws ServiceError `link-invalid` */
export function requireNotOver(file: FileRecord, now: number): void {
  const state = stateAt(file, now)
  if (state !== 'pending' && state !== 'stored') throw uploadIsOver()
}

function required<T>(value: T | undefined, field: string): T {
  if (value !== undefined) return value
  throw new ServiceError('field-missing', `Send ${field}.`, { field })
}

function requireOffset(file: FileRecord, offset: number): void {
  const expected = offsetOf(file)
  if (offset === expected) return
  const message = `The upload goes on at ${expected}, not at ${offset}.`
  throw new ServiceError('offset-mismatch', message, { offset: expected })
}

/** The length that all who tell one agree on. */
function agreed(told: readonly (number | undefined)[]): number | undefined {
  const lengths = [...new Set(told.filter((length) => length !== undefined))]
  if (lengths.length > 1) throw inconsistent(lengths)
  return lengths[0]
}

function inconsistent(lengths: readonly number[]): ServiceError {
  const message = `The upload cannot be ${lengths.join(' and ')} bytes long.`
  return new ServiceError('length-mismatch', message, { field: 'Upload-Length' })
}

/** As its client has told it; undefined: not yet. */
function knownLengthOf(file: FileRecord): number | undefined {
  return isLengthKnown(file) ? lengthOf(file) : undefined
}

/** Whether all bytes have come: the file is stored, or waits for the complete that its API asks for. */
export function isComplete(file: FileRecord): boolean {
  return file.state === 'stored' || (file.uploadMaxBytes === null && file.sha256 !== null)
}

export function progressOf({ file, linkExpiresAt }: LinkedUpload, now: number): UploadProgress {
  const isPending = file.state === 'pending' && file.uploadExpiresAt !== null
  const end = isPending ? Math.min(linkExpiresAt, file.uploadExpiresAt ?? linkExpiresAt) : linkExpiresAt
  return {
    offset: offsetOf(file),
    isComplete: isComplete(file),
    lengthBytes: knownLengthOf(file),
    maxBytes: lengthOf(file),
    remainingSeconds: Math.max(0, Math.floor((end - now) / SECOND_MS)),
  }
}
