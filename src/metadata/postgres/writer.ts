import { StoreError } from '../../core/errors.ts'
import type { Fate, PostgresTransactions, Steps } from './transactions.ts'

/** What one transaction takes; more would hold its locks for too long. */
const MAX_GROUP = 200
/** A request cleans up behind a commit or read that failed, at most twice: its client has an answer within 20 s. */
const CLEANUP_PATIENCE_MS = 2000

/** A commit, until its outcome is known or is not waited for any longer. */
interface Waiting {
  readonly steps: Steps
  isGivenUp: boolean
  settle(fate: Fate): void
}

/**
 * Queues commits. Those of one organization count on the same rows, which would make them wait for each other's flush one by
 * one; so all that wait at the same time go into one transaction, and the next of that queue begins when it has ended. Queues
 * do not wait for each other.
 */
export class PostgresWriter {
  readonly #transactions: PostgresTransactions
  readonly #patienceMs: number
  readonly #queues = new Map<string, Waiting[]>()
  readonly #running = new Set<Promise<void>>()
  #isClosed = false
  /** Runs before commits are acknowledged. */
  onSettling: () => void = () => undefined

  /** A commit fails after `patienceMs`; as with an unanswered COMMIT, its outcome is then unknown. */
  constructor(transactions: PostgresTransactions, patienceMs: number) {
    this.#transactions = transactions
    this.#patienceMs = patienceMs
  }

  /** Ends in time, a cleanup within 2 s. @throws StoreError `conflict`, `full`, `unavailable`, `refused` */
  async write(steps: Steps, name = '', isCleanup = false): Promise<void> {
    if (this.#isClosed) throw new StoreError('unavailable', 'The database is closed')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const giveUp = () => {
      // A late cleanup does no harm, so it need not be prevented.
      waiting.isGivenUp = !isCleanup
      reject(new StoreError('unavailable', 'The database does not answer'))
    }
    const timer = setTimeout(giveUp, isCleanup ? CLEANUP_PATIENCE_MS : this.#patienceMs)
    const settle = (fate: Fate) => {
      clearTimeout(timer)
      if (fate === undefined) resolve()
      else reject(fate)
    }
    const waiting: Waiting = { steps, isGivenUp: false, settle }
    this.#enqueue(name, waiting)
    return promise
  }

  #enqueue(name: string, waiting: Waiting): void {
    const queue = this.#queues.get(name)
    if (queue !== undefined) {
      queue.push(waiting)
      return
    }
    const started = [waiting]
    this.#queues.set(name, started)
    const run = this.#run(name, started).finally(() => this.#running.delete(run))
    this.#running.add(run)
  }

  /** Nothing is taken any more; resolves when what was queued has ended. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all(this.#running)
  }

  async #run(name: string, queue: Waiting[]): Promise<void> {
    // What comes in with the same turn of the event loop belongs together.
    await new Promise(setImmediate)
    while (queue.length > 0) {
      const group = queue.splice(0, MAX_GROUP).filter(({ isGivenUp }) => !isGivenUp)
      const fates = await this.#transactions.run(
        group.map(({ steps }) => steps),
        () => group.some(({ isGivenUp }) => isGivenUp),
      )
      this.onSettling()
      for (const [i, waiting] of group.entries()) waiting.settle(fates[i])
    }
    this.#queues.delete(name)
  }
}
