import { randomUUID } from 'node:crypto'
import type { Caller } from '../caller.ts'
import { ServiceError } from '../errors.ts'
import type { FileId } from '../file-id.ts'
import { isQuotaExceeded } from '../limits/quota.ts'
import type { Change } from '../ports/changes.ts'
import { DAY_MS } from '../ports/clock.ts'
import type { Services } from '../services.ts'
import { traced } from '../trace.ts'
import type { ReceivedBytes } from '../uploads/receive-bytes.ts'
import type { Alongside } from '../uploads/start-upload.ts'
import { claimAlias } from './claim-alias.ts'
import type { ExpiryFields } from './expiry.ts'
import { type FileRecord, noBytes, type Visibility } from './file.ts'

/** What a caller or a dialect's default asks for. `at` is in milliseconds since the epoch, `afterMs` begins with the creation. */
export type ExpiryRule =
  | { readonly policy: 'never' }
  | { readonly policy: 'at'; readonly at: number }
  | { readonly policy: 'at'; readonly afterMs: number }
  | { readonly policy: 'since-created' | 'since-last-active'; readonly ttlDays: number }

/** Checked by the dialect: its own limits and names of fields apply. */
export interface CreateFile {
  /** One that the caller may use. */
  readonly projectId: string
  readonly name: string
  readonly mimeType: string
  readonly purpose: string | null
  readonly externalId: string | null
  readonly description?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly expiry: ExpiryRule
  /** By default everybody who may use the project sees the file. */
  readonly visibility?: Visibility
  readonly alias?: string | null
  readonly lineCount?: number | null
}

/**
 * Takes received bytes into a stored file, visible from here on in every dialect.
 * @throws ServiceError `quota-exceeded` if the bytes that really came no longer fit; `name-taken` if another file has the alias;
 *   `storage-unavailable` if it is to be hidden, while not all servers know hidden files
 */
export const createFile = traced('createFile', create)

async function create(
  services: Services,
  caller: Caller,
  input: CreateFile,
  received: ReceivedBytes,
  alongside?: Alongside,
): Promise<FileRecord> {
  const now = services.clock.now()
  requireHiding(services, input)
  const bytes = { sizeBytes: received.digests.sizeBytes, ...received.fields }
  const file: FileRecord = { ...newFile(now, caller, input), ...bytes, state: 'stored', storedAt: now }
  try {
    await take(services, received, file, alongside)
  } catch (error) {
    if (received.reserved === undefined || !isQuotaExceeded(error)) throw error
    // Of many uploads at once each may have been in the way of the others with what it reserved. Now that this one is
    // out of the way it is judged by its size alone, so that in the end as many get in as fit.
    await received.giveReservationBack()
    await take(services, received, file, alongside)
  }
  return file
}

/**
 * Servers of the release before show hidden files to everybody who may use the project.
 * @throws ServiceError `storage-unavailable` while one of them lives
 */
export function requireHiding({ metadata }: Services, { visibility }: Pick<CreateFile, 'visibility'>): void {
  if (visibility !== 'subject' || metadata.hidesFiles) return
  throw new ServiceError('storage-unavailable', 'Files cannot be hidden before all servers are upgraded.')
}

/** Counts what the file takes beyond what was reserved for it, and makes it visible. */
async function take(
  services: Services,
  received: ReceivedBytes,
  file: FileRecord,
  alongside?: Alongside,
): Promise<void> {
  const { organizationId, projectId, sizeBytes, alias } = file
  const files = 1 - (received.reserved?.files ?? 0)
  const bytes = sizeBytes - (received.reserved?.bytes ?? 0)
  const usage = { organizationId, projectId, files, bytes }
  const rest: Change[] = files === 0 && bytes === 0 ? [] : [{ kind: 'usage.add', usage }]
  const changes: Change[] = [...rest, received.claimFor(file.id), { kind: 'file.insert', file }]
  if (alongside) changes.push(...(await alongside(file)))
  const commit = () => received.take(changes)
  await (alias === null ? commit() : claimAlias(services, { projectId, alias }, commit))
}

/** A record that has no bytes yet and belongs to the caller. Field by field, since a rest and a spread take twice as long. */
export function newFile(now: number, caller: Caller, input: CreateFile): FileRecord {
  const { projectId, name, mimeType, purpose, externalId, description = '', labels = {}, expiry } = input
  const { visibility = 'project', alias = null, lineCount = null } = input
  const { subject, organizationId, surface = null } = caller
  const { expiryPolicy, ttlDays, lastActiveAt, expiresAt } = startExpiry(expiry, now)
  return {
    id: newFileId(now),
    organizationId,
    projectId,
    name,
    sizeBytes: 0,
    mimeType,
    purpose,
    description,
    labels,
    externalId,
    alias,
    visibility,
    createdBy: subject.id,
    updatedBy: subject.id,
    createdAt: now,
    updatedAt: now,
    state: 'pending',
    storedAt: null,
    uploadExpiresAt: null,
    writeOnce: false,
    uploadMaxBytes: null,
    expectedSha256: null,
    expiryPolicy,
    ttlDays,
    lastActiveAt,
    expiresAt,
    ...noBytes,
    blobSizeBytes: null,
    sha256: null,
    md5: null,
    lineCount,
    placedParts: null,
    origin: surface,
  }
}

/** A UUIDv7 (RFC 9562, 5.7): 48 bits of `nowMs`, then 74 random bits, which stand where those of a version 4 do. */
export function newFileId(nowMs: number): FileId {
  const time = nowMs.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}

/** The four stored fields of a rule for a file created (and last active) at `createdAt`. */
export function startExpiry(rule: ExpiryRule, createdAt: number): ExpiryFields {
  const { policy } = rule
  const ttlDays = 'ttlDays' in rule ? rule.ttlDays : 0
  const lifeMs = 'afterMs' in rule ? rule.afterMs : ttlDays * DAY_MS
  const end = 'at' in rule ? rule.at : createdAt + lifeMs
  return {
    expiryPolicy: policy,
    ttlDays,
    lastActiveAt: createdAt,
    expiresAt: policy === 'never' ? null : end,
  }
}
