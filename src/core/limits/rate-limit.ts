import { type Clock, SECOND_MS } from '../ports/clock.ts'
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
  /** Whole seconds, 1 to 59, after which a refused client has its turn; 0 if it was admitted. */
  readonly retryAfterSeconds: number
}

/** Counts requests per organization and class. Undefined: the class has no limit. */
export interface Rates {
  /** Takes a token if there is one. */
  take(organizationId: string, limitClass: LimitClass): Promise<Allowance | undefined>
  /** The same report without taking anything. */
  peek(organizationId: string, limitClass: LimitClass): Promise<Allowance | undefined>
}

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
    const admitted = this.tokensAt(limit, now) >= cost
    if (admitted) this.#tokens -= cost
    return this.report(admitted, limit, now)
  }

  /** @param nodes how many refuse clients of this bucket: the queue of each gets its part of the tokens, and begins apart */
  report(admitted: boolean, limit: number, now: number, nodes = 1): Allowance {
    const tokens = this.tokensAt(limit, now)
    const everyMs = SECOND_MS / limit
    const firstInMs = (Math.max(0, 1 - tokens) + Math.random() * (nodes - 1)) * everyMs
    return {
      admitted,
      limit,
      remaining: Math.floor(tokens),
      fullInMs: (limit - tokens) * everyMs,
      retryAfterSeconds: admitted ? 0 : this.#refused.join(now, firstInMs, nodes * everyMs),
    }
  }

  tokensAt(limit: number, now: number): number {
    const elapsed = Math.max(0, now - this.#filledAt)
    this.#tokens = Math.min(limit, this.#tokens + (elapsed / SECOND_MS) * limit)
    this.#filledAt = Math.max(this.#filledAt, now)
    return this.#tokens
  }

  /** Sets what is in it. */
  set(tokens: number, now: number): void {
    this.#tokens = tokens
    this.#filledAt = now
  }

  /** Whether it surely has no token. After a clock was set back, nothing is sure. */
  isEmpty(limit: number, now: number): boolean {
    return now >= this.#filledAt && this.tokensAt(limit, now) < 1
  }

  /** Whether a new bucket would answer the same. One second refills any bucket, whatever its limit. */
  isIdle(now: number): boolean {
    return now - this.#filledAt >= SECOND_MS && this.#refused.isOver(now)
  }
}

/** Idle buckets say nothing that a missing one would not: they are dropped once there are this many. */
const MAX_IDLE_BUCKETS = 10_000

/** Token buckets by name. */
export class TokenBuckets {
  readonly #buckets = new Map<string, TokenBucket>()

  /** @param tokens what is in a bucket that is new */
  get(name: string, tokens: number, now: number): TokenBucket {
    let bucket = this.#buckets.get(name)
    if (bucket === undefined) {
      if (this.#buckets.size >= MAX_IDLE_BUCKETS) this.#dropIdle(now)
      bucket = new TokenBucket(tokens, now)
      this.#buckets.set(name, bucket)
    }
    return bucket
  }

  #dropIdle(now: number): void {
    for (const [name, bucket] of this.#buckets) if (bucket.isIdle(now)) this.#buckets.delete(name)
  }
}

/** Buckets in the memory of one process. Capacity and refill per second are the limit of the class. */
export class RateLimiter implements Rates {
  readonly #limits: RateLimits
  readonly #clock: Clock
  /** By organization. */
  readonly #buckets = { write: new TokenBuckets(), read: new TokenBuckets(), search: new TokenBuckets() }

  constructor(limits: RateLimits, clock: Clock) {
    this.#limits = limits
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
    const now = this.#clock.machineNow()
    return this.#buckets[limitClass].get(organizationId, limit, now).use(limit, cost, now)
  }
}
