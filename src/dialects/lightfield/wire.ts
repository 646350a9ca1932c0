import type { Caller } from '../../core/caller.ts'
import { ServiceError } from '../../core/errors.ts'
import { type FileRecord, type ListedFile, type StateNames, stateAt } from '../../core/files/file.ts'
import type { ListFiles } from '../../core/files/list-files.ts'
import { checkMimeType, checkName } from '../../core/files/text-rules.ts'
import type { IssuedLink } from '../../core/links/link.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../core/ports/clock.ts'
import type { StartUpload } from '../../core/uploads/start-upload.ts'
import { fileIds } from './ids.ts'
import { checkPurpose, stampName } from './purposes.ts'
import type { CreateBody, FileBody } from './schemas.ts'
import type { LightfieldSettings, Purpose } from './settings.ts'

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

export function toFileBody(file: ListedFile, now: number): FileBody {
  const { uploadExpiresAt, storedAt } = file
  const state = stateAt(file, now)
  return {
    id: fileIds.print(file.id),
    status: statusNames[state],
    filename: file.name,
    mimeType: file.mimeType,
    sizeBytes: file.sizeBytes,
    createdAt: printIsoTime(file.createdAt),
    completedAt: state === 'stored' && storedAt !== null ? printIsoTime(storedAt) : null,
    expiresAt: state === 'pending' && uploadExpiresAt !== null ? printIsoTime(uploadExpiresAt) : null,
  }
}

/** Shown by create alone; a client that loses the URL opens a new session. */
export function toCreatedBody(file: FileRecord, { url, headers }: IssuedLink) {
  return { ...toFileBody(file, file.createdAt), uploadUrl: url, uploadHeaders: headers }
}

export function toListBody(files: readonly ListedFile[], totalCount: number, now: number) {
  return { object: 'list', data: files.map((file) => toFileBody(file, now)), totalCount }
}

export function toUrlBody({ url, expiresAt }: IssuedLink) {
  return { url, expiresAt: printIsoTime(expiresAt) }
}

export function toValidateBody({ subject, scopes }: Caller) {
  const subjectType = subject.type === 'user' ? 'user' : 'workspace'
  return { active: true, tokenType: 'api_key', subjectType, scopes }
}

/**
 * Checks the body's own rules, then the role that the purpose asks for, then what the purpose allows.
 * @param sha256 '' if none is announced
 * @throws ServiceError `field-invalid`, and those of `checkPurpose`
 */
export function fromCreateBody(
  { filename, mimeType, sizeBytes, purpose }: CreateBody,
  sha256: string,
  caller: Caller,
  now: number,
  settings: LightfieldSettings,
): StartUpload {
  checkName('filename', filename)
  checkMimeType('mimeType', mimeType)
  const rule = purpose === undefined ? undefined : settings.purposes[purpose as Purpose]
  if (rule) checkPurpose(caller, purpose as Purpose, rule, { mimeType, sizeBytes })
  const stamped = rule?.stamped ?? false
  return {
    name: stamped ? stampName(filename, now) : filename,
    mimeType,
    sizeBytes,
    // The vendor neither keeps nor shows it.
    purpose: null,
    lifetimeSeconds: settings.sessionSeconds,
    writeOnce: stamped,
    sha256: sha256 || null,
    expiry: { policy: 'never' },
  }
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

let day = Number.NaN
let dayText = ''
const padded = Array.from({ length: 1000 }, (_, number) => String(number).padStart(3, '0'))

/**
 * Prints as `Date.toISOString` does. That takes 0.6 µs, and two of them are a twentieth of a retrieve: most times that are
 * printed together are of one day, so its text is kept.
 */
export function printIsoTime(ms: number): string {
  const today = Math.floor(ms / DAY_MS)
  if (today !== day) {
    dayText = new Date(today * DAY_MS).toISOString().slice(0, 11)
    day = today
  }
  const rest = ms - today * DAY_MS
  const hours = two(Math.floor(rest / HOUR_MS))
  const minutes = two(Math.floor((rest % HOUR_MS) / MINUTE_MS))
  const seconds = two(Math.floor((rest % MINUTE_MS) / SECOND_MS))
  return `${dayText}${hours}:${minutes}:${seconds}.${padded[rest % SECOND_MS]}Z`
}

function two(number: number): string {
  return (padded[number] as string).slice(1)
}
