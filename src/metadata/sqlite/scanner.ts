import { Worker } from 'node:worker_threads'
import { StoreError } from '../../core/errors.ts'
import { siblingModule } from '../../core/sibling-module.ts'
import type { SqlRow } from '../engine.ts'
import type { SqlValue } from '../sql/tables.ts'
import { Turns } from '../turns.ts'
import { storeErrorOf } from './errors.ts'
import type { ScanOrder, ScanReport } from './scanner-worker.ts'

/** As long as a statement of PostgreSQL may take. */
const PATIENCE_MS = 15_000

interface Asked {
  readonly patience: NodeJS.Timeout
  readonly resolve: (rows: readonly SqlRow[]) => void
  readonly reject: (error: Error) => void
}

/**
 * Reads that may look at every file of a project, in a thread and on a connection of their own, one at a time, for 15 seconds at
 * most. The thread starts with the first of them.
 */
export class SqliteScanner {
  readonly #path: string
  readonly #turns = new Turns(1)
  #worker: Worker | undefined
  #asked: Asked | undefined
  #isClosed = false

  constructor(path: string) {
    this.#path = path
  }

  /** Sees every commit that was acknowledged before. @throws StoreError as `Turns`; `timeout` if it takes too long, `unavailable` if the database fails */
  scan(id: number, sql: string, values: readonly SqlValue[], projectId: string): Promise<readonly SqlRow[]> {
    return this.#turns.run(projectId, () => this.#ask({ id, sql, values }))
  }

  #ask(order: ScanOrder): Promise<readonly SqlRow[]> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new StoreError('unavailable', 'The database is closed')
      this.#worker ??= this.#start()
      const patience = setTimeout(() => this.#giveUp(), PATIENCE_MS)
      this.#asked = { resolve, reject, patience }
      this.#worker.ref()
      this.#worker.postMessage(order)
    })
  }

  #start(): Worker {
    const worker = new Worker(siblingModule('scanner-worker', import.meta.url), {
      name: 'sqlite-scanner',
      workerData: this.#path,
    })
    worker.on('message', (report: ScanReport) => {
      // It was given up.
      if (this.#worker !== worker) return
      worker.unref()
      const asked = this.#settled()
      if ('rows' in report) asked?.resolve(report.rows)
      else asked?.reject(storeErrorOf(report.failure, this.#path))
    })
    worker.on('error', () => undefined)
    worker.on('exit', () => this.#lose(worker))
    return worker
  }

  /** The next scan starts another. */
  #lose(worker: Worker): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    this.#settled()?.reject(new StoreError('unavailable', 'The search was ended'))
  }

  /** The thread ends once SQLite lets go of it, and no other search waits for that. */
  #giveUp(): void {
    const worker = this.#worker
    this.#worker = undefined
    this.#settled()?.reject(new StoreError('timeout', 'The search took too long'))
    worker?.unref()
    void worker?.terminate()
  }

  #settled(): Asked | undefined {
    const asked = this.#asked
    this.#asked = undefined
    clearTimeout(asked?.patience)
    return asked
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#worker?.terminate()
  }
}
