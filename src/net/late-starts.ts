import type { Socket } from 'node:net'
import { PeerScores } from './peer-scores.ts'

const FORGIVEN_PER_SECOND = 1
const WAIT_MS_PER_BLAME = 500
const MAX_WAIT_MS = 10_000

/**
 * Lets new connections of peers wait that had others ended for their abuse: half a second for each time, ten at most.
 * Whoever comes back at once is slowed down, on loopback and behind a proxy, too; who shares the address only waits.
 */
export class LateStarts {
  readonly #start: (socket: Socket) => void
  readonly #blames = new PeerScores(FORGIVEN_PER_SECOND)
  readonly #waiting = new Set<Socket>()

  /** `start` begins to read. */
  constructor(start: (socket: Socket) => void) {
    this.#start = start
  }

  blame(address: string): void {
    this.#blames.add(address)
  }

  begin(socket: Socket): void {
    const waitMs = Math.min(this.#blames.get(socket.remoteAddress ?? '') * WAIT_MS_PER_BLAME, MAX_WAIT_MS)
    if (waitMs === 0) {
      this.#start(socket)
      return
    }
    this.#waiting.add(socket)
    socket.on('error', () => undefined)
    const timer = setTimeout(() => {
      this.#waiting.delete(socket)
      this.#start(socket)
    }, waitMs).unref()
    socket.once('close', () => {
      clearTimeout(timer)
      this.#waiting.delete(socket)
    })
  }

  /** Ends those that wait. */
  stop(): void {
    for (const socket of this.#waiting) socket.destroy()
  }
}
