import type { IncomingMessage, RequestListener } from 'node:http'
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

/** Who waits on one connection. */
interface Line {
  waiting: number
  isPaused: boolean
}

/**
 * Answers the requests of each connection one after the other: the next is routed once the answer before it was handed to
 * the system. Until then it holds nothing but its headers. A request that comes alone passes at once, at no cost.
 */
export function inTurn(
  answer: RequestListener,
  { waitingPerConnection, waitingInAll }: TurnLimits,
): RequestListener {
  const lines = new WeakMap<Socket, Line>()
  let waitingNow = 0
  const count = (line: Line, weight: number) => {
    line.waiting += weight
    waitingNow += weight
  }
  const open = (socket: Socket): Line => {
    const line: Line = { waiting: 0, isPaused: false }
    lines.set(socket, line)
    // Node resumes a socket whenever a message ends or its body is asked for. Every body in front of a request that waits
    // is there already, so to pause again blocks nobody.
    socket.on('resume', () => void (line.isPaused && socket.pause()))
    socket.once('close', () => count(line, -line.waiting))
    return line
  }
  return (request, response) => {
    // Node gives a response the socket when all answers before it are out.
    if (response.socket !== null) return answer(request, response)
    const { socket } = request
    if (socket.destroyed) return
    const line = lines.get(socket) ?? open(socket)
    const weight = weightOf(request)
    count(line, weight)
    if (line.waiting >= waitingPerConnection && waitingNow > waitingInAll) socket.destroy()
    else if (line.waiting >= waitingPerConnection && !line.isPaused) {
      line.isPaused = true
      socket.pause()
    }
    response.once('socket', () => {
      count(line, -weight)
      if (line.waiting <= 0 && line.isPaused) {
        line.isPaused = false
        socket.resume()
      }
      // Node is still about to flush this response, which must have nothing in it then.
      process.nextTick(() => response.destroyed || answer(request, response))
    })
  }
}

/** How much of the bounds a request takes: large heads must not make more of them than many small ones. */
function weightOf({ url = '', rawHeaders }: IncomingMessage): number {
  const headBytes = rawHeaders.reduce((bytes, { length }) => bytes + length, url.length)
  return Math.ceil(headBytes / HEAD_UNIT_BYTES)
}
