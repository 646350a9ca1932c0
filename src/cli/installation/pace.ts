import { setTimeout as sleep } from 'node:timers/promises'

/** Shorter waits are made up for with the next ones. */
const SHORTEST_WAIT_MS = 5

const realClock = { now: () => performance.now(), sleep: (ms: number): Promise<unknown> => sleep(ms) }

/**
 * Holds readers back to so many bytes per second together, `Infinity` for no bound.
 * @returns what resolves when so many bytes more may have been read
 */
export function paceReaders(bytesPerSecond: number, clock = realClock): (bytes: number) => Promise<void> {
  let paidAt = Number.NEGATIVE_INFINITY
  return async (bytes) => {
    const now = clock.now()
    paidAt = Math.max(now, paidAt) + (bytes / bytesPerSecond) * 1000
    if (paidAt - now >= SHORTEST_WAIT_MS) await clock.sleep(paidAt - now)
  }
}
