import type { FastifyInstance } from 'fastify'
import type { Services } from '../core/services.ts'

const CHECK_TIMEOUT_MS = 5_000

/** `GET /healthz`: the process lives. `GET /readyz`: database and blob store answer, and no stop is under way. */
export function addHealthRoutes(
  server: FastifyInstance,
  services: Services,
  isStopping: () => boolean,
): void {
  const config = { access: 'public' } as const
  server.get('/healthz', { config }, async () => ({ status: 'ok' }))
  server.get('/readyz', { config }, async (request, reply) => {
    const problems = isStopping() ? ['stopping'] : await findProblems(services)
    if (problems.length === 0) return { status: 'ready' }
    request.log.warn({ problems }, 'not ready')
    return reply.code(503).send({ status: 'not ready', problems })
  })
}

async function findProblems({ metadata, blobs }: Services): Promise<string[]> {
  const checks = { database: metadata.check(), blobs: blobs.check() }
  const problems = await Promise.all(
    Object.entries(checks).map(([name, check]) =>
      withTimeout(check).then(
        () => [],
        () => [`${name} does not answer`],
      ),
    ),
  )
  return problems.flat()
}

async function withTimeout(check: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('timed out')), CHECK_TIMEOUT_MS)
  })
  await Promise.race([check, timeout]).finally(() => clearTimeout(timer))
}
