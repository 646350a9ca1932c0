import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ADMIN, addAdminApi } from '../admin/api.ts'
import { PROBLEM_TYPE, ProblemBody, toAdminErrorAnswer } from '../admin/errors.ts'
import type { Operating } from '../admin/operating/operating.ts'
import type { SignInOptions } from '../admin/sessions/routes.ts'
import { addConsole } from '../console/routes.ts'
import { acrossOrganization } from '../core/access/admit.ts'
import { ServiceError } from '../core/errors.ts'
import type { FairBudget } from '../core/limits/fair-budget.ts'
import { LINK_PATH } from '../core/links/link.ts'
import type { Services } from '../core/services.ts'
import type { ServedDialect } from '../dialects/dialect.ts'
import { fileViews } from '../dialects/file-views.ts'
import { type About, addDocsPage, type Described, describeRoutes, links } from '../dialects/openapi.ts'
import type { Emulator } from '../emulator/emulator.ts'
import { type Addressed, routeByDialect } from '../http/addressee.ts'
import { plainErrorSchema, routeUnknown, sendErrorAnswer, toServiceError } from '../http/errors.ts'
import { addFrontPage } from '../http/front-page.ts'
import type { GuardOptions } from '../http/guard.ts'
import { pathOf } from '../http/routing.ts'
import { createHttpServer, defaultServerLimits, type Stopping } from '../http/server.ts'
import { callerBySession, SESSION_COOKIE } from '../http/session.ts'
import type { TlsIdentity } from '../net/listening.ts'
import type { FinishedRequests } from '../ops/finished-requests.ts'
import { frameworkLogger } from '../ops/logging.ts'
import type { Metrics } from '../ops/metrics.ts'
import { addHealthRoutes, type Readiness } from '../ops/readiness.ts'
import { RequestLog } from '../ops/request-log.ts'
import type { Tracing } from '../ops/tracing/tracing.ts'
import { addTransferRoutes } from '../transfer/routes.ts'
import { addTusCreation, TUS_PATH } from '../transfer/tus/creation.ts'
import { toTusErrorAnswer } from '../transfer/tus/errors.ts'
import { speaksTus } from '../transfer/tus/headers.ts'
import { frontPageOf } from './front-page.ts'

export interface SurfaceOptions {
  readonly services: Services
  readonly emulator: Emulator | undefined
  readonly memory: FairBudget
  /** The last one of those that share a path answers what nobody claims. */
  readonly dialects: readonly ServedDialect[]
  readonly about: About
  readonly logger: FastifyBaseLogger
  readonly metrics: Metrics
  readonly tracing: Tracing | undefined
  readonly finished: FinishedRequests
  readonly operating: Operating
  readonly readiness: Readiness
  /** Of a file that comes by tus, in bytes. */
  readonly tusMaxFileBytes: number
  /** Whether browsers get the console. */
  readonly console: boolean
  readonly signIn: Omit<SignInOptions, 'version'>
  /** Whether upload links speak the draft of the IETF, too. */
  readonly resumableDraft: boolean
  /** Whether each answer is now the last one of its connection. */
  readonly stopping: Stopping
  /** Undefined: plaintext. */
  readonly tls?: TlsIdentity | undefined
}

/** Everything that answers on the HTTP port: each dialect twice, links, health and documentation. */
export async function createSurface(options: SurfaceOptions): Promise<FastifyInstance> {
  const { services, memory, dialects, about, logger, readiness, stopping } = options
  const { nameOf, ignoresLastSlash, answererOf: dialectAnswererOf } = routeByDialect(dialects)
  const answererOf = (request: Addressed) => {
    if (isTus(request)) return toTusErrorAnswer
    return request.url?.startsWith(ADMIN_PATH) ? toAdminErrorAnswer : dialectAnswererOf(request)
  }
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
  const log = observeRequests(server, options, nameOf)
  const refuse = (request: FastifyRequest, reply: FastifyReply, error: ServiceError) =>
    sendErrorAnswer(reply, answererOf(request.raw)(error, request.id))
  const answerErrors = (scope: FastifyInstance, answerer: (request: FastifyRequest) => ToErrorAnswer) =>
    scope.setErrorHandler((error, request, reply) => {
      const serviceError = toServiceError(error)
      request.failure = serviceError
      log.fault(request, serviceError)
      return sendErrorAnswer(reply, answerer(request)(serviceError, request.id))
    })
  answerErrors(server, ({ raw }) => answererOf(raw))
  const answerUnknown = (request: FastifyRequest, reply: FastifyReply) =>
    refuse(request, reply, routeUnknown())
  server.setNotFoundHandler(answerUnknown)
  const authenticate = callerByAny(dialects, services)
  const factsOf = log.factsOf.bind(log)
  await options.emulator?.addTo(server, { services, nameOf, answererOf, authenticate, factsOf })
  for (const dialect of dialects) {
    await server.register(
      async (scope) => {
        // With a handler of its own the dialect's hooks run for its unknown addresses, too.
        scope.setNotFoundHandler(answerUnknown)
        answerErrors(scope, () => dialect.toErrorAnswer)
        await describeRoutes(scope, dialect, about)
        await serveDialect(scope, dialect, services)
      },
      { prefix: `/${dialect.name}` },
    )
    await server.register(async (scope) => {
      scope.addHook('onRoute', (route) => {
        route.constraints = { ...route.constraints, dialect: dialect.name }
      })
      // Whose request it was is known by its route: hooks may have taken headers off that said so.
      answerErrors(scope, () => dialect.toErrorAnswer)
      await serveDialect(scope, dialect, services)
    })
  }
  await addTransfer(server, options)
  await server.register(
    async (scope) => {
      answerErrors(scope, () => toAdminErrorAnswer)
      await addAdmin(scope, options)
    },
    { prefix: `/${ADMIN}` },
  )
  addHealthRoutes(server, readiness)
  await addPages(server, options)
  return server
}

