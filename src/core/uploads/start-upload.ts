import { defaultProject } from '../access/admit.ts'
import type { Caller } from '../caller.ts'
import { claimAlias } from '../files/claim-alias.ts'
import { type CreateFile, newFile, requireHiding } from '../files/create-file.ts'
import type { FileRecord } from '../files/file.ts'
import { throwQuota, usageOf } from '../limits/quota.ts'
import type { Change } from '../ports/changes.ts'
import { SECOND_MS } from '../ports/clock.ts'
import type { Services } from '../services.ts'
import { traced } from '../trace.ts'
import { expectStaged } from './direct-upload.ts'

/** Checked by the dialect: its own limits and names of fields apply. */
export interface StartUpload extends Omit<CreateFile, 'projectId' | 'externalId'> {
  /** One that the caller may use; absent: the caller's default. */
  readonly projectId?: string
  /** Exactly this many bytes must arrive, unless `maxBytes` is more. */
  readonly sizeBytes: number
  /**
   * The PUT alone stores the file, with any type, and may bring up to this many bytes: as many as `sizeBytes`, or more than
   * that if the size is not known and `sizeBytes` 0. Absent: a complete is needed.
   */
  readonly maxBytes?: number
  /** The bytes come as parts (`addPart`), of which `placeParts` makes a file of `maxBytes`; `sizeBytes` is 0. */
  readonly takesParts?: boolean
  readonly externalId?: string | null
  /** How long the bytes may take to arrive, from now. */
  readonly lifetimeSeconds: number
  /** Refuse a second PUT instead of letting it replace the first. */
  readonly writeOnce: boolean
  /** Refuse any bytes but these; lower-case hex. Null: any of the size. */
  readonly sha256: string | null
}

/** Further changes, to be committed with the result that they tell of: all or none. */
export type Alongside = (file: FileRecord) => readonly Change[] | Promise<readonly Change[]>

/**
 * Opens a pending upload; what it announces counts against quotas from now on, and what it did not announce once it is
 * stored. Every call makes a new one.
 * @throws ServiceError `quota-exceeded`; `name-taken` and `storage-unavailable` as `createFile`
 */
export const startUpload = traced('startUpload', start)

async function start(
  services: Services,
  caller: Caller,
  input: StartUpload,
  alongside?: Alongside,
): Promise<FileRecord> {
  const now = services.clock.now()
  requireHiding(services, input)
  const { sizeBytes, writeOnce, externalId = null, projectId = defaultProject(caller) } = input
  const file: FileRecord = {
    ...newFile(now, caller, { ...input, projectId, externalId }),
    sizeBytes,
    uploadExpiresAt: now + input.lifetimeSeconds * SECOND_MS,
    writeOnce,
    uploadMaxBytes: input.maxBytes ?? null,
    expectedSha256: input.sha256,
    placedParts: input.takesParts ? '' : null,
  }
  const changes: Change[] = [
    { kind: 'usage.add', usage: usageOf(file) },
    { kind: 'file.insert', file },
  ]
  changes.push(...expectStaged(services, file))
  if (alongside) changes.push(...(await alongside(file)))
  const { alias } = file
  const commit = () => services.metadata.commit(changes).catch(throwQuota)
  await (alias === null ? commit() : claimAlias(services, { projectId, alias }, commit))
  return file
}
