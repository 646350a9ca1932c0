import { StoreError } from '../core/errors.ts'
import type { PostgresTransactions, Steps } from './postgres-transactions.ts'

interface Waiting {
  readonly steps: Steps
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** What one transaction takes; more would hold its locks for too long. */
const MAX_GROUP = 200

/**
 * Queues commits. Those of one tenant count on the same rows, which would make them wait for each other's flush one by one;
 * so all that wait at the same time go into one transaction, and the next of that tenant begins when it has ended. Tenants
 * do not wait for each other.
 */
export class PostgresWriter {
  readonly #transactions: PostgresTransactions
  readonly #queues = new Map<string, Waiting[]>()
  readonly #running = new Set<Promise<void>>()
  #isClosed = false
  /** Runs before commits are acknowledged. */
  onSettling: () => void = () => undefined

  constructor(transactions: PostgresTransactions) {
    this.#transactions = transactions
  }

  /** @throws StoreError `conflict`, `full`, `unavailable`, `refused` */
  write(steps: Steps, tenant = ''): Promise<void> {
    if (this.#isClosed) return Promise.reject(new StoreError('unavailable', 'The database is closed'))
    return new Promise((resolve, reject) => {
      const queue = this.#queues.get(tenant)
      if (queue !== undefined) {
        queue.push({ steps, resolve, reject })
        return
      }
      this.#queues.set(tenant, [{ steps, resolve, reject }])
      const run = this.#run(tenant).finally(() => this.#running.delete(run))
      this.#running.add(run)
    })
  }

  /** Nothing is taken any more; resolves when what was queued has ended. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all(this.#running)
  }

  async #run(tenant: string): Promise<void> {
    const queue = this.#queues.get(tenant) ?? []
    // What comes in with the same turn of the event loop belongs together.
    await new Promise(setImmediate)
    while (queue.length > 0) {
      const group = queue.splice(0, MAX_GROUP)
      const fates = await this.#transactions.run(group.map(({ steps }) => steps))
      this.onSettling()
      for (const [i, { resolve, reject }] of group.entries()) {
        const failure = fates[i]
        if (failure === undefined) resolve()
        else reject(failure)
      }
    }
    this.#queues.delete(tenant)
  }
}
