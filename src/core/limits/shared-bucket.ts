import { SECOND_MS } from '../ports/clock.ts'
import type { Allowance } from './rate-limit.ts'
import { RetryQueue } from './retry-queue.ts'

export interface Waiting {
  readonly cost: 0 | 1
  readonly resolve: (allowance: Allowance) => void
}

/** What a node knows of a bucket that all share, and what it holds of it. */
export interface SharedBucket {
  readonly name: string
  readonly limit: number
  /** Tokens of ours. */
  held: number
  /** Tokens left to all at `asOf`. */
  left: number
  /** When the store was asked last. */
  asOf: number
  /** Tokens used since. */
  used: number
  /** When a request came last. */
  usedAt: number
  /** Tokens admitted without the store that are still to be taken from it. */
  owed: number
  /** When such a token was admitted last. */
  owedAt: number
  waiting: Waiting[]
  readonly refused: RetryQueue
}

/** An empty bucket is not asked again sooner. */
const LEAST_PAUSE_MS = 20

/** As full as one that nobody knows yet is made. */
export function newBucket(name: string, limit: number): SharedBucket {
  const never = Number.NEGATIVE_INFINITY
  return {
    name,
    limit,
    held: 0,
    left: limit,
    asOf: never,
    used: 0,
    usedAt: never,
    owed: 0,
    owedAt: never,
    waiting: [],
    refused: new RetryQueue(),
  }
}

/** How long a bucket that had no token at `asOf` surely has none, or is not worth a question. */
export function pauseOf({ left, limit }: SharedBucket): number {
  return left >= 1 ? 0 : Math.max(LEAST_PAUSE_MS, ((1 - left) / limit) * SECOND_MS)
}

/** After a request was admitted, as far as this node knows. */
export function standing(bucket: SharedBucket, now: number): Allowance {
  const { limit } = bucket
  const tokens = tokensOf(bucket, now)
  return {
    admitted: true,
    limit,
    remaining: Math.floor(tokens),
    fullInMs: ((limit - tokens) / limit) * SECOND_MS,
    retryAfterSeconds: 0,
  }
}

export function tokensOf({ held, left, limit, asOf }: SharedBucket, now: number): number {
  const inflow = (Math.max(0, now - asOf) / SECOND_MS) * limit
  return Math.min(limit, held + left + inflow)
}
