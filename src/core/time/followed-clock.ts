import { type Clock, SECOND_MS } from '../ports/clock.ts'

/** Disciplined clocks are slewed by no more than this (NTP: 500 parts per million, RFC 5905). */
const DRIFT = 0.0005
/** The time is not known if it may be further off than this, or if the other clock was not heard for so long. */
const MAX_ERROR_MS = SECOND_MS
const MAX_SILENCE_MS = 15 * SECOND_MS

/**
 * Another clock, such as that of a database, measured by asking it now and then. Between two answers the even clock of this
 * process goes on, so the clock of this machine may be wrong or be set without any effect. All processes that follow the same
 * clock have the same time.
 */
export class FollowedClock implements Clock {
  /** The other clock minus `performance.now()`. */
  #offsetMs = Date.now() - performance.now()
  /** The largest error of the offset when it was measured. */
  #errorMs = Number.POSITIVE_INFINITY
  #measuredAt = Number.NEGATIVE_INFINITY
  #heardAt = Number.NEGATIVE_INFINITY

  now(): number {
    return Math.floor(performance.now() + this.#offsetMs)
  }

  machineNow(): number {
    return this.now()
  }

  /**
   * Takes an answer of the other clock. The one with the shortest round trip counts, until drift makes a later one more exact
   * or the other clock was set.
   * @param askedAt `performance.now()` when the question was sent; `answeredAt` when the answer came
   */
  note(theirs: number, askedAt: number, answeredAt: number): void {
    const errorMs = (answeredAt - askedAt) / 2
    const offsetMs = theirs - (askedAt + answeredAt) / 2
    const knownErrorMs = this.#errorAt(answeredAt)
    this.#heardAt = answeredAt
    const wasSet = Math.abs(offsetMs - this.#offsetMs) > knownErrorMs + errorMs
    if (errorMs > knownErrorMs && !wasSet) return
    this.#offsetMs = offsetMs
    this.#errorMs = errorMs
    this.#measuredAt = answeredAt
  }

  /** Whether the time is known to a second. */
  isKnown(): boolean {
    const present = performance.now()
    return this.#errorAt(present) <= MAX_ERROR_MS && present - this.#heardAt <= MAX_SILENCE_MS
  }

  /** How far the clock of this machine is ahead; negative if it is behind. */
  machineAheadMs(): number {
    return Date.now() - this.now()
  }

  #errorAt(present: number): number {
    return this.#errorMs + (present - this.#measuredAt) * DRIFT
  }
}
