import { type BlockList, isIPv6 } from 'node:net'
import { ServiceError } from '../core/errors.ts'
import type { Guesses } from '../core/limits/guess-limit.ts'
import { isLoopbackAddress } from '../net/connection-rate.ts'
import { PeerScores } from '../net/peer-scores.ts'

export interface FailedSignInOptions {
  /** Of one address, and as many at once; undefined: any number. */
  readonly perSecond: number | undefined
  /** Who is not counted: proxies, behind which many are one address. */
  readonly spared: BlockList
}

/**
 * Failed sign-ins of each address: whoever guesses takes of its own share before it takes of the one that all wrong keys of the
 * server have, so that others are still told that their key is wrong. Whoever has a right key is let in however much was guessed.
 */
export class FailedSignIns {
  readonly #perSecond: number
  readonly #spared: BlockList
  readonly #failed: PeerScores

  constructor({ perSecond = Number.POSITIVE_INFINITY, spared }: FailedSignInOptions) {
    this.#perSecond = perSecond
    this.#spared = spared
    this.#failed = new PeerScores(perSecond)
  }

  /** @param shared takes what this address still may */
  of(address: string, shared: Guesses, nowMs = performance.now()): Guesses {
    return {
      count: () => {
        this.#count(address, nowMs)
        shared.count()
      },
    }
  }

  #count(address: string, nowMs: number): void {
    if (this.#perSecond === Number.POSITIVE_INFINITY || this.#isSpared(address)) return
    if (this.#failed.get(address, nowMs) > this.#perSecond - 1)
      throw new ServiceError('rate-limited', 'Too many failed sign-ins; try again in a second.', {
        retryAfterSeconds: 1,
      })
    this.#failed.add(address, 1, nowMs)
  }

  #isSpared(address: string): boolean {
    return isLoopbackAddress(address) || this.#spared.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  }
}
