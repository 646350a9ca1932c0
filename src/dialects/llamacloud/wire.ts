import type { Project } from '../../core/access/tenants.ts'
import type { ExpiryRule } from '../../core/files/create-file.ts'
import type { FileRecord } from '../../core/files/file.ts'
import type { IssuedLink } from '../../core/links/link.ts'
import { HOUR_MS } from '../../core/ports/clock.ts'
import { extensionOf, shownName } from '../../intake/file-type.ts'
import { PREFIX } from './ids.ts'
import { type LlamaCloudSettings, type Purpose, purposes } from './settings.ts'

export interface PresignedUrl {
  readonly url: string
  readonly expires_at: string
  readonly form_fields: null
}

export interface FileBody {
  readonly id: string
  readonly name: string
  readonly project_id: string
  readonly external_file_id: string | null
  readonly file_type: string | null
  readonly last_modified_at: string | null
  readonly expires_at: string | null
  readonly purpose: string | null
  readonly download_url: PresignedUrl | null
}

export function toFileBody(
  file: FileRecord,
  link: IssuedLink | undefined,
  { prefixIds }: LlamaCloudSettings,
): FileBody {
  const { storedAt, expiresAt } = file
  return {
    id: prefixIds ? PREFIX + file.id : file.id,
    // This vendor has no file without a name; another dialect's may have none.
    name: shownName(file),
    project_id: file.projectId,
    external_file_id: file.externalId,
    file_type: extensionOf(file) ?? null,
    last_modified_at: storedAt === null ? null : new Date(storedAt).toISOString(),
    expires_at: expiresAt === null ? null : new Date(expiresAt).toISOString(),
    purpose: file.purpose,
    download_url: link ? toPresignedUrl(link) : null,
  }
}

export function toPresignedUrl({ url, expiresAt }: IssuedLink): PresignedUrl {
  return { url, expires_at: new Date(expiresAt).toISOString(), form_fields: null }
}

export function toProjectBody(project: Project, isDefault: boolean) {
  return {
    id: project.id,
    name: project.slug,
    organization_id: project.organizationId,
    is_default: isDefault,
    created_at: new Date(project.createdAt).toISOString(),
    updated_at: new Date(project.createdAt).toISOString(),
  }
}

export function retentionOf(
  purpose: string,
  now: number,
  { retentionHours }: LlamaCloudSettings,
): ExpiryRule {
  const hours = purposes.includes(purpose as Purpose) ? retentionHours[purpose as Purpose] : null
  return hours === null ? { policy: 'never' } : { policy: 'at', at: now + hours * HOUR_MS }
}
