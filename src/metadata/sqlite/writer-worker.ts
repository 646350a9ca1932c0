import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { Ballast } from './ballast.ts'
import { type Durability, openWritingConnection } from './connection.ts'
import { type FailedCommit, GroupWriter, type LearntStatement, type SentCommit } from './group.ts'

/** What the main thread sends. */
export type WriterOrder =
  | { readonly statements: readonly LearntStatement[]; readonly commits: readonly SentCommit[] }
  | 'close'

/** What comes back: one report per group, in order, with the number of its commits. */
export type WriterReport =
  | { readonly kind: 'ready'; readonly durability: Durability }
  /** Whenever it changes: what others should leave free of the disk, so that the ballast can be made again. */
  | { readonly kind: 'room'; readonly wantedBytes: number }
  | { readonly kind: 'done'; readonly commits: number; readonly failures: readonly FailedCommit[] }
  | { readonly kind: 'fatal'; readonly message: string }
  | { readonly kind: 'closed' }

export interface WriterData {
  readonly path: string
}

/** For how long at most the ballast is missing although there is room. */
const BALLAST_PERIOD_MS = 1000

function serve(): void {
  const port = parentPort
  if (port === null) throw new Error('This module runs in a worker thread')
  const report = (message: WriterReport) => port.postMessage(message)
  const { path } = workerData as WriterData
  const { db, ...durability } = openWritingConnection(path)
  const ballast = new Ballast(path)
  const writer = new GroupWriter(db, ballast)
  let wantedBytes = 0

  port.on('message', (first: WriterOrder) => {
    const commits: SentCommit[] = []
    let order: WriterOrder | undefined = first
    // What came while the last group was written is one group.
    for (; order !== undefined && order !== 'close'; order = receiveMessageOnPort(port)?.message) {
      writer.learn(order.statements)
      commits.push(...order.commits)
    }
    const isUsable = commits.length === 0 || write(commits)
    if (isUsable && order === 'close') close()
  })

  /** @returns false once nothing may be written any more */
  function write(commits: readonly SentCommit[]): boolean {
    const { failures, fatal } = writer.run(commits)
    reportRoom()
    report({ kind: 'done', commits: commits.length, failures })
    const trouble = fatal ?? writer.checkpoint()
    if (trouble === undefined) return true
    report({ kind: 'fatal', message: trouble })
    // The database is left as it is: closing it would checkpoint, and so write once more.
    port?.close()
    return false
  }

  function close(): void {
    writer.close()
    report({ kind: 'closed' })
    port?.close()
  }

  function keepBallast(): void {
    ballast.keep()
    reportRoom()
  }

  function reportRoom(): void {
    const before = wantedBytes
    wantedBytes = ballast.isHeld ? 0 : ballast.sizeBytes
    if (wantedBytes !== before) report({ kind: 'room', wantedBytes })
  }

  report({ kind: 'ready', durability })
  keepBallast()
  setInterval(keepBallast, BALLAST_PERIOD_MS).unref()
}

serve()
