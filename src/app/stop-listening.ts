import { Server } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'

/** So short a turn of the event loop leaves hardly any time for a connection to arrive in it. */
const QUIET_MS = 0.3
const PATIENCE_MS = 1000

/**
 * Stops listening at a moment when no connection waits to be accepted. The kernel makes connections before the server accepts
 * them, and resets those that wait when the listener closes: the request that was sent on one fails, and a balancer must not
 * send it again. So this closes right behind a look at what waits, in a turn of the event loop that has nothing else to do.
 * @returns once no new connection can come; those that there are go on
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
