import type { Caller } from '../../core/caller.ts'
import { ServiceError } from '../../core/errors.ts'
import { printFileId } from '../../core/file-id.ts'
import { type FileRecord, stateAt } from '../../core/files/file.ts'
import type { ListFiles } from '../../core/files/list-files.ts'
import type { IssuedLink } from '../../core/links/link.ts'
import type { StateNames } from '../../core/uploads/end-upload.ts'
import type { FileBody } from './schemas.ts'

export const statusNames = {
  pending: 'PENDING',
  stored: 'COMPLETED',
  cancelled: 'CANCELLED',
  expired: 'EXPIRED',
  // Never shown: a deleted file is not found.
  deleted: 'EXPIRED',
} as const satisfies StateNames

/** The page that the vendor serves at most, and by default. */
const MAX_PAGE = 25

export function toFileBody(file: FileRecord, now: number): FileBody {
  const state = stateAt(file, now)
  return {
    id: printFileId(file.id, 'lightfield'),
    status: statusNames[state],
    filename: file.name,
    mimeType: file.mimeType,
    sizeBytes: file.sizeBytes,
    createdAt: new Date(file.createdAt).toISOString(),
    completedAt: state === 'stored' && file.storedAt !== null ? new Date(file.storedAt).toISOString() : null,
    expiresAt:
      state === 'pending' && file.uploadExpiresAt !== null
        ? new Date(file.uploadExpiresAt).toISOString()
        : null,
  }
}

/** Shown by create alone; a client that loses the URL opens a new session. */
export function toCreatedBody(file: FileRecord, now: number, { url, headers }: IssuedLink) {
  return { ...toFileBody(file, now), uploadUrl: url, uploadHeaders: headers }
}

export function toListBody(files: readonly FileRecord[], totalCount: number, now: number) {
  return { object: 'list' as const, data: files.map((file) => toFileBody(file, now)), totalCount }
}

export function toUrlBody({ url, expiresAt }: IssuedLink) {
  return { url, expiresAt: new Date(expiresAt).toISOString() }
}

export function toValidateBody({ subject, scopes }: Caller) {
  const subjectType = subject.type === 'user' ? 'user' : 'workspace'
  return { active: true as const, tokenType: 'api_key' as const, subjectType, scopes: [...scopes] }
}

/**
 * The query of list. An empty value counts as absent, unknown parameters are ignored, a limit above 25 counts as 25.
 * @throws ServiceError `field-invalid`
 */
export function fromListQuery(query: Readonly<Record<string, unknown>>): ListFiles {
  const offset = integerIn(query, 'offset', 0) ?? 0
  const limit = integerIn(query, 'limit', 1) ?? MAX_PAGE
  return { states: ['pending', 'stored', 'cancelled', 'expired'], offset, limit: Math.min(limit, MAX_PAGE) }
}

function integerIn(
  query: Readonly<Record<string, unknown>>,
  field: string,
  minimum: number,
): number | undefined {
  const text = query[field]
  if (text === undefined || text === '') return undefined
  const value = typeof text === 'string' && /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(value) && value >= minimum) return value
  throw new ServiceError('field-invalid', `${field} must be an integer of at least ${minimum}.`, { field })
}
