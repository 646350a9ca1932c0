import { Worker } from 'node:worker_threads'
import { StoreError } from '../../core/errors.ts'
import { siblingModule } from '../../core/sibling-module.ts'
import type { NarrowedScan, SqlRow } from '../engine.ts'
import { FOUND_ROWS, ROW_TO } from '../queries/file-filters.ts'
import type { SqlValue } from '../sql/tables.ts'
import { Turns } from '../turns.ts'
import { storeErrorOf } from './errors.ts'
import type { IndexedBatch } from './name-index.ts'
import type { NarrowedOrder, ScannerOrder, ScannerReport, ScanOrder } from './scanner-worker.ts'

/** As long as a statement of PostgreSQL may take. */
const PATIENCE_MS = 15_000

interface Asked {
  readonly patience: NodeJS.Timeout
  readonly resolve: (report: ScannerReport) => void
  readonly reject: (error: Error) => void
}

/** A narrowed scan as the thread takes it: what stands for the rows keeps its places. */
export function narrowedOrder<Args>(
  { ofRows, asking, projectId, part }: NarrowedScan<Args>,
  args: Args,
): NarrowedOrder {
  const values = ofRows.bind(args)
  const placesOf = (mark: SqlValue) => values.flatMap((value, at) => (value === mark ? [at] : []))
  const free = values.map((value) => (value === FOUND_ROWS || value === ROW_TO ? null : value))
  const [rowsAt, rowToAt] = [placesOf(FOUND_ROWS), placesOf(ROW_TO)]
  return {
    projectId,
    part,
    ofRows: { id: ofRows.id, sql: ofRows.sql, values: free, rowsAt, rowToAt },
    asking: { id: asking.id, sql: asking.sql, values: asking.bind(args) },
  }
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
  async scan(order: ScanOrder, projectId: string): Promise<readonly SqlRow[]> {
    const report = await this.#turns.run(projectId, () => this.#ask(order))
    return 'rows' in report ? report.rows : []
  }

  /** Brings the next names into the index, by which later searches are faster. @throws StoreError as `scan`; `full` */
  async index(): Promise<IndexedBatch | undefined> {
    const report = await this.#turns.run('', () => this.#ask('index'))
    return 'indexed' in report ? report.indexed : undefined
  }

  #ask(order: ScannerOrder): Promise<ScannerReport> {
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
    worker.on('message', (report: ScannerReport) => {
      // It was given up.
      if (this.#worker !== worker) return
      worker.unref()
      const asked = this.#settled()
      if ('failure' in report) asked?.reject(storeErrorOf(report.failure, this.#path))
      else asked?.resolve(report)
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
