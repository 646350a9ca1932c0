import { SECOND_MS } from '../ports/clock.ts'

/** SDKs of the vendors ignore a minute and more, or give up at once. */
const LONGEST_SECONDS = 59

/**
 * When clients that a bucket of tokens refuses are to come back: one after the other, as fast as tokens flow in, so that a
 * burst does not come back as a burst. No token is reserved, since nobody knows who will obey.
 */
export class RetryQueue {
  #lastTurn = Number.NEGATIVE_INFINITY

  /**
   * @param firstInMs when the next token is there
   * @param everyMs how long after each other tokens flow in
   * @returns whole seconds, 1 to 59; a longer queue starts again at the front
   */
  join(now: number, firstInMs: number, everyMs: number): number {
    const queuedMs = Math.max(0, this.#lastTurn + everyMs - (now + firstInMs))
    const turnInMs = firstInMs + (queuedMs % (LONGEST_SECONDS * SECOND_MS - firstInMs))
    this.#lastTurn = now + turnInMs
    return Math.max(1, Math.ceil(turnInMs / SECOND_MS))
  }

  /** Whether all clients have had their turn. */
  isOver(now: number): boolean {
    return this.#lastTurn <= now
  }
}

/**
 * For refusals without a queue, such as those of a database that is away.
 * @returns whole seconds, `leastSeconds` to three times as many, at random
 */
export function spreadRetry(leastSeconds: number): number {
  return leastSeconds + Math.floor(Math.random() * (2 * leastSeconds + 1))
}
