import { type Clock, SECOND_MS } from '../ports/clock.ts'
import { type Allowance, type LimitClass, type RateLimits, type Rates, TokenBuckets } from './rate-limit.ts'

export interface TokenGrant {
  readonly granted: boolean
  /** What is left in the bucket, with fractions. */
  readonly left: number
}

/** Buckets of tokens that all nodes share. A bucket is made, full, if there is none of this name. */
export interface TokenStore {
  /**
   * Takes a token if there is one.
   * @param limit the capacity of the bucket, and what flows in per second
   * @param cost 0 only asks how the bucket stands
   * @throws Error within a second if nobody answers
   */
  take(name: string, limit: number, cost: 0 | 1): Promise<TokenGrant>
  /** How many nodes there are, this one included, as far as was known lately. At least 1. */
  countNodes(): number
}

/** While the store does not answer. */
interface Outage {
  askedAt: number
  /** What this node admits by itself. */
  readonly shares: TokenBuckets
}

/** A store that failed is asked again after this long. */
const ASK_AGAIN_MS = SECOND_MS

/**
 * Token buckets that all nodes share: a request takes its token from the store before it is admitted, so together the nodes
 * admit at most `limit × seconds + limit`. While the store does not answer each node admits its share, `limit / nodes` and at
 * least 1 per second; the common bucket fills meanwhile, so up to `limit` more pass after an outage.
 */
export class SharedRateLimiter implements Rates {
  readonly #limits: RateLimits
  readonly #store: TokenStore
  readonly #clock: Clock
  /** The common buckets as this node saw them last; other nodes may have taken tokens since. */
  readonly #seen = new TokenBuckets()
  #outage: Outage | undefined

  constructor(limits: RateLimits, store: TokenStore, clock: Clock) {
    this.#limits = limits
    this.#store = store
    this.#clock = clock
  }

  take(organizationId: string, limitClass: LimitClass): Promise<Allowance | undefined> {
    return this.#use(organizationId, limitClass, 1)
  }

  peek(organizationId: string, limitClass: LimitClass): Promise<Allowance | undefined> {
    return this.#use(organizationId, limitClass, 0)
  }

  async #use(organizationId: string, limitClass: LimitClass, cost: 0 | 1): Promise<Allowance | undefined> {
    const limit = this.#limits[limitClass]
    if (limit === undefined) return undefined
    const name = `${limitClass} ${organizationId}`
    if (this.#outage !== undefined) {
      this.#askAgain(this.#outage, name, limit)
      return this.#useShare(this.#outage, name, limit, cost)
    }
    const now = this.#clock.machineNow()
    const seen = this.#seen.get(name, limit, now)
    // A flood of requests that are refused anyway costs the store nothing.
    if (seen.isEmpty(limit, now)) return seen.report(cost === 0, limit, now, this.#store.countNodes())
    try {
      return await this.#ask(name, limit, cost)
    } catch {
      this.#outage ??= { askedAt: now, shares: new TokenBuckets() }
      return this.#useShare(this.#outage, name, limit, cost)
    }
  }

  async #ask(name: string, limit: number, cost: 0 | 1): Promise<Allowance> {
    const { granted, left } = await this.#store.take(name, limit, cost)
    this.#outage = undefined
    const now = this.#clock.machineNow()
    const seen = this.#seen.get(name, limit, now)
    seen.set(left, now)
    return seen.report(granted, limit, now, this.#store.countNodes())
  }

  /** Finds out in the background whether the store is back: no request waits for it. */
  #askAgain(outage: Outage, name: string, limit: number): void {
    const now = this.#clock.machineNow()
    const sinceMs = now - outage.askedAt
    if (sinceMs >= 0 && sinceMs < ASK_AGAIN_MS) return
    outage.askedAt = now
    void this.#ask(name, limit, 0).catch(() => undefined)
  }

  /** A share begins as full as the common bucket was seen last. */
  #useShare({ shares }: Outage, name: string, limit: number, cost: 0 | 1): Allowance {
    const now = this.#clock.machineNow()
    const share = Math.max(1, limit / this.#store.countNodes())
    const seen = this.#seen.get(name, limit, now)
    const allowance = shares.get(name, (seen.tokensAt(limit, now) / limit) * share, now).use(share, cost, now)
    return { ...allowance, limit }
  }
}
