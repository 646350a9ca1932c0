import { SECOND_MS } from '../ports/clock.ts'
import { RetryQueue } from './retry-queue.ts'

/** A vendor-free class of requests; a dialect maps its own categories to these. */
export const limitClasses = ['write', 'read', 'search'] as const
export type LimitClass = (typeof limitClasses)[number]

/** Requests per second and burst of each class; undefined switches a class off. */
export type RateLimits = Readonly<Record<LimitClass, number | undefined>>

/** The state of a bucket after a request was, or was not, admitted. */
export interface Allowance {
  readonly admitted: boolean
  readonly limit: number
  readonly remaining: number
  /** Milliseconds until the bucket will be full again. */
  readonly fullInMs: number
  /** Whole seconds, 1 to 59, after which a client that was refused has its turn; 0 if it was admitted. */
  readonly retryAfterSeconds: number
}

/** Counts requests per organization and class. Undefined: the class has no limit. */
export interface Rates {
  /** Takes a token if there is one. A promise only where other nodes have to be asked. */
  take(organizationId: string, limitClass: LimitClass, now: number): Counted
  /** The same report without taking anything. */
  peek(organizationId: string, limitClass: LimitClass, now: number): Counted
}

type Counted = Allowance | Promise<Allowance> | undefined

/** Tokens that flow in as time goes by. Time never runs backwards: an earlier `now` refills nothing. */
export class TokenBucket {
  #tokens: number
  #filledAt: number
  readonly #refused = new RetryQueue()

  constructor(tokens: number, now: number) {
    this.#tokens = tokens
    this.#filledAt = now
  }

  /** @param limit its capacity, and what flows in per second */
  use(limit: number, cost: 0 | 1, now: number): Allowance {
    this.#refill(limit, now)
    const admitted = this.#tokens >= cost
    if (admitted) this.#tokens -= cost
    const everyMs = SECOND_MS / limit
    return {
      admitted,
      limit,
      remaining: Math.floor(this.#tokens),
      fullInMs: ((limit - this.#tokens) / limit) * SECOND_MS,
      retryAfterSeconds: admitted ? 0 : this.#refused.join(now, (1 - this.#tokens) * everyMs, everyMs),
    }
  }

  /** Whether a new bucket would answer the same. One second refills any bucket, whatever its limit. */
  isIdle(now: number): boolean {
    return now - this.#filledAt >= SECOND_MS && this.#refused.isOver(now)
  }

  #refill(limit: number, now: number): void {
    const elapsed = Math.max(0, now - this.#filledAt)
    this.#tokens = Math.min(limit, this.#tokens + (elapsed / SECOND_MS) * limit)
    this.#filledAt = Math.max(this.#filledAt, now)
  }
}

/** Idle buckets say nothing that a missing one would not: they are dropped once there are this many. */
const MAX_IDLE_BUCKETS = 10_000

/**
 * Token buckets per organization and class, in the memory of one process. Capacity and refill per second are the
 * limit of the class.
 */
export class RateLimiter implements Rates {
  readonly #limits: RateLimits
  readonly #buckets = new Map<string, TokenBucket>()

  constructor(limits: RateLimits) {
    this.#limits = limits
  }

  take(organizationId: string, limitClass: LimitClass, now: number): Allowance | undefined {
    return this.#use(organizationId, limitClass, now, 1)
  }

  peek(organizationId: string, limitClass: LimitClass, now: number): Allowance | undefined {
    return this.#use(organizationId, limitClass, now, 0)
  }

  #use(organizationId: string, limitClass: LimitClass, now: number, cost: 0 | 1): Allowance | undefined {
    const limit = this.#limits[limitClass]
    if (limit === undefined) return undefined
    return this.#bucketOf(`${limitClass} ${organizationId}`, limit, now).use(limit, cost, now)
  }

  #bucketOf(name: string, limit: number, now: number): TokenBucket {
    let bucket = this.#buckets.get(name)
    if (bucket === undefined) {
      if (this.#buckets.size >= MAX_IDLE_BUCKETS) this.#dropIdle(now)
      bucket = new TokenBucket(limit, now)
      this.#buckets.set(name, bucket)
    }
    return bucket
  }

  #dropIdle(now: number): void {
    for (const [name, bucket] of this.#buckets) if (bucket.isIdle(now)) this.#buckets.delete(name)
  }
}
