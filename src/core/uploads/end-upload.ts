import type { Caller } from '../caller.ts'
import { isStoreError, ServiceError } from '../errors.ts'
import { type FileRecord, type FileState, stateAt } from '../files/file.ts'
import { md5Of } from '../files/md5-of.ts'
import { readFile, requireReader } from '../files/read-file.ts'
import { isReservationLost } from '../idempotency.ts'
import { uncount } from '../limits/quota.ts'
import type { Change, FilePatch } from '../ports/changes.ts'
import type { Services } from '../services.ts'
import { releaseBytes } from '../upkeep/expire-files.ts'
import { requireDigest } from './announced-digest.ts'
import { requireSize, takeStaged } from './direct-upload.ts'
import { discardBlob } from './stage-blob.ts'
import type { Alongside } from './start-upload.ts'

/** How a dialect names a state to its callers. */
export type StateNames = Readonly<Record<FileState, string>>

export interface EndUpload {
  readonly id: string
  readonly stateNames: StateNames
}

/**
 * Makes a pending upload a stored file, with the bytes staged at this moment. Repeating it answers the same file.
 * @throws ServiceError `file-not-found`, `scope-missing`, `state-conflict`, `bytes-missing`, `size-mismatch`, `checksum-mismatch`
 */
export async function completeUpload(
  services: Services,
  caller: Caller,
  input: EndUpload & { readonly md5: string | undefined },
  alongside?: Alongside,
): Promise<FileRecord> {
  return endUpload(services, caller, input.id, alongside, async (file, now) => {
    const state = stateAt(file, now)
    if (state !== 'pending' && state !== 'stored') throw notPending(file, now, input.stateNames, 'completed')
    const taken = state === 'pending' ? await takeStaged(services, file) : undefined
    const undo = async () => taken && discardBlob(services, taken.key)
    const whole = { ...file, ...taken?.bytes }
    try {
      checkSize(whole)
      requireDigest(whole, whole.sha256)
      await checkMd5(services, whole, input.md5)
    } catch (error) {
      await undo()
      throw error
    }
    if (state === 'stored') return undefined
    const claim: Change[] = taken ? [{ kind: 'blob.claim', key: taken.key }] : []
    // It was compared, and may have been read for it: whoever asks next need not.
    const bytes = { ...taken?.bytes, md5: input.md5 ?? whole.md5 }
    const patch = (storedAt: number) =>
      ({ ...bytes, state: 'stored', storedAt, lastActiveAt: storedAt }) as const
    return { patch, also: claim, undo }
  })
}

/**
 * Ends a pending upload without a file; its bytes are released.
 * @throws ServiceError `file-not-found`, `scope-missing`; `state-conflict` in any other state, a second cancel included
 */
export async function cancelUpload(
  services: Services,
  caller: Caller,
  input: EndUpload,
  alongside?: Alongside,
): Promise<FileRecord> {
  return endUpload(services, caller, input.id, alongside, async (file, now) => {
    if (stateAt(file, now) !== 'pending') throw notPending(file, now, input.stateNames, 'cancelled')
    const patch = () => ({ state: 'cancelled', blobKey: null }) as const
    return { patch, also: [uncount(file), ...releaseBytes(services, file)] }
  })
}

/** What a decision leads to; undefined if the upload has ended that way before. */
type Ending =
  | {
      /** As of the moment of the commit. */
      readonly patch: (now: number) => FilePatch
      readonly also?: readonly Change[]
      /** Gives up what was made for it, if it could not be committed. */
      readonly undo?: () => Promise<unknown>
    }
  | undefined

/**
 * Reads, decides, and commits by compare-and-set on the state and the staged bytes; when somebody else was faster, or the
 * clock, looks again and decides anew. States only move forward, and a PUT in between is finite, so this ends.
 */
async function endUpload(
  services: Services,
  caller: Caller,
  id: string,
  alongside: Alongside | undefined,
  decide: (file: FileRecord, now: number) => Promise<Ending>,
): Promise<FileRecord> {
  for (;;) {
    const file = await readFile(services, caller, id)
    const begin = services.clock.now()
    // Once it has ended, the same request only tells of it, as often as it is sent.
    if (stateAt(file, begin) !== 'pending') requireReader(caller, file)
    const ending = await decide(file, begin)
    const now = services.clock.now()
    if (ending && stateAt(file, now) !== file.state) {
      // To look at the bytes took longer than the session had left.
      await ending.undo?.()
      continue
    }
    const patch = ending && { ...ending.patch(now), updatedAt: now, updatedBy: caller.subject.id }
    const ended = { ...file, ...patch }
    const guard = { state: file.state, blobKey: file.blobKey }
    const update: Change[] = patch ? [{ kind: 'file.update', id: file.id, guard, patch }] : []
    try {
      const changes = [...update, ...(ending?.also ?? []), ...((await alongside?.(ended)) ?? [])]
      if (changes.length > 0) await services.metadata.commit(changes)
      return ended
    } catch (error) {
      await ending?.undo?.()
      if (!isStoreError(error, 'conflict') || isReservationLost(error)) throw error
    }
  }
}

function notPending(file: FileRecord, now: number, names: StateNames, participle: string): ServiceError {
  const state = names[stateAt(file, now)]
  return new ServiceError(
    'state-conflict',
    `The file is ${state}; only a ${names.pending} file can be ${participle}.`,
  )
}

function checkSize(file: FileRecord): void {
  if (file.blobKey === null)
    throw new ServiceError('bytes-missing', 'No bytes have been uploaded for this file.')
  requireSize(file, file.blobSizeBytes)
}

async function checkMd5(services: Services, file: FileRecord, md5: string | undefined): Promise<void> {
  if (md5 === undefined || md5 === (await md5Of(services, file))) return
  throw new ServiceError('checksum-mismatch', 'The stored bytes do not have this MD5.', { field: 'md5' })
}
