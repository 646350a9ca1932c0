import type { Caller } from '../caller.ts'
import { isStoreError, ServiceError } from '../errors.ts'
import { type FileRecord, hasBytes, notPending, type StateNames, sameBytes, stateAt } from '../files/file.ts'
import { md5Of } from '../files/md5-of.ts'
import { readFile, requireReader } from '../files/read-file.ts'
import { isReservationLost } from '../idempotency.ts'
import type { Change } from '../ports/changes.ts'
import type { Services } from '../services.ts'
import { traced } from '../trace.ts'
import { takeStaged } from './direct-upload.ts'
import { finishUpload, isLengthKnown, isWhole } from './finish-upload.ts'
import { requireDigest, requireSize } from './receive-upload.ts'
import type { Alongside } from './start-upload.ts'

export interface CompleteUpload {
  readonly id: string
  readonly stateNames: StateNames
  /** The MD5 that the bytes must have, lower-case hex. */
  readonly md5: string | undefined
}

/**
 * Makes a pending upload a stored file, with the bytes staged at this moment. Repeating it answers the same file.
 * @throws ServiceError `file-not-found`, `scope-missing`, `state-conflict`, `bytes-missing`, `size-mismatch`, `checksum-mismatch`
 */
export const completeUpload = traced('completeUpload', complete)

async function complete(
  services: Services,
  caller: Caller,
  input: CompleteUpload,
  alongside: Alongside = () => [],
): Promise<FileRecord> {
  const { metadata, clock } = services
  // Compare-and-set on the state and the staged bytes: whoever was slower looks again. States only move forward, and a PUT in
  // between is finite, so this ends.
  for (;;) {
    const file = await readFile(services, caller, input.id)
    const state = stateAt(file, clock.now())
    if (state !== 'pending') requireReader(caller, file)
    if (state === 'stored') {
      await requireBytes(services, file, input.md5)
      const more = await alongside(file)
      if (more.length > 0) await metadata.commit(more)
      return file
    }
    if (state !== 'pending') throw notPending(state, input.stateNames, 'completed')
    if (file.placedParts !== null)
      throw new ServiceError(
        'bytes-missing',
        'The bytes of this upload come as parts; it is completed where it began.',
      )
    if (!isLengthKnown(file))
      throw new ServiceError(
        'bytes-missing',
        'The length of this upload has not been told: more bytes may come.',
      )
    // All bytes have come in pieces, and whoever brought the last one could not finish.
    if (hasBytes(file) && file.sha256 === null && isWhole(file)) {
      await finishUpload(services, file)
      continue
    }
    await using taken = await takeStaged(services, file)
    const whole: FileRecord = { ...file, ...taken?.fields }
    await requireBytes(services, whole, input.md5)
    const now = clock.now()
    // To look at the bytes took longer than the session had left.
    if (stateAt(file, now) !== 'pending') continue
    const patch = {
      ...taken?.fields,
      // It was compared, and may have been read for it: whoever asks next need not.
      md5: input.md5 ?? whole.md5,
      state: 'stored',
      storedAt: now,
      lastActiveAt: now,
      updatedAt: now,
      updatedBy: caller.subject.id,
    } as const
    const guard = { state: 'pending', ...sameBytes(file) } as const
    const update: Change = { kind: 'file.update', id: file.id, guard, patch }
    const stored = { ...file, ...patch }
    try {
      const more = await alongside(stored)
      if (taken) await taken.take([update, taken.claimFor(file.id), ...more])
      else await metadata.commit([update, ...more])
      return stored
    } catch (error) {
      if (!isStoreError(error, 'conflict') || isReservationLost(error)) throw error
    }
  }
}

/** @throws ServiceError `bytes-missing`, `size-mismatch`, `checksum-mismatch` */
async function requireBytes(services: Services, file: FileRecord, md5: string | undefined): Promise<void> {
  if (!hasBytes(file)) throw new ServiceError('bytes-missing', 'No bytes have been uploaded for this file.')
  requireSize(file, file.blobSizeBytes)
  requireDigest(file, file.sha256)
  if (md5 === undefined || md5 === (await md5Of(services, file))) return
  throw new ServiceError('checksum-mismatch', 'The stored bytes do not have this MD5.', { field: 'md5' })
}
