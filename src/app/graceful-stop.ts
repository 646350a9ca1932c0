import type { Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { SECOND_MS } from '../core/ports/clock.ts'
import { type DrainTimes, stopListening } from './drain.ts'

/** From the beginning of a stop until requests in flight are cut, draining included. */
const STOP_MS = 25 * SECOND_MS
/** Connections are kept at the end of draining, so that a balancer opens few new ones while a listener closes. */
const SETTLE_MS = 300
/** What a balancer keeps after that is closed once it had the time to use it up, or to notice that nobody listens. */
const UNUSED_MS = 1000

/** What a server has opened, and how it ends: it drains, stops listening, then closes everything. */
export class GracefulStop {
  readonly #drainMs: number
  readonly #stores = new AsyncDisposableStack()
  readonly #users: (() => Promise<void>)[] = []
  readonly #failures: Error[] = []
  readonly #listeners: Server[] = []
  readonly #draining = new AbortController()
  /** Whether each answer asks its client to close the connection. */
  endsConnections = false
  #hasDrained = false
  #unusedMs = 0
  #ended: Promise<void> | undefined

  /** @param drainSeconds how long everything is served after the stop began, so that balancers notice; below 25 */
  constructor(drainSeconds: number) {
    this.#drainMs = drainSeconds * SECOND_MS
  }

  /** Fires when the stop begins. */
  get draining(): AbortSignal {
    return this.#draining.signal
  }

  /** Whether the draining is over, or there is none. */
  get hasDrained(): boolean {
    return this.#hasDrained || this.#drainMs === 0
  }

  /** What others work with. Closed after all of them, in reverse order. */
  addStore(name: string, close: () => unknown): void {
    this.#stores.defer(this.#noting(name, close))
  }

  /** What works with the stores. All of it ends at the same time, so that none waits for what another holds. */
  addUser(name: string, close: () => unknown): void {
    this.#users.push(this.#noting(name, close))
  }

  /** A user of the stores that listens. @param stop called once `listener` is closed */
  addSurface(name: string, listener: Server, stop: (times: DrainTimes) => unknown): void {
    this.#listeners.push(listener)
    this.addUser(name, () => stop({ graceMs: STOP_MS - this.#drainMs, unusedMs: this.#unusedMs }))
  }

  /**
   * Stopping twice is stopping once.
   * @param haste ends the draining when it fires
   * @throws AggregateError once everything else is closed, with an error for each part that could not be
   */
  run(haste?: AbortSignal): Promise<void> {
    this.#ended ??= this.#run(haste)
    return this.#ended
  }

  async #run(haste: AbortSignal | undefined): Promise<void> {
    this.#draining.abort()
    this.endsConnections = true
    if (this.#drainMs > 0) await this.#drain(haste)
    this.#hasDrained = true
    for (const listener of this.#listeners) if (listener.listening) await stopListening(listener)
    this.endsConnections = true
    await Promise.all(this.#users.map((close) => close()))
    await this.#stores.disposeAsync()
    if (this.#failures.length === 0) return
    throw new AggregateError(this.#failures, this.#failures.map(({ message }) => message).join(', '))
  }

  async #drain(signal: AbortSignal | undefined): Promise<void> {
    const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => undefined)
    await pause(this.#drainMs - SETTLE_MS)
    this.endsConnections = false
    await pause(SETTLE_MS)
    if (!signal?.aborted) this.#unusedMs = UNUSED_MS
  }

  #noting(name: string, close: () => unknown): () => Promise<void> {
    return async () => {
      try {
        await close()
      } catch (cause) {
        this.#failures.push(new Error(`cannot close ${name}`, { cause }))
      }
    }
  }
}
