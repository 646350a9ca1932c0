import { type Clock, DAY_MS, HOUR_MS, MINUTE_MS } from '../ports/clock.ts'
import type { MetadataStore } from '../ports/metadata-store.ts'

/** Doubts a clock that was set by more than this while the process ran, all steps together. */
const MAX_STEP_MS = HOUR_MS
/** The youngest row may be ahead of the clock by this, because disciplined clocks go back by seconds. */
const MAX_BEHIND_MS = MINUTE_MS
/** A doubted clock is trusted again after this running time without another doubt. */
const HOLD_MS = DAY_MS
/** A crash loses at most this much of the counted running time. */
const NOTE_EVERY_MS = MINUTE_MS

/** The clock is behind the youngest row at a start, or was set while the process ran. */
export interface ClockDoubt {
  readonly reason: 'behind' | 'set'
  /** By how much the clock is behind, or was set forward (positive) or back (negative). */
  readonly byMs: number
}

export interface ClockWatchOptions {
  readonly metadata: Pick<MetadataStore, 'clockTrust' | 'youngestRowAt' | 'commit'>
  readonly clock: Clock
  /** How long the machine has slept since a fixed moment; the clock of the machine does not count it. */
  readonly sleptMs: () => number
  /** Called with each doubt, and with undefined for one of an earlier run. */
  readonly onDoubt: (doubt: ClockDoubt | undefined, waitMs: number) => void
  /** Called once a doubted clock is trusted again. */
  readonly onTrust: () => void
}

/**
 * Whether the clock of a machine without a second clock may decide what to remove. Answers follow the clock in any case.
 * A doubt ends after 24 hours of running time, counted over restarts, or when the operator vouches for the clock.
 */
export class ClockWatch {
  readonly #options: ClockWatchOptions
  /** By how much the clock was ahead of the machine's at the start, or at the last doubt. */
  #aheadMs: number
  #trustedTo: number
  /** Running time for which nothing is removed yet, and how much of it the store knows of. */
  #waitMs: number
  #notedWaitMs: number
  #countedAt: number

  private constructor(options: ClockWatchOptions, waitMs: number, trustedTo: number) {
    this.#options = options
    this.#aheadMs = this.#measureAhead()
    this.#trustedTo = trustedTo
    this.#waitMs = waitMs
    this.#notedWaitMs = waitMs
    this.#countedAt = options.clock.machineNow()
  }

  /** @param accepts the operator vouches for the clock as it is now */
  static async start(options: ClockWatchOptions, accepts: boolean): Promise<ClockWatch> {
    const { metadata, clock, onDoubt } = options
    const { waitMs, trustedTo } = await metadata.clockTrust()
    const watch = new ClockWatch(options, waitMs, trustedTo)
    const youngestAt = (await metadata.youngestRowAt()) ?? 0
    const behindMs = youngestAt - clock.now()
    // Rows that were known when the clock was trusted again raise no second doubt.
    const isBehind = behindMs > MAX_BEHIND_MS && youngestAt > trustedTo
    if (accepts) {
      if (isBehind || waitMs > 0) await watch.#trust()
    } else if (waitMs > 0) onDoubt(undefined, waitMs)
    else if (isBehind) await watch.#doubt({ reason: 'behind', byMs: behindMs })
    return watch
  }

  /** Call before each removal: checks the clock, and counts the running time. */
  async mayRemove(): Promise<boolean> {
    await this.#count()
    const stepMs = this.#measureAhead() - this.#aheadMs
    if (Math.abs(stepMs) > MAX_STEP_MS) {
      this.#aheadMs += stepMs
      await this.#doubt({ reason: 'set', byMs: stepMs })
    }
    return this.#waitMs === 0
  }

  #measureAhead(): number {
    const { clock, sleptMs } = this.#options
    return clock.now() - clock.machineNow() - sleptMs()
  }

  async #count(): Promise<void> {
    const present = this.#options.clock.machineNow()
    const ranMs = present - this.#countedAt
    this.#countedAt = present
    if (this.#waitMs === 0) return
    this.#waitMs = Math.max(0, this.#waitMs - ranMs)
    if (this.#waitMs === 0) await this.#trust()
    else if (this.#notedWaitMs - this.#waitMs >= NOTE_EVERY_MS) await this.#note()
  }

  async #doubt(doubt: ClockDoubt): Promise<void> {
    this.#waitMs = HOLD_MS
    this.#countedAt = this.#options.clock.machineNow()
    this.#options.onDoubt(doubt, HOLD_MS)
    await this.#note()
  }

  async #trust(): Promise<void> {
    this.#waitMs = 0
    this.#trustedTo = (await this.#options.metadata.youngestRowAt()) ?? 0
    await this.#note()
    this.#options.onTrust()
  }

  async #note(): Promise<void> {
    this.#notedWaitMs = this.#waitMs
    const trust = { waitMs: this.#waitMs, trustedTo: this.#trustedTo }
    await this.#options.metadata.commit([{ kind: 'clock.note', trust }])
  }
}
