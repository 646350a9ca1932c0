import { ServiceError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import { TokenBucket } from './rate-limit.ts'

/** Counts wrong credentials. */
export interface Guesses {
  /** Takes a token for a credential that was wrong. @throws ServiceError `rate-limited` if there is none */
  count(): void
}

/**
 * Wrong keys and sessions that a node answers as such. They belong to no organization, so all of a node share one bucket.
 * A credential is looked up before anything is counted: whoever has a right one pays nothing, and is let in when the
 * bucket is empty.
 */
export class GuessLimit implements Guesses {
  readonly #perSecond: number | undefined
  readonly #clock: Clock
  #bucket: TokenBucket | undefined

  /** @param perSecond refill and burst, at least 1; undefined: no limit */
  constructor(perSecond: number | undefined, clock: Clock) {
    this.#perSecond = perSecond
    this.#clock = clock
  }

  count(): void {
    const perSecond = this.#perSecond
    if (perSecond === undefined) return
    const now = this.#clock.machineNow()
    this.#bucket ??= new TokenBucket(perSecond, now)
    const { admitted, retryAfterSeconds } = this.#bucket.use(perSecond, 1, now)
    if (admitted) return
    const message = 'Too many requests with wrong credentials; try again later.'
    throw new ServiceError('rate-limited', message, { retryAfterSeconds })
  }
}
