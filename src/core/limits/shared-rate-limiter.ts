import type { Clock } from '../ports/clock.ts'
import { SECOND_MS } from '../ports/clock.ts'
import { type Allowance, type LimitClass, type RateLimits, type Rates, TokenBucket } from './rate-limit.ts'
import { newBucket, pauseOf, type SharedBucket, standing, tokensOf, type Waiting } from './shared-bucket.ts'

/** What one node asks of a bucket that all nodes share; the bucket is made, full, if there is none of this name. */
export interface TokenWish {
  readonly name: string
  /** Its capacity, and what flows in per second. */
  readonly limit: number
  /** Whole tokens; zero only asks how it stands. */
  readonly wanted: number
  /** Tokens of an earlier grant that were not used. */
  readonly returned: number
}

export interface TokenGrant {
  /** Whole tokens, as many as there were of those wanted. They are the node's, whatever becomes of it. */
  readonly granted: number
  /** What is left in the bucket, with fractions. */
  readonly left: number
}

/** Buckets of tokens that all nodes share. */
export interface TokenStore {
  /** One grant per wish, in order; names are distinct. Fails within a second. @throws Error if nobody answers */
  lease(wishes: readonly TokenWish[]): Promise<readonly TokenGrant[]>
  /** How many nodes there are, this one included, as far as was known lately. At least 1. */
  countNodes(): number
}

/** From the first failure of the store until it has answered for a while. */
interface Outage {
  /** When it failed last. */
  readonly failedAt: number
  /** Since when it answers again. */
  answersSince: number | undefined
  readonly nodes: number
  /** What this node admits by itself. */
  readonly shares: WeakMap<SharedBucket, TokenBucket>
}

/** What a node knows, and the tokens that it holds, are good for so long; then it gives back what it has not used. */
const LEASE_MS = 100
/** A busy node takes this part of a second's tokens ahead at most. */
const AHEAD = 1 / 8
/**
 * For so long a store that failed is not asked. Then it has to answer for as long before a node admits more than its share: what
 * the common bucket gathered meanwhile belongs to what all of them admitted alone, and the others come to take theirs.
 */
const AWAY_MS = SECOND_MS
const MAX_IDLE_BUCKETS = 10_000

/**
 * The same token buckets, shared by all nodes: together they admit what one would. A node leases tokens from the common
 * store, one at a time where little happens, some ahead where much does, so that a busy node asks a few times a second and not
 * with every request; while a bucket is empty it refuses without asking. All that is leased has left the common bucket before
 * it is used, so no number of nodes passes the limit. Without the store each node admits its share of the limit, one per second
 * at least, beginning with its share of what was left, and takes that from the common bucket afterwards: else a store that
 * comes and goes would give everything twice.
 */
export class SharedRateLimiter implements Rates {
  readonly #limits: RateLimits
  readonly #store: TokenStore
  readonly #clock: Clock
  readonly #buckets = new Map<string, SharedBucket>()
  /** Buckets that the store is to be asked about next. */
  readonly #asked = new Set<SharedBucket>()
  #isAsking = false
  #outage: Outage | undefined

  constructor(limits: RateLimits, store: TokenStore, clock: Clock) {
    this.#limits = limits
    this.#store = store
    this.#clock = clock
  }

  take(organizationId: string, limitClass: LimitClass): Allowance | Promise<Allowance> | undefined {
    return this.#use(organizationId, limitClass, 1)
  }

  peek(organizationId: string, limitClass: LimitClass): Allowance | Promise<Allowance> | undefined {
    return this.#use(organizationId, limitClass, 0)
  }

