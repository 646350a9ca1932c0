import { dirname } from 'node:path'
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { Ballast } from './ballast.ts'
import { type Durability, openWritingConnection } from './connection.ts'
import { type FailedCommit, GroupWriter, type LearntStatement, type SentCommit } from './group.ts'
import { SpareRoom } from './spare-room.ts'

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
  /** Whether bytes of files would take of the disk space that is to stay free. */
  readonly isShortOfRoom: boolean
}

export interface WriterData {
  readonly path: string
  /** Disk space that uploads leave free; undefined: a share of the disk. */
  readonly reserveBytes: number | undefined
}

/** For how long at most the ballast is missing although there is room, or uploads are refused room that there is. */
const LOOK_PERIOD_MS = 1000

function serve(): void {
  const port = parentPort
  if (port === null) throw new Error('This module runs in a worker thread')
  const { path, reserveBytes } = workerData as WriterData
  const { db, ...durability } = openWritingConnection(path)
  const ballast = new Ballast(path)
  const writer = new GroupWriter(db, ballast)
  const spareRoom = new SpareRoom(db, dirname(path), reserveBytes)
  let isShortOfRoom = false

  function report(commits: number, failures: readonly FailedCommit[], fatal?: string): void {
    const wantedBytes = ballast.isHeld ? 0 : ballast.sizeBytes
    port?.postMessage({ commits, failures, fatal, wantedBytes, isShortOfRoom } satisfies WriterReport)
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
    if (fatal === undefined) lookForRoom()
    report(commits.length, failures)
    const trouble = fatal ?? writer.checkpoint()
    if (trouble === undefined) return true
    report(0, [], trouble)
    // The database is left as it is: closing it would checkpoint, and so write once more.
    port?.close()
    return false
  }

  function lookForRoom(): void {
    isShortOfRoom = !ballast.isHeld || spareRoom.isShort()
  }

  /** Others use the disk, too. */
  function lookAtDisk(): void {
    const [wasHeld, wasShort] = [ballast.isHeld, isShortOfRoom]
    ballast.keep()
    lookForRoom()
    if (ballast.isHeld !== wasHeld || isShortOfRoom !== wasShort) report(0, [])
  }

  port.postMessage(durability satisfies Durability)
  ballast.keep()
  lookForRoom()
  if (isShortOfRoom) report(0, [])
  setInterval(lookAtDisk, LOOK_PERIOD_MS).unref()
}

serve()
