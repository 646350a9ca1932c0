import { StoreError } from './errors.ts'

/**
 * Told of every call to a store, and every run of a job. Both names are of closed sets, so that they can be labels; the time is
 * until the answer began, in seconds.
 */
export type WatchCall = (call: {
  readonly operation: string
  readonly outcome: string
  readonly seconds: number
}) => void

/** Tells of a call, with the outcome that `outcomeOf` gives to its failure. */
export async function watched<T>(
  watch: WatchCall,
  operation: string,
  call: Promise<T>,
  outcomeOf: (error: unknown) => string,
): Promise<T> {
  const begin = performance.now()
  let outcome = 'ok'
  try {
    return await call
  } catch (error) {
    outcome = outcomeOf(error)
    throw error
  } finally {
    watch({ operation, outcome, seconds: (performance.now() - begin) / 1000 })
  }
}

/** The outcome of a call to a store that failed. */
export function failureOf(error: unknown): string {
  return error instanceof StoreError ? error.code : 'failed'
}
