import type { FastifyInstance } from 'fastify'
import type { Readiness } from './readiness.ts'

/** `GET /healthz`: the process lives. `GET /readyz`: database and blob store answer, and no stop is under way. */
export function addHealthRoutes(server: FastifyInstance, readiness: Readiness): void {
  const config = { access: 'public' } as const
  server.get('/healthz', { config }, async () => ({ status: 'ok' }))
  server.get('/readyz', { config }, async (_request, reply) => {
    const problems = await readiness.findProblems()
    return problems.length === 0
      ? { status: 'ready' }
      : reply.code(503).send({ status: 'not ready', problems })
  })
}
