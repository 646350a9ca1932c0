import type { IncomingMessage } from 'node:http'

/**
 * How long a body is still read, and thrown away, after an answer that did not wait for it. Many clients look for an answer
 * only when all of theirs is sent, so a bound in bytes would hide the answer from just those whose body is too large.
 */
const LINGER_MS = 2_000

/** The client is still sending. Reading on for a while lets it see the answer instead of a reset; then the connection ends. */
export function linger(request: IncomingMessage): void {
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS)
  request.once('close', () => clearTimeout(timer))
  request.resume()
}
