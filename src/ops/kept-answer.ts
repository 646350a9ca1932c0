import timers from 'node:timers/promises'
import { type Clock, SECOND_MS } from '../core/ports/clock.ts'

/** Scrapers that ask at the same time, or every few seconds, share an answer. */
const KEPT_MS = 5 * SECOND_MS
/** What is slow to answer is asked less often, so that it is busy with this for a hundredth of its time at most. */
const KEPT_PER_MS_ASKED = 100
/** Scrapers wait for some seconds, and the other metrics must not be lost because of one that hangs. */
const PATIENCE_MS = 2 * SECOND_MS

/** An answer that many want to know, asked for by one at a time. */
export class KeptAnswer<T extends object> {
  readonly #ask: () => Promise<T>
  readonly #clock: Pick<Clock, 'machineNow'>
  readonly #onFailure: () => void
  #asking: Promise<T | undefined> | undefined
  #kept: { readonly answer: T; readonly until: number } | undefined

  /** @param onFailure told of each `get` that gets no answer */
  constructor(ask: () => Promise<T>, clock: Pick<Clock, 'machineNow'>, onFailure: () => void) {
    this.#ask = ask
    this.#clock = clock
    this.#onFailure = onFailure
  }

  /** Undefined if there is no answer within two seconds. One that comes later serves those who ask after it. Never rejects. */
  async get(): Promise<T | undefined> {
    if (this.#kept && this.#clock.machineNow() < this.#kept.until) return this.#kept.answer
    this.#asking ??= this.#askOnce()
    const giveUp = new AbortController()
    const patience = timers.setTimeout(PATIENCE_MS, undefined, { signal: giveUp.signal, ref: false })
    const answer = await Promise.race([this.#asking, patience.catch(() => undefined)])
    giveUp.abort()
    if (answer === undefined) this.#onFailure()
    return answer
  }

  async #askOnce(): Promise<T | undefined> {
    const begin = performance.now()
    try {
      const answer = await this.#ask()
      const keptMs = Math.max(KEPT_MS, (performance.now() - begin) * KEPT_PER_MS_ASKED)
      this.#kept = { answer, until: this.#clock.machineNow() + keptMs }
      return answer
    } catch {
      return undefined
    } finally {
      this.#asking = undefined
    }
  }
}
