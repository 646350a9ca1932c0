import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** A request that waits is counted once for each of these that its head has begun. */
const HEAD_UNIT_BYTES = 16 * 1024

/** Bounds of requests that a client sends before it has the answers to earlier ones (pipelining; RFC 9112, 9.3.2). */
export interface TurnLimits {
  /** With so many waiting, a connection is not read until none waits; what was read already is taken apart. */
  readonly waitingPerConnection: number
  /** On all connections together. Beyond it, whoever has filled a connection and adds another request loses it. */
  readonly waitingInAll: number
}

/**
 * Answers the requests of each connection one after the other: the next is routed once the answer before it was handed to
 * the system. Until then it holds nothing but its headers. A request that comes alone passes at once, at no cost.
 */
export function inTurn(answer: RequestListener, limits: TurnLimits): RequestListener {
  const lines = new WaitingLines(limits)
  return (request, response) => {
    // Node gives a response the socket when all answers before it are out.
    if (response.socket !== null) return answer(request, response)
    if (request.socket.destroyed) return
    const weight = weightOf(request)
    lines.join(request, weight)
    response.once('socket', (socket) => {
      lines.leave(socket, weight)
      // Node is still about to flush this response, which must have nothing in it then.
      process.nextTick(answerUnlessGone, answer, request, response)
    })
  }
}

function answerUnlessGone(answer: RequestListener, request: IncomingMessage, response: ServerResponse): void {
  if (!response.destroyed) answer(request, response)
}

/** How much of the bounds a request takes: large heads must not make more of them than many small ones. */
function weightOf({ url = '', rawHeaders }: IncomingMessage): number {
  const headBytes = rawHeaders.reduce((bytes, { length }) => bytes + length, url.length)
  return Math.ceil(headBytes / HEAD_UNIT_BYTES)
}

/** Counts who waits, and stops reading where too many do. */
class WaitingLines {
  readonly #limits: TurnLimits
  readonly #lines = new WeakMap<Socket, Line>()
  #waitingInAll = 0

  constructor(limits: TurnLimits) {
    this.#limits = limits
  }

  join({ socket }: IncomingMessage, weight: number): void {
    const { waitingPerConnection, waitingInAll } = this.#limits
    const line = this.#lines.get(socket) ?? this.#open(socket)
    line.waiting += weight
    this.#waitingInAll += weight
    if (line.waiting < waitingPerConnection) return
    if (this.#waitingInAll > waitingInAll) socket.destroy()
    else if (!line.isPaused) {
      line.isPaused = true
      socket.pause()
    }
  }

  leave(socket: Socket, weight: number): void {
    const line = this.#lines.get(socket)
    if (line === undefined) return
    line.waiting -= weight
    this.#waitingInAll -= weight
    if (line.waiting > 0 || !line.isPaused) return
    line.isPaused = false
    socket.resume()
  }

  #open(socket: Socket): Line {
    const line: Line = { waiting: 0, isPaused: false }
    this.#lines.set(socket, line)
    // Node resumes a socket whenever a message ends or its body is asked for. Every body in front of a request that waits
    // is there already, so to pause again blocks nobody.
    socket.on('resume', () => {
      if (line.isPaused) socket.pause()
    })
    socket.once('close', () => {
      this.#waitingInAll -= line.waiting
      line.waiting = 0
    })
    return line
  }
}

interface Line {
  waiting: number
  isPaused: boolean
}
