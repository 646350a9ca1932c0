import { StoreError } from '../core/errors.ts'

/** Of one project. */
const MAX_WAITING = 32
/** As long as any read may take. */
const PATIENCE_MS = 15_000

interface Waiting {
  readonly since: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Lets long reads run, a few at a time. Projects take turns, so that one with many of them keeps no other waiting for all. */
export class Turns {
  readonly #atOnce: number
  #running = 0
  /** By project; the one whose turn is next comes first. */
  readonly #waiting = new Map<string, Waiting[]>()

  constructor(atOnce: number) {
    this.#atOnce = atOnce
  }

  /** @throws StoreError `unavailable` if many of this project wait already, `timeout` if its turn does not come */
  async run<T>(project: string, work: () => Promise<T>): Promise<T> {
    await this.#turnOf(project)
    try {
      return await work()
    } finally {
      this.#running--
      this.#next()
    }
  }

  async #turnOf(project: string): Promise<void> {
    if (this.#running < this.#atOnce) {
      this.#running++
      return
    }
    const ofProject = this.#waiting.get(project) ?? []
    if (ofProject.length >= MAX_WAITING) throw new StoreError('unavailable', 'Too many searches wait')
    this.#waiting.set(project, ofProject)
    await new Promise<void>((resolve, reject) => {
      ofProject.push({ since: performance.now(), resolve, reject })
    })
  }

  /** One that waited too long has nobody who waits for it. */
  #next(): void {
    for (const [project, [first, ...others]] of this.#waiting) {
      this.#waiting.delete(project)
      if (others.length > 0) this.#waiting.set(project, others)
      if (first === undefined) continue
      if (performance.now() - first.since > PATIENCE_MS) {
        first.reject(new StoreError('timeout', 'The search did not get its turn'))
        continue
      }
      this.#running++
      first.resolve()
      return
    }
  }
}
