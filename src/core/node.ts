import type { TokenStore } from './limits/shared-rate-limiter.ts'

/** This process, among all that use one metadata store at the same time. */
export interface Node {
  readonly tokens: TokenStore
  /**
   * At any time at most one node leads. When this one comes to, `begin` runs; what that returned runs when it no longer does.
   * Another takes over within seconds of a leader that ends, however it ends.
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
  /** Leads no longer, and gives up what is its own. */
  leave(): Promise<void>
}
