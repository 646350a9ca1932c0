import { ServiceError } from '../errors.ts'
import type { Holding } from './fair-budget.ts'
import { spreadRetry } from './retry-queue.ts'

const LEAST_RETRY_SECONDS = 5

/** Charges what a request makes the server keep. @throws ServiceError `storage-unavailable` if there is no memory for it */
export function holdMore(memory: Holding, bytes: number): void {
  if (memory.tryGrow(bytes)) return
  const message = 'Requests of this organization hold too much memory at this moment; try again later.'
  throw new ServiceError('storage-unavailable', message, {
    retryAfterSeconds: spreadRetry(LEAST_RETRY_SECONDS),
  })
}
