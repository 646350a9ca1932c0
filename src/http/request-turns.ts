import type { IncomingMessage, RequestListener } from 'node:http'
import type { Socket } from 'node:net'

/** A waiting request counts once per started unit of its head. */
const HEAD_UNIT_BYTES = 16 * 1024

/** Bounds of requests that a client sends before it has the answers to earlier ones (pipelining; RFC 9112, 9.3.2). */
export interface TurnLimits {
  /** With so many waiting, the connection is not read until none waits. What was read already is still parsed. */
  readonly waitingPerConnection: number
  /** On all connections together. Beyond it, a connection that is full ends when it adds another request. */
  readonly waitingInAll: number
}

/** The requests that wait on one connection. */
interface Line {
  waiting: number
  isPaused: boolean
}

/**
 * Answers the requests of each connection one at a time: the next is routed after the system has the previous answer. Until
 * then it holds only its headers. A request that comes alone passes at once, at no cost.
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
    // Node resumes a socket when a message ends or its body is read. The bodies in front of a waiting request have arrived,
    // so pausing again blocks nobody.
    socket.on('resume', () => void (line.isPaused && socket.pause()))
    socket.once('close', () => count(line, -line.waiting))
    return line
  }
  return (request, response) => {
    // Node gives a response its socket after all earlier answers.
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
      // Node is about to flush this response, which must still be empty then.
      process.nextTick(() => response.destroyed || answer(request, response))
    })
  }
}

/** What a request counts towards the bounds, by the size of its head. */
function weightOf({ url = '', rawHeaders }: IncomingMessage): number {
  const headBytes = rawHeaders.reduce((bytes, { length }) => bytes + length, url.length)
  return Math.ceil(headBytes / HEAD_UNIT_BYTES)
}
