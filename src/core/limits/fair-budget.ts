import { ServiceError } from '../errors.ts'
import { spreadRetry } from './retry-queue.ts'

/** What holds no more than this may use the reserve. */
const SMALL_BYTES = 1024 * 1024
/** The reserve is one part in so many. */
const RESERVE_PARTS = 8
/** How many times the free bytes one organization may hold. */
const SHARE_OF_FREE = 3
const LEAST_RETRY_SECONDS = 5

/**
 * Bytes that all requests of a server share: memory, or the room of the spool. They are taken as they fill, never as they
 * are announced.
 *
 * An organization may hold at most three times of what is free. Alone it gets three quarters of the budget; two get three
 * sevenths each. Something is always left for an organization that holds nothing yet, so none has to wait for another's
 * requests (Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches", 1998). An eighth of
 * the budget is a reserve, under the same rule, for holdings of up to 1 MiB.
 */
export class FairBudget {
  readonly #large: Pool
  readonly #small: Pool
  #freed: PromiseWithResolvers<void> | undefined

  constructor(bytes: number) {
    const reserveBytes = Math.floor(bytes / RESERVE_PARTS)
    this.#small = new Pool(reserveBytes)
    this.#large = new Pool(bytes - reserveBytes)
  }

  get usedBytes(): number {
    return this.#small.usedBytes + this.#large.usedBytes
  }

  /** What one request will hold of it; nothing yet. */
  open(organizationId: string): Holding {
    return new Holding(this.#small, this.#large, organizationId, () => {
      this.#freed?.resolve()
      this.#freed = undefined
    })
  }

  /** Resolves when bytes are given back the next time. */
  nextFreed(): Promise<void> {
    this.#freed ??= Promise.withResolvers()
    return this.#freed.promise
  }
}

type Share = 'kept' | 'exceeded'

/** What one request holds. To be disposed of in any case. */
export class Holding implements Disposable {
  readonly #small: Pool
  readonly #large: Pool
  readonly #organizationId: string
  readonly #onFreed: () => void
  #pool: Pool
  bytes = 0

  constructor(small: Pool, large: Pool, organizationId: string, onFreed: () => void) {
    this.#small = small
    this.#large = large
    this.#organizationId = organizationId
    this.#onFreed = onFreed
    this.#pool = small
  }

  /**
   * Takes so many bytes more, or nothing.
   * @param share `exceeded`: of what is free, and not of the organization's share alone
   * @returns whether they were there
   */
  tryGrow(bytes: number, share: Share = 'kept'): boolean {
    const whole = this.bytes + bytes
    const isInReserve = this.#pool === this.#small
    if (!isInReserve || whole > SMALL_BYTES || !this.#small.tryTake(this.#organizationId, bytes, 'kept')) {
      // What leaves the reserve moves as a whole.
      if (!this.#large.tryTake(this.#organizationId, isInReserve ? whole : bytes, share)) return false
      if (isInReserve) this.#small.give(this.#organizationId, this.bytes)
      this.#pool = this.#large
    }
    this.bytes = whole
    return true
  }

  /** Takes so many bytes more. @throws ServiceError `storage-unavailable` if they are not there */
  grow(bytes: number): void {
    if (this.tryGrow(bytes)) return
    const message = 'Requests of this organization hold too much memory at this moment; try again later.'
    const retryAfterSeconds = spreadRetry(LEAST_RETRY_SECONDS)
    throw new ServiceError('storage-unavailable', message, { retryAfterSeconds })
  }

  /** Gives everything back; it may grow again. */
  release(): void {
    if (this.bytes === 0) return
    this.#pool.give(this.#organizationId, this.bytes)
    this.bytes = 0
    this.#pool = this.#small
    this.#onFreed()
  }

  [Symbol.dispose](): void {
    this.release()
  }
}

class Pool {
  readonly #bytes: number
  readonly #usedBy = new Map<string, number>()
  usedBytes = 0

  constructor(bytes: number) {
    this.#bytes = bytes
  }

  tryTake(organizationId: string, bytes: number, share: Share): boolean {
    const held = (this.#usedBy.get(organizationId) ?? 0) + bytes
    const freeBytes = this.#bytes - this.usedBytes - bytes
    if (freeBytes < 0 || (share === 'kept' && held > SHARE_OF_FREE * freeBytes)) return false
    this.#usedBy.set(organizationId, held)
    this.usedBytes += bytes
    return true
  }

  give(organizationId: string, bytes: number): void {
    const held = (this.#usedBy.get(organizationId) ?? 0) - bytes
    if (held > 0) this.#usedBy.set(organizationId, held)
    else this.#usedBy.delete(organizationId)
    this.usedBytes -= bytes
  }
}
