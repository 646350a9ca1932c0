import type { Project } from '../../core/access/tenants.ts'
import type { FileRecord } from '../../core/files/file.ts'
import { announcedBytesOf, receivedBytesOf } from '../../core/uploads/progress.ts'
import { toFileBody } from '../files/wire.ts'
import { printTimeOrNull } from '../times.ts'
import type { UploadBody } from './schemas.ts'

export function toUploadBody(
  upload: FileRecord,
  project: Pick<Project, 'id' | 'slug'>,
  now: number,
): UploadBody {
  const { uploadExpiresAt } = upload
  return {
    ...toFileBody(upload, project, now),
    announcedBytes: announcedBytesOf(upload) ?? null,
    receivedBytes: receivedBytesOf(upload),
    uploadExpiresAt: printTimeOrNull(uploadExpiresAt),
  }
}
