import type { ExpiryRule } from '../../../core/files/create-file.ts'
import type { FileRecord } from '../../../core/files/file.ts'
import type { IssuedLink } from '../../../core/links/link.ts'
import { HOUR_MS } from '../../../core/ports/clock.ts'
import { extensionOf, shownName } from '../../../intake/file-type.ts'
import { toPresignedUrl } from '../wire.ts'

export const storageTypes = ['ephemeral', 'permanent'] as const

/** The vendor's documentation, of files that it keeps for a while. */
const EPHEMERAL_HOURS = 48

/** By default a file stays. */
export function expiryOf(storageType: (typeof storageTypes)[number] | undefined, now: number): ExpiryRule {
  return storageType === 'ephemeral'
    ? { policy: 'at', at: now + EPHEMERAL_HOURS * HOUR_MS }
    : { policy: 'never' }
}

/** `File` of the first version. A file that waits for its bytes has no size and no `last_modified_at`. */
export function toFileBody(file: FileRecord) {
  const { storedAt, expiresAt } = file
  return {
    id: file.id,
    created_at: new Date(file.createdAt).toISOString(),
    updated_at: new Date(file.updatedAt).toISOString(),
    name: shownName(file),
    // SDKs up to 0.1.20 refuse an answer without a text here.
    external_file_id: file.externalId ?? '',
    file_size: storedAt === null ? null : file.sizeBytes,
    file_type: extensionOf(file) ?? null,
    project_id: file.projectId,
    last_modified_at: storedAt === null ? null : new Date(storedAt).toISOString(),
    resource_info: null,
    permission_info: null,
    data_source_id: null,
    expires_at: expiresAt === null ? null : new Date(expiresAt).toISOString(),
    purpose: file.purpose,
  }
}

/** Where the bytes of a new file go. */
export function toUploadBody(file: FileRecord, link: IssuedLink) {
  return { file_id: file.id, ...toPresignedUrl(link) }
}
