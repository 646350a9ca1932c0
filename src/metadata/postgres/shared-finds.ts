import { kept } from '../sql/prepare.ts'

/** Shorter than anybody can hear of a commit and ask about it. */
const MAX_AGE_MS = 1

/**
 * One look-up for all that ask for the same within one turn of the event loop, and at most a millisecond. Our own commits
 * end the sharing before they are acknowledged.
 */
export class SharedFinds {
  readonly #found = new Map<object, Map<string, Promise<unknown>>>()
  #since = 0

  findOnce<T>(kind: object, name: string, find: () => Promise<T>): Promise<T> {
    const now = performance.now()
    if (now - this.#since >= MAX_AGE_MS) this.end()
    const known = this.#found.get(kind)?.get(name) as Promise<T> | undefined
    if (known !== undefined) return known
    if (this.#found.size === 0) {
      this.#since = now
      setImmediate(() => this.end())
    }
    const found = find()
    kept(this.#found, kind, newNames).set(name, found)
    return found
  }

  /** Whoever asks from now on sees every commit up to now. */
  end(): void {
    this.#found.clear()
  }
}

const newNames = () => new Map<string, Promise<unknown>>()
