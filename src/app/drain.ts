import { Server, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'

const { Server: TlsServer } = process.getBuiltinModule('node:tls')

const SWEEP_MS = 20
/** So short a turn of the event loop leaves hardly any time for a connection to arrive in it. */
const QUIET_MS = 0.3
const PATIENCE_MS = 1000

/** Milliseconds from the moment at which nobody listens any more. */
export interface DrainTimes {
  /** Until requests in flight are cut. */
  readonly graceMs: number
  /** For how long connections that nobody uses are kept. */
  readonly unusedMs: number
}

/**
 * Prepares the end of a server, before it listens.
 * @returns what ends it once its listener is closed: closes connections as they become idle
 */
export function prepareDrain(server: FastifyInstance): (times: DrainTimes) => Promise<void> {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  }
  server.server.on('connection', keep)
  if (server.server instanceof TlsServer) server.server.on('secureConnection', keep)
  return async ({ graceMs, unusedMs }) => {
    const sweepAfter = performance.now() + unusedMs
    const cut = setTimeout(() => {
      for (const socket of sockets) socket.destroy()
    }, graceMs)
    while (sockets.size > 0) {
      // Node takes an answer for done once all of it is written, though a slow reader has not taken it yet, and closing the
      // server would drop the rest. While anybody has to take something idle connections stay: no harm comes of them.
      const isTaken = [...sockets].every(({ writableLength }) => writableLength === 0)
      if (isTaken && performance.now() >= sweepAfter) server.server.closeIdleConnections()
      await new Promise((resolve) => setTimeout(resolve, SWEEP_MS))
    }
    clearTimeout(cut)
    await server.close()
  }
}

/**
 * Stops listening at a moment when no connection waits to be accepted: in a turn of the event loop that has nothing else to
 * do. The kernel resets connections that wait when the listener closes, and a balancer must not send their requests again.
 * @returns once no new connection can come; open ones go on
 */
export async function stopListening(server: Server): Promise<void> {
  let hasAccepted = false
  const note = () => {
    hasAccepted = true
  }
  server.on('connection', note)
  for (const begin = performance.now(); performance.now() - begin < PATIENCE_MS; ) {
    hasAccepted = false
    const turnBegin = performance.now()
    await turn()
    if (!hasAccepted && performance.now() - turnBegin < QUIET_MS) break
  }
  server.off('connection', note)
  // An HTTP server's own way to close ends idle connections, too, and with them answers that a slow reader is still taking.
  Server.prototype.close.call(server)
}
