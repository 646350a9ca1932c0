import type { Server, Socket } from 'node:net'
import { unreadBytes } from './unread-bytes.ts'

/** Whoever reads answers more slowly than this, averaged over the window, is cut off. */
export interface ReaderPace {
  readonly minBytesPerSecond: number
  readonly minRateWindowSeconds: number
}

const CHECKS_PER_WINDOW = 12
/**
 * How far a reader may fall behind: nobody who reads nothing stays for longer than two windows. Systems tell in steps what
 * was read, on Linux's loopback after up to 136 KiB, so a shorter patience would take slow readers for idle ones.
 */
const ALLOWED_WINDOWS = 2

/**
 * Ends connections of a server, of whatever protocol, on which bytes wait that nobody reads. Time in which nothing waits
 * does not count. A request pays nothing for it: connections are looked at a dozen times in a window.
 */
export function cutSlowReaders(server: Server, pace: ReaderPace): void {
  const readers = new Set<Reader>()
  let isChecking = false
  const check = async () => {
    if (isChecking) return
    isChecking = true
    await judge([...readers], pace)
    isChecking = false
  }
  const timer = setInterval(check, (pace.minRateWindowSeconds * 1000) / CHECKS_PER_WINDOW).unref()
  server.once('close', () => clearInterval(timer))
  server.on('connection', (socket) => {
    const reader = new Reader(socket)
    readers.add(reader)
    socket.once('close', () => readers.delete(reader))
  })
}

async function judge(readers: readonly Reader[], pace: ReaderPace): Promise<void> {
  const windowBytes = pace.minBytesPerSecond * pace.minRateWindowSeconds
  const idle = readers.filter((reader) => reader.takesLess(windowBytes / CHECKS_PER_WINDOW))
  if (idle.length === 0) return
  const unread = await unreadBytes(idle.map(({ handle }) => handle.fd))
  for (const reader of idle) reader.judge(unread.get(reader.handle.fd) ?? 0, pace, performance.now())
}

/**
 * What Node's handles of connections tell (`StreamBase` in its sources). It is not documented, but nothing else tells how
 * much of what was written is still in this process, encryption and HTTP/2 included.
 */
interface Handle {
  readonly fd: number
  readonly bytesWritten: number
  /** Of these, what the system has not taken yet. */
  readonly writeQueueSize: number
}

/** The reading side of one connection. */
class Reader {
  readonly #socket: Socket
  readonly handle: Handle
  /** Bytes that the system had taken at the last look. */
  #takenBytes = 0
  /** Bytes that had been read, and when; undefined while the connection is not suspected. */
  #mark: { readonly readBytes: number; readonly atMs: number } | undefined
  /** How much less may be read before the connection ends. */
  #allowedBytes = 0

  constructor(socket: Socket & { readonly _handle?: Handle }) {
    this.#socket = socket
    this.handle = socket._handle ?? { fd: -1, bytesWritten: 0, writeQueueSize: 0 }
  }

  /** Whether bytes wait and the system has taken fewer than so many since the last look. */
  takesLess(bytes: number): boolean {
    const { bytesWritten, writeQueueSize } = this.handle
    const takenBytes = bytesWritten - writeQueueSize
    const isIdle = writeQueueSize > 0 && takenBytes - this.#takenBytes < bytes
    this.#takenBytes = takenBytes
    if (!isIdle) this.#mark = undefined
    return isIdle
  }

  judge(unreadBytes: number, { minBytesPerSecond, minRateWindowSeconds }: ReaderPace, nowMs: number): void {
    // A byte taken meanwhile means that the reader made room for it, and that the two numbers are not of one moment.
    if (!this.takesLess(1)) return
    const readBytes = this.#takenBytes - unreadBytes
    const fullBytes = minBytesPerSecond * minRateWindowSeconds * ALLOWED_WINDOWS
    if (this.#mark === undefined) this.#allowedBytes = fullBytes
    else {
      const dueBytes = (minBytesPerSecond * (nowMs - this.#mark.atMs)) / 1000
      this.#allowedBytes += readBytes - this.#mark.readBytes - dueBytes
    }
    this.#allowedBytes = Math.min(this.#allowedBytes, fullBytes)
    this.#mark = { readBytes, atMs: nowMs }
    // A reset: else the system would keep what is unread for minutes.
    if (this.#allowedBytes <= 0) this.#socket.resetAndDestroy()
  }
}
