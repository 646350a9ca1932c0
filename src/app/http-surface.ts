import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ServiceError } from '../core/errors.ts'
import type { FairBudget } from '../core/limits/fair-budget.ts'
import { LINK_PATH } from '../core/links/link.ts'
import type { Services } from '../core/services.ts'
import type { ServedDialect } from '../dialects/dialect.ts'
import { type About, addDocsPage, describeRoutes, links } from '../dialects/openapi.ts'
import { routeUnknown, sendErrorAnswer, toServiceError } from '../http/errors.ts'
import { routeByDialect } from '../http/routing.ts'
import { createHttpServer, defaultServerLimits, type Stopping } from '../http/server.ts'
import type { TlsIdentity } from '../net/listening.ts'
import { frameworkLogger } from '../ops/logging.ts'
import type { Metrics } from '../ops/metrics.ts'
import { addHealthRoutes, type Readiness } from '../ops/readiness.ts'
import { RequestLog } from '../ops/request-log.ts'
import { addTransferRoutes } from '../transfer/routes.ts'

export interface SurfaceOptions {
  readonly services: Services
  readonly memory: FairBudget
  /** The first one answers on shared paths that nobody claims. */
  readonly dialects: readonly ServedDialect[]
  readonly about: About
  readonly logger: FastifyBaseLogger
  readonly metrics: Metrics
  readonly readiness: Readiness
  /** Whether each answer is now the last one of its connection. */
  readonly stopping: Stopping
  /** Undefined: plaintext. */
  readonly tls?: TlsIdentity | undefined
}

/** Everything that answers on the HTTP port: each dialect twice, links, health and documentation. */
export async function createSurface(options: SurfaceOptions): Promise<FastifyInstance> {
  const { services, memory, dialects, about, logger, metrics, readiness, stopping } = options
  const { nameOf, ignoresLastSlash, answererOf } = routeByDialect(dialects)
  const server = createHttpServer({
    limits: defaultServerLimits,
    memory,
    logger: frameworkLogger(logger),
    stopping,
    ...(options.tls ? { tls: options.tls } : {}),
    routing: { ignoresLastSlash, nameless: LINK_PATH },
    dialectOf: nameOf,
    toErrorAnswer: (error, request, requestId) => answererOf(request)(error, requestId),
  })
  metrics.observe(server)
  const log = new RequestLog(logger, services.parseFileId)
  log.observe(server)
  const refuse = (request: FastifyRequest, reply: FastifyReply, error: ServiceError) =>
    sendErrorAnswer(reply, answererOf(request.raw)(error, request.id))
  server.setErrorHandler((error, request, reply) => {
    const serviceError = toServiceError(error)
    log.fault(request, serviceError)
    return refuse(request, reply, serviceError)
  })
  const answerUnknown = (request: FastifyRequest, reply: FastifyReply) =>
    refuse(request, reply, routeUnknown())
  server.setNotFoundHandler(answerUnknown)
  for (const dialect of dialects) {
    await server.register(
      async (scope) => {
        // With a handler of its own the dialect's hooks run for its unknown addresses, too.
        scope.setNotFoundHandler(answerUnknown)
        await describeRoutes(scope, dialect, about)
        await dialect.http(scope, services)
      },
      { prefix: `/${dialect.name}` },
    )
    await server.register(async (scope) => {
      scope.addHook('onRoute', (route) => {
        route.constraints = { ...route.constraints, dialect: dialect.name }
      })
      await dialect.http(scope, services)
    })
  }
  await server.register(
    async (scope) => {
      await describeRoutes(scope, links, about)
      await addTransferRoutes(scope, services)
    },
    { prefix: LINK_PATH },
  )
  addHealthRoutes(server, readiness)
  await server.register((scope) => addDocsPage(scope, [...dialects, links], about))
  return server
}
