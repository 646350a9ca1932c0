import type { TokenStore } from '../limits/shared-rate-limiter.ts'
import type { FollowedClock } from '../time/followed-clock.ts'
import type { Clock } from './clock.ts'

/** What a process tells the others about itself when it joins; it holds no secret. */
export interface NodeProfile {
  /** SHA-256 of the root key that it carries, lower-case hex; null: it carries none. */
  readonly rootKeyHash: string | null
  /** Of the release that it runs. */
  readonly version?: string
  /** The settings that have to be the same on all, by variable; of a secret its SHA-256. */
  readonly settings: Readonly<Record<string, string>>
}

export interface JoinOptions {
  readonly profile?: NodeProfile
  /** For tests: what rate limits are measured by, instead of the store's clock. */
  readonly clock?: Clock | undefined
}

/** A process that uses the store, as it is known to the others. */
export interface LivingNode {
  readonly id: number
  /** By the clock of the store. */
  readonly seenAt: number
  /** The release that it runs; null: one that does not tell. */
  readonly version: string | null
  readonly isThis: boolean
  /** Whether it runs the jobs that are there once for all. */
  readonly leads: boolean
}

/** This process, among all that use one metadata store at the same time. */
export interface Node {
  readonly tokens: TokenStore
  /** The clock of the store, which all nodes share. A node leads only while it knows the time. */
  readonly clock: FollowedClock
  /**
   * The profiles of all living nodes, this one included; undefined for one of a release that tells none. A node that died
   * counts as living until it is forgotten.
   */
  listProfiles(): Promise<readonly (NodeProfile | undefined)[]>
  /** All nodes that may live, oldest first. @throws Error while the database is away */
  listNodes(): Promise<readonly LivingNode[]>
  /**
   * At most one node leads at any time. `begin` runs when this node becomes leader and returns the function to call when it
   * stops leading. Another node takes over within seconds of a leader that ends, however it ends.
   */
  lead(begin: () => () => Promise<void>): void
  /**
   * Forgets nodes that are provably no more. What they intended is then told by `listAbandonedBlobs`, and what they reserved
   * can be freed by `answer.free-abandoned`.
   * @returns how many there were
   */
  buryDead(): Promise<number>
  /**
   * Forgets rate limits that nobody has used for a minute, of which none is short of tokens.
   * @returns how many: a thousand at most, and perhaps not all
   */
  forgetIdleLimits(): Promise<number>
  /** Leads no longer, and gives up what is its own. Leaving twice is leaving once. */
  leave(): Promise<void>
}
