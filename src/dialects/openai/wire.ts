import { type FileRecord, type StateNames, stateAt } from '../../core/files/file.ts'
import type { PartsUpload } from '../../core/files/read-file.ts'
import { SECOND_MS } from '../../core/ports/clock.ts'
import { shownName } from '../../intake/file-type.ts'
import { fileIds, printPartId, uploadIds } from './ids.ts'
import { shownPurpose } from './purposes.ts'

export const UPLOAD_SESSION_SECONDS = 3600

export const uploadStatus = {
  pending: 'pending',
  stored: 'completed',
  cancelled: 'cancelled',
  expired: 'expired',
  // Never shown: the upload of a deleted file is not found.
  deleted: 'expired',
} as const satisfies StateNames

export function toFileBody(file: FileRecord) {
  return {
    id: fileIds.print(file.id),
    object: 'file',
    bytes: file.sizeBytes,
    created_at: secondsOf(file.createdAt),
    expires_at: file.expiresAt === null ? null : secondsOf(file.expiresAt),
    // This vendor has no file without a name; another dialect's may have none.
    filename: shownName(file),
    purpose: shownPurpose(file),
    status: 'processed',
    status_details: null,
  }
}

export function toListBody(files: readonly FileRecord[], hasMore: boolean) {
  const data = files.map(toFileBody)
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: hasMore,
  }
}

export function toDeletedBody({ id }: Pick<FileRecord, 'id'>) {
  return { id: fileIds.print(id), object: 'file', deleted: true }
}

/** The times are the session's; the file has its own. */
export function toUploadBody(upload: PartsUpload, now: number) {
  const state = stateAt(upload, now)
  const expiresAt = secondsOf(upload.uploadExpiresAt ?? 0)
  return {
    id: uploadIds.print(upload.id),
    object: 'upload',
    bytes: upload.uploadMaxBytes,
    created_at: expiresAt - UPLOAD_SESSION_SECONDS,
    expires_at: expiresAt,
    filename: upload.name,
    purpose: shownPurpose(upload),
    status: uploadStatus[state],
    file: state === 'stored' ? toFileBody(upload) : null,
  }
}

export function toPartBody(start: number, { id }: Pick<FileRecord, 'id'>, now: number) {
  return {
    id: printPartId(start),
    object: 'upload.part',
    created_at: secondsOf(now),
    upload_id: uploadIds.print(id),
  }
}

function secondsOf(ms: number): number {
  return Math.floor(ms / SECOND_MS)
}
