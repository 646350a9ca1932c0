import type { Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { OpenParts } from '../core/closing.ts'
import { SECOND_MS } from '../core/ports/clock.ts'
import { stopListening } from './stop-listening.ts'

/** From the beginning of a stop until requests that are still in flight are cut, draining included. */
const STOP_MS = 25 * SECOND_MS
/**
 * At the end of draining new connections are kept for as long as this, so that a balancer that keeps them soon makes no more:
 * the fewer are made while a listener closes, the less likely one of them is reset.
 */
const SETTLE_MS = 300
/** What a balancer keeps after that is closed once it had the time to use it up, or to notice that nobody listens. */
const UNUSED_MS = 1000

/** Milliseconds from the moment at which nobody listens any more. */
export interface EndTimes {
  readonly graceMs: number
  readonly unusedMs: number
}

/** What a server has opened, and how it ends: it drains, then takes nobody new, then closes everything. */
export class GracefulStop {
  readonly #drainMs: number
  /** Closed last, in reverse order. */
  readonly #stores = new OpenParts()
  /** Closed first, at the same time. */
  readonly #users = new OpenParts()
  readonly #listeners: Server[] = []
  readonly #draining = new AbortController()
  #isSettling = false
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

  /** Whether clients should be asked with each answer not to use its connection again. */
  get endsConnections(): boolean {
    return this.draining.aborted && !this.#isSettling
  }

  /** What others work with. Closed after all of them, in reverse order. */
  addStore(name: string, close: () => unknown): void {
    this.#stores.add(name, close)
  }

  /** What works with the stores. All of it ends at the same time, so that none waits for what another takes. */
  addUser(name: string, close: () => unknown): void {
    this.#users.add(name, close)
  }

  /**
   * What clients talk to: a user of the stores that listens.
   * @param stop called once `listener` is closed: lets requests in flight go on for `graceMs`, and keeps connections that
   * nobody uses for `unusedMs`
   */
  addSurface(name: string, listener: Server, stop: (times: EndTimes) => unknown): void {
    this.#listeners.push(listener)
    this.addUser(name, () => stop({ graceMs: STOP_MS - this.#drainMs, unusedMs: this.#unusedMs }))
  }

  /**
   * Stopping twice is stopping once.
   * @param haste ends the draining when it fires
   * @throws AggregateError once everything else is closed, if a part of it could not be
   */
  run(haste?: AbortSignal): Promise<void> {
    this.#ended ??= this.#run(haste)
    return this.#ended
  }

  async #run(signal: AbortSignal | undefined): Promise<void> {
    this.#draining.abort()
    if (this.#drainMs > 0) {
      const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => undefined)
      await pause(this.#drainMs - SETTLE_MS)
      this.#isSettling = true
      await pause(SETTLE_MS)
      if (!signal?.aborted) this.#unusedMs = UNUSED_MS
    }
    this.#hasDrained = true
    for (const listener of this.#listeners) if (listener.listening) await stopListening(listener)
    this.#isSettling = false
    this.#stores.add('what works with the stores', () => this.#users.closeTogether())
    await this.#stores.close()
  }
}
