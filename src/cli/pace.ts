import { setTimeout as sleep } from 'node:timers/promises'

/** Shorter waits are made up for with the next ones. */
const SHORTEST_WAIT_MS = 5

export interface PaceClock {
  /** Milliseconds that only ever grow. */
  now(): number
  sleep(ms: number): Promise<unknown>
}

const realClock: PaceClock = { now: () => performance.now(), sleep: (ms) => sleep(ms) }

/** Holds a reader back to so many bytes per second, all that share it together. */
export class Pace {
  readonly #bytesPerSecond: number
  readonly #clock: PaceClock
  /** When all that was taken is paid for. */
  #dueAt = Number.NEGATIVE_INFINITY

  /** @param bytesPerSecond `Infinity` for no bound */
  constructor(bytesPerSecond: number, clock: PaceClock = realClock) {
    this.#bytesPerSecond = bytesPerSecond
    this.#clock = clock
  }

  /** Resolves when so many bytes may have been read. */
  async take(bytes: number): Promise<void> {
    const now = this.#clock.now()
    this.#dueAt = Math.max(now, this.#dueAt) + (bytes / this.#bytesPerSecond) * 1000
    if (this.#dueAt - now >= SHORTEST_WAIT_MS) await this.#clock.sleep(this.#dueAt - now)
  }
}
