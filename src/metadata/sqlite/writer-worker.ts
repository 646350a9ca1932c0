import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { Ballast } from './ballast.ts'
import { type Durability, openWritingConnection } from './connection.ts'
import { type FailedCommit, GroupWriter, type LearntStatement, type SentCommit } from './group.ts'

/** What the main thread sends. */
export type WriterOrder =
  | { readonly statements: readonly LearntStatement[]; readonly commits: readonly SentCommit[] }
  | 'close'

/** What comes back, after the `Durability` of the connection: one report per group, in order, and one with each news. */
export interface WriterReport {
  /** How many the group has. */
  readonly commits: number
  readonly failures: readonly FailedCommit[]
  /** Why nothing more may be written. */
  readonly fatal: string | undefined
  /** What others should leave free of the disk, so that the ballast can be made again. */
  readonly wantedBytes: number
}

export interface WriterData {
  readonly path: string
}

/** For how long at most the ballast is missing although there is room. */
const BALLAST_PERIOD_MS = 1000

function serve(): void {
  const port = parentPort
  if (port === null) throw new Error('This module runs in a worker thread')
  const { path } = workerData as WriterData
  const { db, ...durability } = openWritingConnection(path)
  const ballast = new Ballast(path)
  const writer = new GroupWriter(db, ballast)

  function report(commits: number, failures: readonly FailedCommit[], fatal?: string): void {
    const wantedBytes = ballast.isHeld ? 0 : ballast.sizeBytes
    port?.postMessage({ commits, failures, fatal, wantedBytes } satisfies WriterReport)
  }

  port.on('message', (first: WriterOrder) => {
    const commits: SentCommit[] = []
    let order: WriterOrder | undefined = first
    // What came while the last group was written is one group.
    for (; order !== undefined && order !== 'close'; order = receiveMessageOnPort(port)?.message) {
      writer.learn(order.statements)
      commits.push(...order.commits)
    }
    const isUsable = commits.length === 0 || write(commits)
    if (!isUsable || order !== 'close') return
    writer.close()
    port.close()
  })

  /** @returns false once nothing may be written any more */
  function write(commits: readonly SentCommit[]): boolean {
    const { failures, fatal } = writer.run(commits)
    report(commits.length, failures)
    const trouble = fatal ?? writer.checkpoint()
    if (trouble === undefined) return true
    report(0, [], trouble)
    // The database is left as it is: closing it would checkpoint, and so write once more.
    port?.close()
    return false
  }

  function keepBallast(): void {
    const wasHeld = ballast.isHeld
    if (ballast.keep() !== wasHeld) report(0, [])
  }

  port.postMessage(durability satisfies Durability)
  if (!ballast.keep()) report(0, [])
  setInterval(keepBallast, BALLAST_PERIOD_MS).unref()
}

serve()
