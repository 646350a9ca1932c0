import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { StoreError } from '../../core/errors.ts'
import { siblingModule } from '../../core/sibling-module.ts'
import type { Step } from '../sql/prepare.ts'
import type { Durability } from './connection.ts'
import { storeErrorOf } from './errors.ts'
import type { LearntStatement, SentCommit } from './group.ts'
import { roomUses } from './room.ts'
import type { WriterData, WriterOrder, WriterReport } from './writer-worker.ts'

interface Waiting {
  readonly steps: readonly Step[]
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * So many commits are sent before their turn of the event loop is over. A turn reads all that came in, which under load is
 * every client that waits: the worker would have nothing to do meanwhile, and then this thread, while the worker writes all.
 * Each group has its price, so that smaller ones are slower again (measured with 16, 32 and 64 of 128 clients).
 */
const SENT_EARLY = 64
/** The same while the worker has nothing to do: of 64 clients half then wait for the disk while the others are served. */
const SENT_TO_IDLE = 32

/**
 * The main thread's end of the one writing connection. The worker takes all commits that it finds waiting as one group, which
 * share one flush: those of one turn of the event loop, and all that come while it is busy.
 */
export class SqliteWriter {
  readonly #worker: Worker
  readonly #onFatal: (error: Error) => void
  readonly #learnt = new Set<number>()
  #newStatements: LearntStatement[] = []
  #waiting: Waiting[] = []
  /** Sent, in the order in which the worker reports on them. */
  #inFlight: Waiting[] = []
  #hasFailed = false
  #ending: Promise<void> | undefined
  /** Of the database. */
  readonly path: string
  readonly durability: Durability
  /** Bytes of the disk that the database needs and does not have: who shares the disk leaves them free. */
  wantedBytes = 0
  /** Whether bytes of files would take of the disk space that is to stay free, as of the last commit. */
  isShortOfRoom = false
  /** Runs before commits are acknowledged. */
  onSettling: () => void = () => undefined

  private constructor(path: string, worker: Worker, durability: Durability, onFatal: (error: Error) => void) {
    this.path = path
    this.#worker = worker
    this.durability = durability
    this.#onFatal = onFatal
    worker.on('message', (report: WriterReport) => this.#receive(report))
    worker.on('error', (error) => this.#fail(error as Error))
    worker.on('exit', () => {
      const isEarly = this.#ending === undefined || this.#inFlight.length > 0
      if (isEarly) this.#fail(new Error('The writer of the database ended by itself'))
    })
    worker.unref()
  }

  /** Starts the worker; resolves when its connection is open and known to be durable. */
  static async open(
    path: string,
    onFatal: (error: Error) => void,
    reserveBytes?: number,
  ): Promise<SqliteWriter> {
    const worker = new Worker(siblingModule('writer-worker', import.meta.url), {
      name: 'sqlite-writer',
      workerData: { path, reserveBytes } satisfies WriterData,
    })
    const [durability] = (await once(worker, 'message')) as [Durability]
    return new SqliteWriter(path, worker, durability, onFatal)
  }

  /** @throws StoreError `conflict`, `full`, `unavailable`, `refused` */
  write(steps: readonly Step[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.check()
      const waiting = this.#waiting.push({ steps, resolve, reject })
      if (waiting === 1) setImmediate(() => this.#flush())
      const isIdle = this.#inFlight.length === 0
      if (waiting === SENT_EARLY || (isIdle && waiting === SENT_TO_IDLE)) this.#flush()
    })
  }

  /** @throws StoreError `unavailable` once nothing can be written any more */
  check(): void {
    if (this.#hasFailed) throw new StoreError('unavailable', 'The database failed')
    if (this.#ending !== undefined) throw new StoreError('unavailable', 'The database is closed')
  }

  /** Writes what is queued, then ends the worker. Closing twice is closing once. */
  close(): Promise<void> {
    this.#ending ??= this.#end()
    return this.#ending
  }

  async #end(): Promise<void> {
    if (this.#hasFailed) return
    this.#flush()
    this.#worker.ref()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#worker.once('exit', () => resolve())
    this.#send('close')
    await promise
  }

  /** A statement belongs to changes that use room alike. */
  #encode(steps: readonly Step[]): SentCommit {
    return steps.map(({ statement: { id, sql, expects }, values, change }) => {
      if (!this.#learnt.has(id)) {
        this.#learnt.add(id)
        this.#newStatements.push({ id, sql, expects, room: roomUses[change] })
      }
      return [id, values] as const
    })
  }

  #flush(): void {
    if (this.#waiting.length === 0) return
    const commits = this.#waiting.map(({ steps }) => this.#encode(steps))
    // A process may end while the store is idle, but not with a commit under way.
    this.#worker.ref()
    this.#send({ statements: this.#newStatements, commits })
    this.#inFlight.push(...this.#waiting)
    this.#waiting = []
    this.#newStatements = []
  }

  #send(order: WriterOrder): void {
    this.#worker.postMessage(order)
  }

  #receive({ commits, failures, fatal, wantedBytes, isShortOfRoom }: WriterReport): void {
    this.wantedBytes = wantedBytes
    this.isShortOfRoom = isShortOfRoom
    if (commits > 0) this.#settle(commits, failures)
    if (fatal !== undefined) this.#fail(new Error(fatal))
  }

  #settle(commits: number, failures: WriterReport['failures']): void {
    this.onSettling()
    const group = this.#inFlight.splice(0, commits)
    if (this.#inFlight.length === 0) this.#worker.unref()
    for (const failure of failures) {
      const failed = group[failure.index]
      failed?.reject(storeErrorOf(failure, this.path, failed.steps[failure.step ?? -1]?.change))
    }
    // Resolving what was rejected before changes nothing.
    for (const { resolve } of group) resolve()
  }

  #fail(cause: Error): void {
    if (this.#hasFailed) return
    this.#hasFailed = true
    const lost = [...this.#inFlight, ...this.#waiting]
    this.#inFlight = []
    this.#waiting = []
    for (const { reject } of lost) reject(new StoreError('unavailable', 'The database failed', cause))
    this.#worker.unref()
    this.#onFatal(cause)
  }
}
