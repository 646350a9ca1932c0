import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import type { FastifyInstance } from 'fastify'

const SWEEP_MS = 20

/** Milliseconds. */
export interface DrainTimes {
  readonly graceMs: number
  readonly unusedMs: number
}

/**
 * Prepares the end of a server, before it listens.
 * @returns what ends it once its listener is closed: closes connections as they become idle, but none in the first `unusedMs`,
 * in which their next answer may end them; and after `graceMs` all
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
