/**
 * The only source of time in the core. Both members are whole milliseconds since the Unix epoch, and agree unless somebody
 * sets the clock of the machine. Tests move each by itself.
 */
export interface Clock {
  /** For what people see: when something was made and when it ends. Follows the clock of the machine, also where it jumps. */
  now(): number
  /**
   * For what only the machine needs: leases, slots of idempotent requests, rate limits, when bytes may be collected. Goes on
   * evenly while the process runs, also where the clock of the machine jumps.
   */
  machineNow(): number
}

/** The start of the process's own even clock, by the clock of the machine at that time. */
const startedAt = Date.now() - performance.now()

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  machineNow: () => Math.floor(startedAt + performance.now()),
}

/** Whether the clock of the machine is to be trusted, where the store has none of its own. */
export interface ClockTrust {
  /** Running time for which nothing is removed yet, in milliseconds; 0: the clock is trusted. */
  readonly waitMs: number
  /** The youngest row when the clock was trusted last after a doubt: rows up to this time are no reason for another. */
  readonly trustedTo: number
}

/** Of an emulator's installation: how the time that people see differs from the machine's. */
export interface EmulatedTime {
  /** By how much it is ahead; negative: it stood still and went on. */
  readonly offsetMs: number
  /** At which it stands still, whatever the offset; null: it goes on. */
  readonly frozenAt: number | null
}

export const SECOND_MS = 1000
export const MINUTE_MS = 60 * SECOND_MS
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS
