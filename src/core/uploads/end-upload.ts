import type { Caller } from '../caller.ts'
import { isStoreError, ServiceError } from '../errors.ts'
import { releaseBytes } from '../files/expire-files.ts'
import { type FileRecord, type FileState, stateAt } from '../files/file.ts'
import { md5Of } from '../files/md5-of.ts'
import { readFile } from '../files/read-file.ts'
import { uncount } from '../limits/quota.ts'
import type { Change, FilePatch } from '../metadata-store.ts'
import type { Services } from '../services.ts'
import { type Alongside, nothingAlongside } from './start-upload.ts'

/** How a dialect names a state to its callers. */
export type StateNames = Readonly<Record<FileState, string>>

export interface EndUpload {
  readonly id: string
  readonly stateNames: StateNames
}

/**
 * Makes a pending upload a stored file, with the bytes staged at this moment. Repeating it answers the same file.
 * @throws ServiceError `file-not-found`, `state-conflict`, `bytes-missing`, `size-mismatch`, `checksum-mismatch`
 */
export async function completeUpload(
  services: Services,
  caller: Caller,
  input: EndUpload & { readonly md5: string | undefined },
  alongside: Alongside = nothingAlongside,
): Promise<FileRecord> {
  return endUpload(services, caller, input.id, alongside, async (file, now) => {
    const state = stateAt(file, now)
    if (state !== 'pending' && state !== 'stored') throw notPending(file, now, input.stateNames, 'completed')
    checkSize(file)
    await checkMd5(services, file, input.md5)
    return state === 'stored' ? undefined : { patch: { state: 'stored', storedAt: now, lastActiveAt: now } }
  })
}

/**
 * Ends a pending upload without a file; its bytes are released.
 * @throws ServiceError `file-not-found`, `state-conflict` in any other state, a second cancel included
 */
export async function cancelUpload(
  services: Services,
  caller: Caller,
  input: EndUpload,
  alongside: Alongside = nothingAlongside,
): Promise<FileRecord> {
  return endUpload(services, caller, input.id, alongside, async (file, now) => {
    if (stateAt(file, now) !== 'pending') throw notPending(file, now, input.stateNames, 'cancelled')
    return { patch: { state: 'cancelled', blobKey: null }, also: [uncount(file), ...releaseBytes(file, now)] }
  })
}

/** What a decision leads to; undefined if the upload has ended that way before. */
type Ending = { readonly patch: FilePatch; readonly also?: readonly Change[] } | undefined

/**
 * Reads, decides, and commits by compare-and-set on the state and the staged bytes; when somebody else was faster, looks
 * again and decides anew. States only move forward, and a PUT in between is finite, so this ends.
 */
async function endUpload(
  services: Services,
  caller: Caller,
  id: string,
  alongside: Alongside,
  decide: (file: FileRecord, now: number) => Promise<Ending>,
): Promise<FileRecord> {
  for (;;) {
    const file = await readFile(services, caller, id)
    const now = services.clock.now()
    const ending = await decide(file, now)
    const patch = ending && { ...ending.patch, updatedAt: now, updatedBy: caller.subject.id }
    const ended = { ...file, ...patch }
    const guard = { state: file.state, blobKey: file.blobKey }
    const update: Change[] = patch ? [{ kind: 'file.update', id: file.id, guard, patch }] : []
    const changes = [...update, ...(ending?.also ?? []), ...alongside(ended)]
    if (changes.length === 0) return ended
    try {
      await services.metadata.commit(changes)
      return ended
    } catch (error) {
      if (!isStoreError(error, 'conflict')) throw error
      if (error.change === 'answer.save') throw lostReservation()
    }
  }
}

function lostReservation(): ServiceError {
  return new ServiceError('idempotency-running', 'Another request with this key took over.', {
    retryAfterSeconds: 1,
  })
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
  if (file.blobSizeBytes !== file.sizeBytes) {
    const message = `${file.blobSizeBytes} bytes were uploaded, ${file.sizeBytes} were announced.`
    throw new ServiceError('size-mismatch', message, { field: 'sizeBytes' })
  }
}

async function checkMd5(services: Services, file: FileRecord, md5: string | undefined): Promise<void> {
  if (md5 === undefined || md5 === (await md5Of(services, file))) return
  throw new ServiceError('checksum-mismatch', 'The stored bytes do not have this MD5.', { field: 'md5' })
}
