import type { FastifyInstance } from 'fastify'

const IDLE_SWEEP_MS = 50

/** Stops listening and waits for requests in flight; what is left after that time is cut. */
export async function drain(server: FastifyInstance, graceMs: number): Promise<void> {
  const timer = setTimeout(() => server.server.closeAllConnections(), graceMs)
  // A connection that was busy when listening ended is kept alive by its client afterwards: nobody else would close it.
  const sweep = setInterval(() => server.server.closeIdleConnections(), IDLE_SWEEP_MS)
  await server.close().finally(() => {
    clearTimeout(timer)
    clearInterval(sweep)
  })
}
