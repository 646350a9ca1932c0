import type { Project } from '../../core/access/tenants.ts'
import type { Caller } from '../../core/caller.ts'
import type { Deletion } from '../../core/files/delete-files.ts'
import { type ExpiryPolicy, type FileRecord, stateAt } from '../../core/files/file.ts'
import type { Services } from '../../core/services.ts'
import { ownStatusOf, toldCodeOf, toServiceError } from '../../http/errors.ts'
import { printTime, printTimeOrNull } from '../times.ts'
import type { FileBody, ResultBody } from './schemas.ts'

export async function answerFile(services: Services, caller: Caller, file: FileRecord): Promise<FileBody> {
  return toFileBody(file, await projectOf(services, caller, file.projectId), services.clock.now())
}

/** One of the caller's. */
export async function projectOf({ metadata }: Services, caller: Caller, id: string): Promise<Project> {
  const project = await metadata.findProject(caller.organizationId, id)
  if (project === undefined) throw new Error('a file without a project')
  return project
}

const policyNames = {
  never: 'never',
  at: 'at',
  'since-created': 'since_created',
  'since-last-active': 'since_last_active',
} as const satisfies Record<ExpiryPolicy, FileBody['expiry']['policy']>

export function toFileBody(file: FileRecord, project: Pick<Project, 'id' | 'slug'>, now: number): FileBody {
  const { id, name, sizeBytes, mimeType, sha256, md5, purpose, labels, externalId, visibility } = file
  return {
    id,
    project: { id: project.id, slug: project.slug },
    name,
    state: stateAt(file, now) === 'pending' ? 'pending' : 'stored',
    sizeBytes,
    mimeType,
    sha256,
    md5,
    purpose,
    labels,
    description: file.description === '' ? null : file.description,
    externalId,
    visibility,
    createdAt: printTime(file.createdAt),
    updatedAt: printTime(file.updatedAt),
    storedAt: printTimeOrNull(file.storedAt),
    lastActiveAt: printTime(file.lastActiveAt),
    expiresAt: printTimeOrNull(file.expiresAt),
    expiry: { policy: policyNames[file.expiryPolicy], days: file.ttlDays || null },
    createdBy: file.createdBy,
    dialect: file.origin,
  }
}

export function toResultBody({ id, error }: Deletion): ResultBody {
  if (error === undefined) return { id, status: 204 }
  const refusal = toServiceError(error)
  return { id, status: ownStatusOf(refusal), code: toldCodeOf(refusal), detail: refusal.message }
}
