import type { Answer } from './answer.ts'
import type { Connection } from './connection.ts'
import { patternBytes, patternPieces } from './pattern.ts'
import { requestBytes } from './request.ts'

/** What a workload is pointed at. */
export interface Target {
  readonly url: string
  /** Of one file. */
  readonly sizeBytes: number
  /** Of one request of a resumable upload; the whole file if absent. */
  readonly chunkBytes?: number
}

/** What each connection does again and again. */
export interface Workload {
  /**
   * One sequence of requests, such as create, upload and complete.
   * @param turn grows by one with each sequence of the whole load
   * @returns what `locate` needs
   */
  run(connection: Connection, turn: number): Promise<string>
  /** A URL that gives the bytes which a sequence stored; absent if it stored none. */
  locate?(stored: string): Promise<string> | string
}

/** Makes what the sequences need, such as files to download, before anything is measured. */
export type OpenWorkload = (target: Target) => Promise<Workload> | Workload

/** A small body goes out in one write with its head; larger ones are streamed. */
export const ONE_WRITE_BYTES = 64 * 1024
/** Enough that no cache of one file's row decides. */
const READ_FILES = 1000

/** Sends the body, or a part of it, and waits for the answer. */
export function sendPattern(
  connection: Connection,
  [method, path, headers]: [method: string, path: string, headers: Record<string, string | number>],
  from: number,
  to: number,
): Promise<Answer> {
  if (from === 0 && to <= ONE_WRITE_BYTES)
    return connection.ask(requestBytes(method, path, headers, patternBytes(to)))
  const head = requestBytes(method, path, { ...headers, 'content-length': to - from })
  return connection.ask(head, { pieces: patternPieces(from, to) })
}

/** How many files a workload reads by turns: a thousand small ones, or one that is large. */
export function readFiles(sizeBytes: number): number {
  return sizeBytes > ONE_WRITE_BYTES ? 1 : READ_FILES
}

/** Each sequence is the next of these requests. */
export function repeating(requests: readonly Buffer[], expectedBytes?: number): Workload {
  const ask = expectedBytes === undefined ? {} : { expectedBytes }
  return {
    async run(connection, turn) {
      await connection.ask(requests[turn % requests.length] as Buffer, ask)
      return ''
    },
  }
}