/** Counts, traces and tells requests. */
function observeRequests(
  server: FastifyInstance,
  { metrics, tracing, finished, logger, services }: SurfaceOptions,
  nameOf: (request: Addressed) => string,
): RequestLog {
  metrics.observe(server)
  tracing?.observe(server)
  const log = new RequestLog(logger, services.parseFileId)
  log.observe(server)
  finished.observe(server, {
    factsOf: (request) => log.factsOf(request),
    dialectOf: ({ raw }) => nameOf(raw),
  })
  return log
}

/** What people open in a browser. */
async function addPages(server: FastifyInstance, options: SurfaceOptions): Promise<void> {
  const { services, dialects, about } = options
  if (options.console) addConsole(server)
  addFrontPage(server, frontPageOf(options), () => services.addresses.publicUrl)
  await server.register((scope) =>
    addDocsPage(scope, [...dialects, links, tusOf(dialects), adminOf(dialects)], about),
  )
}

async function serveDialect(
  server: FastifyInstance,
  { name, http }: ServedDialect,
  services: Services,
): Promise<void> {
  server.decorate('surface', name)
  await http(server, services)
}

/** Below it, errors are told as RFC 9457 has them. */
const ADMIN_PATH = `/${ADMIN}/`

type ToErrorAnswer = ServedDialect['toErrorAnswer']

/** Whether a request is answered as tus has it, also where it fails before its route is known. */
function isTus({ url = '', headers }: Addressed): boolean {
  return url.startsWith(LINK_PATH) ? speaksTus(headers) : pathOf(url).replace(/\/$/, '') === TUS_PATH
}

/** What is no dialect's: links, and the address at which tus creates uploads. */
async function addTransfer(
  server: FastifyInstance,
  { services, dialects, about, tusMaxFileBytes, resumableDraft }: SurfaceOptions,
): Promise<void> {
  await server.register(
    async (scope) => {
      await describeRoutes(scope, links, about)
      await addTransferRoutes(scope, services, { tusMaxFileBytes, resumableDraft })
    },
    { prefix: LINK_PATH },
  )
  await server.register(
    async (scope) => {
      const described = tusOf(dialects)
      await describeRoutes(scope, described, about)
      scope.decorate('surface', described.name)
      const authenticate = callerByAny(dialects, services)
      await addTusCreation(scope, services, { maxFileBytes: tusMaxFileBytes, authenticate })
    },
    { prefix: TUS_PATH },
  )
}

async function addAdmin(
  server: FastifyInstance,
  { services, dialects, about, signIn, operating }: SurfaceOptions,
): Promise<void> {
  const described = adminOf(dialects)
  await describeRoutes(server, described, about)
  server.decorate('surface', described.name)
  const authenticate = callerByAny(dialects, services)
  await addAdminApi(server, services, {
    authenticate,
    keyQuery: described.keyQuery,
    operating,
    signIn: { ...signIn, version: about.version },
    viewsOf: (caller, file) =>
      fileViews(dialects, services.addresses.publicUrl, caller, file, services.clock.now()),
  })
}

/**
 * A key is taken wherever a dialect takes it, before the cookie of a session. Outside of the dialects, admins act for their
 * whole organization.
 */
function callerByAny(dialects: readonly ServedDialect[], services: Services): GuardOptions['authenticate'] {
  return async (request) => {
    for (const dialect of dialects) {
      const caller = dialect.findCaller(services, request)
      if (caller !== undefined) return acrossOrganization(services, await caller)
    }
    const bySession = callerBySession(services, request)
    if (bySession !== undefined) return acrossOrganization(services, await bySession)
    throw new ServiceError('unauthenticated', 'Send an API key, where one of the APIs has it.')
  }
}

function tusOf(dialects: readonly ServedDialect[]): Described {
  return {
    name: TUS_PATH.slice(1),
    title: 'tus',
    ...keysOf(dialects),
    toErrorAnswer: toTusErrorAnswer,
    errorBody: plainErrorSchema,
  }
}

function adminOf(dialects: readonly ServedDialect[]): Described {
  return {
    name: ADMIN,
    title: 'Admin',
    ...keysOf(dialects),
    // Of a change that comes with a cookie.
    failures: ['origin-forbidden'],
    toErrorAnswer: toAdminErrorAnswer,
    errorBody: ProblemBody,
    errorType: PROBLEM_TYPE,
  }
}

/** Wherever a dialect takes a key. */
function keysOf(dialects: readonly ServedDialect[]) {
  const keyQuery = dialects.find((dialect) => dialect.keyQuery !== undefined)?.keyQuery
  return {
    keySchemes: [...new Set(dialects.flatMap(({ keySchemes = ['Bearer'] }) => keySchemes))],
    keyHeaders: [...new Set(dialects.flatMap(({ keyHeaders = [] }) => keyHeaders))],
    ...(keyQuery === undefined ? {} : { keyQuery }),
    cookie: SESSION_COOKIE,
  }
}
