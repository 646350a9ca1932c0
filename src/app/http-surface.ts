import type { IncomingMessage } from 'node:http'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../config/config.ts'
import { ConfigError } from '../config/reader.ts'
import type { ServiceError } from '../core/errors.ts'
import type { FairBudget } from '../core/limits/fair-budget.ts'
import { LINK_PATH } from '../core/links/link.ts'
import type { Services } from '../core/services.ts'
import type { DialectSettings } from '../dialects/all.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { overridePurposes } from '../dialects/lightfield/settings.ts'
import { overrideRetention } from '../dialects/llamacloud/settings.ts'
import { type About, addDocsPage, describeRoutes, links } from '../dialects/openapi.ts'
import {
  type ErrorAnswer,
  routeUnknown,
  sendErrorAnswer,
  toPlainErrorAnswer,
  toServiceError,
} from '../http/errors.ts'
import { createHttpServer, defaultServerLimits, type TlsIdentity } from '../http/server.ts'
import { addHealthRoutes } from '../ops/health.ts'
import { frameworkLogger } from '../ops/logging.ts'
import type { Metrics } from '../ops/metrics.ts'
import type { Readiness } from '../ops/readiness.ts'
import { logFault, logRequests } from '../ops/request-log.ts'
import { addTransferRoutes, defaultTransferLimits } from '../transfer/routes.ts'

export interface SurfaceOptions {
  readonly services: Services
  readonly memory: FairBudget
  readonly dialects: readonly [Dialect, ...Dialect[]]
  readonly about: About
  readonly logger: FastifyBaseLogger
  readonly metrics: Metrics
  readonly readiness: Readiness
  /** Whether each answer is now the last one of its connection. */
  readonly endsConnections: () => boolean
  /** Undefined: plaintext. */
  readonly tls?: TlsIdentity | undefined
}

/** @throws ConfigError naming a purpose that does not exist */
export function dialectSettings(
  { lightfield, llamacloud, yandex }: Config,
  grpcPort: () => number | undefined,
): DialectSettings {
  try {
    return {
      lightfield: { ...lightfield, purposes: overridePurposes(lightfield.purposes) },
      llamacloud: { ...llamacloud, retentionHours: overrideRetention(llamacloud.retentionHours) },
      yandex: { ...yandex, grpcPort },
    }
  } catch (error) {
    throw new ConfigError([(error as Error).message])
  }
}

/** Everything that answers on the HTTP port: each dialect twice, links, health and documentation. */
export async function createSurface(options: SurfaceOptions): Promise<FastifyInstance> {
  const { services, memory, dialects, about, logger, metrics, readiness, endsConnections } = options
  const server = createHttpServer({
    limits: defaultServerLimits,
    memory,
    logger: frameworkLogger(logger),
    endsConnections,
    ...(options.tls ? { tls: options.tls } : {}),
    routing: {
      ignoresLastSlash: (request, path) =>
        dialectAt(dialects, { url: path, headers: request.headers })?.ignoresLastSlash?.(
          request.method ?? '',
          path,
        ) ?? false,
      nameless: LINK_PATH,
    },
    dialectOf: (request) => dialectAt(dialects, request)?.name ?? '',
    toErrorAnswer: (error, request, requestId) => answererOf(dialects, request)(error, requestId),
  })
  metrics.observe(server)
  logRequests(server, logger)
  const answererFor: AnswererFor = ({ raw }) => answererOf(dialects, raw)
  answerErrors(server, logger, answererFor)
  for (const dialect of dialects) await addDialect(server, dialect, options, answererFor)
  await server.register(
    async (scope) => {
      await describeRoutes(scope, links, about)
      await addTransferRoutes(scope, services, defaultTransferLimits)
    },
    { prefix: LINK_PATH },
  )
  addHealthRoutes(server, readiness)
  await server.register((scope) => addDocsPage(scope, [...dialects, links], about))
  return server
}

/** Below its name, described; and on the vendor's own paths, where it answers what it claims. */
async function addDialect(
  server: FastifyInstance,
  dialect: Dialect,
  { services, logger, about }: Pick<SurfaceOptions, 'services' | 'logger' | 'about'>,
  answererFor: AnswererFor,
): Promise<void> {
  await server.register(
    async (scope) => {
      answerErrors(scope, logger, answererFor)
      await describeRoutes(scope, dialect, about)
      await dialect.http(scope, services)
    },
    { prefix: `/${dialect.name}` },
  )
  await server.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.constraints = { ...route.constraints, dialect: dialect.name }
    })
    handleErrors(scope, logger, () => dialect.toErrorAnswer)
    await dialect.http(scope, services)
  })
}

type ToErrorAnswer = (error: ServiceError, requestId: string) => ErrorAnswer

type AnswererFor = (request: FastifyRequest) => ToErrorAnswer

/** Errors and unknown addresses of a scope with a prefix of its own (or of the whole server). */
function answerErrors(scope: FastifyInstance, logger: FastifyBaseLogger, answererFor: AnswererFor): void {
  handleErrors(scope, logger, answererFor)
  scope.setNotFoundHandler((request, reply) => sendError(routeUnknown(), request, reply, answererFor))
}

function handleErrors(scope: FastifyInstance, logger: FastifyBaseLogger, answererFor: AnswererFor): void {
  scope.setErrorHandler((error, request, reply) => {
    const serviceError = toServiceError(error)
    logFault(logger, request, serviceError)
    return sendError(serviceError, request, reply, answererFor)
  })
}

function sendError(
  error: ServiceError,
  request: FastifyRequest,
  reply: FastifyReply,
  answererFor: AnswererFor,
): FastifyReply {
  return sendErrorAnswer(reply, answererFor(request)(error, request.id))
}

/**
 * Whose request this is, by its path: below `/<name>` surely that dialect's; on a vendor's own path, of the dialects that
 * share it, the one that recognizes its headers, else the first. Asked for every request.
 */
function dialectAt(
  dialects: SurfaceOptions['dialects'],
  { url = '', headers }: Pick<IncomingMessage, 'url' | 'headers'>,
): Dialect | undefined {
  for (const dialect of dialects) {
    const { name } = dialect
    if (url.startsWith(name, 1) && url[name.length + 1] === '/') return dialect
  }
  let first: Dialect | undefined
  for (const dialect of dialects) {
    if (!dialect.rootPaths.some((root) => url.startsWith(root))) continue
    if (dialect.claims(headers)) return dialect
    first ??= dialect
  }
  return first
}

/** In whose form an error on this path is told: that of the dialect whose path it is, else our own. */
function answererOf(
  dialects: SurfaceOptions['dialects'],
  request: Pick<IncomingMessage, 'url' | 'headers'>,
): ToErrorAnswer {
  return dialectAt(dialects, request)?.toErrorAnswer ?? toPlainErrorAnswer
}
