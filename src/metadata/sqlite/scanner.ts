import { Worker } from 'node:worker_threads'
import { StoreError } from '../../core/errors.ts'
import type { SqlRow } from '../engine.ts'
import type { SqlValue } from '../sql/tables.ts'
import { Turns } from '../turns.ts'
import { storeErrorOf } from './errors.ts'
import type { ScanOrder, ScanReport } from './scanner-worker.ts'

interface Asked {
  readonly resolve: (rows: readonly SqlRow[]) => void
  readonly reject: (error: Error) => void
}

/**
 * Reads that may look at every file of a project, in a thread and on a connection of their own, one at a time. The thread starts
 * with the first of them.
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

  /** Sees every commit that was acknowledged before. @throws StoreError as `Turns`, and `unavailable` if the database fails */
  scan(id: number, sql: string, values: readonly SqlValue[], projectId: string): Promise<readonly SqlRow[]> {
    return this.#turns.run(projectId, () => this.#ask({ id, sql, values }))
  }

  #ask(order: ScanOrder): Promise<readonly SqlRow[]> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new StoreError('unavailable', 'The database is closed')
      this.#worker ??= this.#start()
      this.#asked = { resolve, reject }
      this.#worker.ref()
      this.#worker.postMessage(order)
    })
  }

  #start(): Worker {
    const worker = new Worker(new URL('./scanner-worker.ts', import.meta.url), {
      name: 'sqlite-scanner',
      workerData: this.#path,
    })
    worker.on('message', (report: ScanReport) => {
      worker.unref()
      const asked = this.#asked
      this.#asked = undefined
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
    this.#asked?.reject(new StoreError('unavailable', 'The search was ended'))
    this.#asked = undefined
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#worker?.terminate()
  }
}