  #use(
    organizationId: string,
    limitClass: LimitClass,
    cost: 0 | 1,
  ): Allowance | Promise<Allowance> | undefined {
    const limit = this.#limits[limitClass]
    if (limit === undefined) return undefined
    const bucket = this.#bucketOf(`${limitClass} ${organizationId}`, limit)
    const now = this.#clock.machineNow()
    bucket.usedAt = now
    if (this.#outage !== undefined) return this.#useAlone(this.#outage, bucket, cost, now)
    const age = now - bucket.asOf
    if (isWithin(age, LEASE_MS) && bucket.held >= cost) return this.#spend(bucket, cost, now)
    if (isWithin(age, pauseOf(bucket))) return cost === 0 ? standing(bucket, now) : this.#refuse(bucket, now)
    return new Promise((resolve) => {
      bucket.waiting.push({ cost, resolve })
      this.#ask(bucket)
    })
  }

  #spend(bucket: SharedBucket, cost: 0 | 1, now: number): Allowance {
    bucket.held -= cost
    bucket.used += cost
    return standing(bucket, now)
  }

  /**
   * Each node has a queue of those that it refused, which moves as fast as its part of the tokens flows in. The queues begin
   * apart from each other.
   */
  #refuse(bucket: SharedBucket, now: number): Allowance {
    const nodes = this.#store.countNodes()
    const everyMs = SECOND_MS / bucket.limit
    const firstInMs = (1 - Math.min(1, tokensOf(bucket, now)) + Math.random() * (nodes - 1)) * everyMs
    const retryAfterSeconds = bucket.refused.join(now, firstInMs, nodes * everyMs)
    return { ...standing(bucket, now), admitted: false, retryAfterSeconds }
  }

  #ask(bucket: SharedBucket): void {
    this.#asked.add(bucket)
    if (!this.#isAsking) void this.#askForAll()
  }

  /** One question at a time; whoever comes meanwhile is in the next. */
  async #askForAll(): Promise<void> {
    this.#isAsking = true
    while (this.#asked.size > 0) {
      const buckets = [...this.#asked]
      this.#asked.clear()
      forgiveDebts(buckets, this.#clock.machineNow())
      const wishes = buckets.map(wishOf)
      for (const bucket of buckets) bucket.held = 0
      await this.#store.lease(wishes).then(
        (grants) => this.#takeIn(buckets, grants),
        () => this.#goAlone(buckets),
      )
    }
    this.#isAsking = false
  }

  #takeIn(buckets: readonly SharedBucket[], grants: readonly TokenGrant[]): void {
    const now = this.#clock.machineNow()
    for (const [i, bucket] of buckets.entries()) {
      const { granted, left } = grants[i] as TokenGrant
      const paid = Math.min(granted, bucket.owed)
      bucket.owed -= paid
      Object.assign(bucket, { held: granted - paid, left, asOf: now, used: 0 })
      this.#asked.delete(bucket)
      for (const request of bucket.waiting.splice(0)) this.#serve(bucket, request, now)
    }
    this.#comeBack(now)
  }

  #serve(bucket: SharedBucket, request: Waiting, now: number): void {
    const { cost, resolve } = request
    if (bucket.held >= cost) resolve(this.#spend(bucket, cost, now))
    else if (bucket.left < 1) resolve(this.#refuse(bucket, now))
    else {
      // It came after the question was asked, and there is more.
      bucket.waiting.push(request)
      this.#asked.add(bucket)
    }
  }

  #goAlone(failed: readonly SharedBucket[]): void {
    const now = this.#clock.machineNow()
    const shares = this.#outage?.shares ?? new WeakMap<SharedBucket, TokenBucket>()
    const outage = { failedAt: now, answersSince: undefined, nodes: this.#store.countNodes(), shares }
    this.#outage = outage
    const buckets = [...failed, ...this.#asked]
    this.#asked.clear()
    for (const bucket of buckets) {
      for (const { cost, resolve } of bucket.waiting.splice(0))
        resolve(this.#useAlone(outage, bucket, cost, now))
    }
  }

  #comeBack(now: number): void {
    if (this.#outage === undefined) return
    this.#outage.answersSince ??= now
    if (!isWithin(now - this.#outage.answersSince, AWAY_MS)) this.#outage = undefined
  }

  #useAlone(outage: Outage, bucket: SharedBucket, cost: 0 | 1, now: number): Allowance {
    const limit = Math.max(1, bucket.limit / outage.nodes)
    const allowance = shareOf(outage, bucket, limit, now).use(limit, cost, now)
    // The common bucket gathers no more than a second's tokens, and of those only a share for this node.
    if (allowance.admitted) {
      bucket.owed = Math.min(bucket.owed + cost, Math.ceil(limit))
      bucket.owedAt = now
    }
    // Somebody has to find out that the store is back, and nobody has to wait for it.
    if (isDue(outage, bucket, now)) this.#ask(bucket)
    return { ...allowance, limit: bucket.limit }
  }

  #bucketOf(name: string, limit: number): SharedBucket {
    let bucket = this.#buckets.get(name)
    if (bucket === undefined) {
      if (this.#buckets.size >= MAX_IDLE_BUCKETS) this.#dropIdle()
      bucket = newBucket(name, limit)
      this.#buckets.set(name, bucket)
    }
    return bucket
  }

  #dropIdle(): void {
    const now = this.#clock.machineNow()
    for (const [name, { usedAt, waiting, refused }] of this.#buckets) {
      const isIdle = waiting.length === 0 && !isWithin(now - usedAt, SECOND_MS)
      if (isIdle && refused.isOver(now)) this.#buckets.delete(name)
    }
  }
}

/** A clock that was set back makes an age negative: what is known is then too old. */
function isWithin(age: number, boundMs: number): boolean {
  return age >= 0 && age < boundMs
}

/** After a second without them the common bucket would be full again, had they been taken from it. */
function forgiveDebts(buckets: readonly SharedBucket[], now: number): void {
  for (const bucket of buckets) if (!isWithin(now - bucket.owedAt, SECOND_MS)) bucket.owed = 0
}

function wishOf({ name, limit, held, used, owed, waiting }: SharedBucket): TokenWish {
  const now = waiting.reduce((sum, { cost }) => sum + cost, 0)
  const ahead = now === 0 ? 0 : Math.min(used, Math.ceil(limit * AHEAD))
  return { name, limit, wanted: now + ahead + owed, returned: held }
}

/** Made at the first request of the outage, as full as the common bucket is. */
function shareOf(outage: Outage, bucket: SharedBucket, limit: number, now: number): TokenBucket {
  let share = outage.shares.get(bucket)
  if (share === undefined) {
    share = new TokenBucket((tokensOf(bucket, now) / bucket.limit) * limit, now)
    outage.shares.set(bucket, share)
  }
  return share
}

/** Whether the store is to be asked if it is back, or be told what is owed. */
function isDue({ failedAt, answersSince }: Outage, { asOf }: SharedBucket, now: number): boolean {
  return answersSince === undefined ? !isWithin(now - failedAt, AWAY_MS) : !isWithin(now - asOf, LEASE_MS)
}
