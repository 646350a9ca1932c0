import type { Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { SECOND_MS } from '../core/clock.ts'
import { OpenParts } from '../core/closing.ts'
import { stopListening } from './stop-listening.ts'

/** From the beginning of a stop until requests that are still in flight are cut, draining included. */
const STOP_MS = 25 * SECOND_MS

/** What a server has opened, and how it ends: it drains, then takes nobody new, then closes everything. */
export class GracefulStop {
  readonly #drainMs: number
  readonly #parts = new OpenParts()
  readonly #surfaces = new OpenParts()
  readonly #listeners: Server[] = []
  readonly #draining = new AbortController()
  #ended: Promise<void> | undefined

  /** @param drainSeconds how long everything is served after the stop began, so that balancers notice; below 25 */
  constructor(drainSeconds: number) {
    this.#drainMs = drainSeconds * SECOND_MS
  }

  /** Fires when the stop begins. */
  get draining(): AbortSignal {
    return this.#draining.signal
  }

  /** Parts are closed in reverse order. */
  add(name: string, close: () => unknown): void {
    this.#parts.add(name, close)
  }

  /**
   * Surfaces stop at the same time, so that requests on one get no less time because those on another take theirs. Parts that
   * were added before the first surface are closed after all of them.
   * @param stop once `listener` is closed: lets requests in flight go on for `graceMs`
   */
  addSurface(name: string, listener: Server, stop: (graceMs: number) => unknown): void {
    this.#listeners.push(listener)
    if (this.#surfaces.isEmpty) this.#parts.add('what clients talk to', () => this.#surfaces.closeTogether())
    this.#surfaces.add(name, () => stop(STOP_MS - this.#drainMs))
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
    if (this.#drainMs > 0) await sleep(this.#drainMs, undefined, { signal }).catch(() => undefined)
    for (const listener of this.#listeners) if (listener.listening) await stopListening(listener)
    await this.#parts.close()
  }
}
