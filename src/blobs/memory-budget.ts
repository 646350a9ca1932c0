import { StoreError } from '../core/errors.ts'
import { abortedError } from './until-aborted.ts'

interface Waiter {
  readonly bytes: number
  readonly grant: () => void
}

/**
 * Bytes that may be held in memory at once, by everybody together. Who waits is served in order. To be free of deadlock, wait
 * only while holding nothing.
 */
export class MemoryBudget {
  #free: number
  readonly #waitMs: number
  readonly #waiting = new Set<Waiter>()

  /** @param waitMs how long `take` waits before it gives up */
  constructor(bytes: number, waitMs: number) {
    this.#free = bytes
    this.#waitMs = waitMs
  }

  /** Takes without waiting, and not before those who wait. */
  tryTake(bytes: number): boolean {
    if (this.#waiting.size > 0 || this.#free < bytes) return false
    this.#free -= bytes
    return true
  }

  /** @throws StoreError `unavailable` if there is none in time; `aborted` */
  async take(bytes: number, signal?: AbortSignal): Promise<void> {
    if (this.tryTake(bytes)) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter = { bytes, grant: resolve }
    const leave = (error: StoreError) => {
      if (!this.#waiting.delete(waiter)) return
      reject(error)
      // Whoever is behind one that gave up may be served now.
      this.#serve()
    }
    const abort = () => leave(abortedError(signal))
    const timer = setTimeout(
      () => leave(new StoreError('unavailable', 'too many bytes are on their way to the store')),
      this.#waitMs,
    )
    signal?.addEventListener('abort', abort, { once: true })
    this.#waiting.add(waiter)
    try {
      await promise
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
  }

  give(bytes: number): void {
    this.#free += bytes
    this.#serve()
  }

  #serve(): void {
    for (const waiter of this.#waiting) {
      if (this.#free < waiter.bytes) return
      this.#free -= waiter.bytes
      this.#waiting.delete(waiter)
      waiter.grant()
    }
  }
}
