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
 * was read, on Linux's loopback after up to 136 KiB, so that a shorter patience would take slow readers for idle ones.
 */
const ALLOWED_WINDOWS = 2

/**
 * Ends connections of a server on which bytes wait that nobody reads, whatever protocol they are of. Time in which nothing
 * waits does not count. Nothing is paid for it by a request: connections are looked at a dozen times in a window.
 */
export function cutSlowReaders(server: Server, pace: ReaderPace): void {
  const readers = new Set<Reader>()
  let isChecking = false
  const check = async () => {
    if (isChecking) return
    isChecking = true
    await judge(readers, pace).finally(() => {
      isChecking = false
    })
  }
  const timer = setInterval(check, (pace.minRateWindowSeconds * 1000) / CHECKS_PER_WINDOW).unref()
  server.once('close', () => clearInterval(timer))
  server.on('connection', (socket) => {
    const reader = new Reader(socket)
    readers.add(reader)
    socket.once('close', () => readers.delete(reader))
  })
}

async function judge(readers: ReadonlySet<Reader>, pace: ReaderPace): Promise<void> {
  const idle = [...readers].filter((reader) => reader.isIdle(pace))
  if (idle.length === 0) return
  const unread = await unreadBytes(idle.map(({ descriptor }) => descriptor))
  for (const reader of idle) reader.judge(unread.get(reader.descriptor) ?? 0, pace, performance.now())
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
  readonly #handle: Handle
  /** Bytes that the system had taken at the last look. */
  #takenBytes = 0
  /** Bytes that had been read, and when; undefined while the connection is not suspected. */
  #mark: { readonly readBytes: number; readonly atMs: number } | undefined
  /** How much less may be read before the connection ends. */
  #allowedBytes = 0

  constructor(socket: Socket & { readonly _handle?: Handle }) {
    this.#socket = socket
    this.#handle = socket._handle ?? { fd: -1, bytesWritten: 0, writeQueueSize: 0 }
  }

  get descriptor(): number {
    return this.#handle.fd
  }

  /** Whether bytes wait and the system has taken too few since the last look: only then is it worth asking further. */
  isIdle({ minBytesPerSecond, minRateWindowSeconds }: ReaderPace): boolean {
    const enough = (minBytesPerSecond * minRateWindowSeconds) / CHECKS_PER_WINDOW
    return this.#takesLess(enough)
  }

  #takesLess(bytes: number): boolean {
    const { bytesWritten, writeQueueSize } = this.#handle
    const takenBytes = bytesWritten - writeQueueSize
    const isIdle = writeQueueSize > 0 && takenBytes - this.#takenBytes < bytes
    this.#takenBytes = takenBytes
    if (!isIdle) this.#mark = undefined
    return isIdle
  }

  judge(unreadBytes: number, { minBytesPerSecond, minRateWindowSeconds }: ReaderPace, nowMs: number): void {
    // A byte taken meanwhile means that the reader made room for it, and that the two numbers are not of one moment.
    if (!this.#takesLess(1)) return
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
