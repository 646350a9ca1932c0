import type { Caller } from '../caller.ts'
import { isStoreError } from '../errors.ts'
import { type FileRecord, noBytes, notPending, type StateNames, sameBytes, stateAt } from '../files/file.ts'
import { readFile, requireReader } from '../files/read-file.ts'
import { isReservationLost } from '../idempotency.ts'
import { uncount } from '../limits/quota.ts'
import type { Services } from '../services.ts'
import { traced } from '../trace.ts'
import { releaseBytes } from './receive-bytes.ts'
import type { Alongside } from './start-upload.ts'

export interface CancelUpload {
  readonly id: string
  readonly stateNames: StateNames
}

/**
 * Ends a pending upload without a file; its bytes are released.
 * @throws ServiceError `file-not-found`, `scope-missing`; `state-conflict` in any other state, a second cancel included
 */
export const cancelUpload = traced('cancelUpload', cancel)

async function cancel(
  services: Services,
  caller: Caller,
  input: CancelUpload,
  alongside: Alongside = () => [],
): Promise<FileRecord> {
  for (;;) {
    const file = await readFile(services, caller, input.id)
    const now = services.clock.now()
    const state = stateAt(file, now)
    if (state !== 'pending') {
      requireReader(caller, file)
      throw notPending(state, input.stateNames, 'cancelled')
    }
    const by = { updatedAt: now, updatedBy: caller.subject.id }
    const patch = { state: 'cancelled', ...noBytes, ...by } as const
    const guard = { state, ...sameBytes(file) } as const
    const cancelled = { ...file, ...patch }
    try {
      await services.metadata.commit([
        { kind: 'file.update', id: file.id, guard, patch },
        uncount(file),
        ...releaseBytes(services, file),
        ...(await alongside(cancelled)),
      ])
      return cancelled
    } catch (error) {
      // A PUT or a complete was faster: look again.
      if (!isStoreError(error, 'conflict') || isReservationLost(error)) throw error
    }
  }
}
