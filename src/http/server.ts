import { randomUUID } from 'node:crypto'
import type { ServerOptions as HttpOptions, IncomingMessage } from 'node:http'
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  LogController,
} from 'fastify'
import { ServiceError } from '../core/errors.ts'
import type { FairBudget } from '../core/limits/fair-budget.ts'
import type { TlsIdentity } from '../net/listening.ts'
import { cutSlowReaders, type ReaderPace } from '../net/reader-pace.ts'
import {
  answerBrokenRequests,
  answerPlaintext,
  type BrokenRequestAnswers,
  refuseTunnel,
} from './broken-request.ts'
import { boundHeads, type HeadLimits, ignoreUpgrades } from './connections.ts'
import { toServiceError, writeErrorAnswer } from './errors.ts'
import { requireDeclaredAccess } from './guard.ts'
import {
  hasBody,
  inTurn,
  losesNextRequest,
  type RoutingRules,
  routedTarget,
  type TurnLimits,
  unclearIn,
} from './routing.ts'
import { schemaCompilers } from './schema-compilers.ts'
import { type DialectOf, UnknownAddresses } from './unknown-address.ts'

/** Bounds of one HTTP server. Times are milliseconds. */
export interface ServerLimits {
  /** From the first to the last byte of a request, its body included: bounds the slowest upload. */
  readonly requestMs: number
  readonly headersMs: number
  readonly keepAliveMs: number
  readonly maxConnections: number
  /** JSON bodies. File bytes have limits of their own. */
  readonly jsonBytes: number
  readonly heads: HeadLimits
  readonly turns: TurnLimits
  readonly readerPace: ReaderPace
}

export const defaultServerLimits: ServerLimits = {
  requestMs: 3_600_000,
  headersMs: 15_000,
  // Longer than the idle time of common load balancers (60 s), so that they close first and never write into a closing socket.
  keepAliveMs: 75_000,
  maxConnections: 10_000,
  jsonBytes: 1024 * 1024,
  // Room for a query with a thousand ids; in a crowd what Node has by default.
  heads: { maxBytes: 64 * 1024, crowdedBytes: 16 * 1024, roomyConnections: 2_500 },
  turns: { waitingPerConnection: 16, waitingInAll: 8_192 },
  readerPace: { minBytesPerSecond: 1024, minRateWindowSeconds: 30 },
}

const CHECKS_PER_TIMEOUT = 10

declare module 'fastify' {
  interface FastifyInstance {
    readonly memory: FairBudget
  }
  interface FastifyContextConfig {
    /** A route of OPTIONS: it also answers requests that are no preflight of a browser. */
    answersOptions?: true
  }
}

/** As it stands now; a server that is about to stop changes it. */
export interface Stopping {
  /** Whether each answer is the last one of its connection. */
  readonly endsConnections: boolean
}

export interface ServerOptions {
  /** Undefined: plaintext. */
  readonly tls?: TlsIdentity
  readonly limits: ServerLimits
  /** What bodies may hold, with all else that does. */
  readonly memory: FairBudget
  /** For the framework's own messages. */
  readonly logger: FastifyBaseLogger
  readonly stopping: Stopping
  /** By default paths are taken as they are. */
  readonly routing?: RoutingRules
  /** Lets several dialects share one path: routes may carry `constraints: { dialect: name }`. */
  readonly dialectOf: DialectOf
  /** Tells what is refused before any route could be found, in the form of whoever's path it is. */
  readonly toErrorAnswer: BrokenRequestAnswers['toErrorAnswer']
}

/** An HTTP server with its bounds set, request ids, and no route yet. Vendor-free. */
export function createHttpServer({
  memory,
  limits,
  logger,
  stopping,
  tls,
  routing = {},
  dialectOf,
  toErrorAnswer,
}: ServerOptions): FastifyInstance {
  const answers = { maxHeadBytes: limits.heads.maxBytes, toErrorAnswer }
  const server = fastify({
    loggerInstance: logger,
    // A logger for each request costs more than all else that a small request needs; our lines carry its id themselves.
    childLoggerFactory: (parent) => parent,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    bodyLimit: limits.jsonBytes,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    rewriteUrl: (request) => routedTarget(request, routing),
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    ...(tls
      ? { https: { cert: tls.cert, key: tls.key, ...nodeOptions(limits) } as object }
      : { http: nodeOptions(limits) }),
    clientErrorHandler: answerBrokenRequests(answers),
    // A dialect answers an id of any length in its own form. No route has a pattern whose cost grows with the length.
    routerOptions: { maxParamLength: limits.heads.maxBytes },
    schemaController: { compilersFactory: schemaCompilers },
    frameworkErrors: (error, request, reply) => {
      reply.hijack()
      reply.raw.setHeader('x-request-id', request.id)
      // The router refuses some addresses before any hook runs.
      const unclear = unclearIn(request.raw)
      if (unclear !== undefined) reply.raw.setHeader('connection', 'close')
      writeErrorAnswer(reply.raw, toErrorAnswer(unclear ?? toServiceError(error), request.raw, request.id))
    },
  })
  if (tls) answerPlaintext(server.server, limits.headersMs, answers)
  // Routes on shared paths are told apart by the dialect that claims the request.
  server.addConstraintStrategy({
    name: 'dialect',
    // To the router nothing and null are one (lib/handler-storage.js).
    storage: () => new Map() as never,
    deriveConstraint: (request) => dialectOf(request as IncomingMessage),
    validate: () => true,
  })
  server.server.maxConnections = limits.maxConnections
  // A client may close its half of the connection after its request. By default Node then drops the request. The setting is
  // not documented (`socketOnEnd` in lib/_http_server.js).
  Object.assign(server.server, { httpAllowHalfOpen: true })
  ignoreUpgrades(server.server)
  // After `ignoreUpgrades`, which takes the first listener for Node's own.
  boundHeads(server.server, limits.heads)
  takeTurns(server, limits, answers)
  cutSlowReaders(server.server, limits.readerPace)
  server.decorate('memory', memory)
  server.decorateRequest('caller')
  requireDeclaredAccess(server)
  answerEarly(server, { dialectOf, stopping })
  return server
}

/** Puts the turns in front of Fastify, which would route all requests of a connection at once. */
function takeTurns(
  { server, routing }: FastifyInstance,
  { turns }: ServerLimits,
  answers: BrokenRequestAnswers,
): void {
  const take = inTurn(routing, turns)
  server.removeAllListeners('request')
  for (const event of ['request', 'checkContinue', 'checkExpectation']) server.on(event, take)
  server.on('connect', (request: IncomingMessage) => refuseTunnel(answers, request))
}

function nodeOptions({ headersMs }: ServerLimits): HttpOptions {
  return {
    headersTimeout: headersMs,
    // How often Node looks for late requests. Its default of half a minute is longer than most of these timeouts.
    connectionsCheckingInterval: Math.ceil(headersMs / CHECKS_PER_TIMEOUT),
    // A missing Host is refused with the other ambiguities, in a form that clients can read.
    requireHostHeader: false,
  }
}

/**
 * Hooks of every request: its id, the refusal of ambiguous targets that Node's parser accepts, `100 Continue` only after
 * the headers are checked, and an end to bodies that nobody waits for.
 */
function answerEarly(
  server: FastifyInstance,
  { dialectOf, stopping }: Pick<ServerOptions, 'dialectOf' | 'stopping'>,
): void {
  const unknown = new UnknownAddresses(server, dialectOf)
  // Plain functions, because they run on every request and a promise costs time.
  server.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    const unclear = unclearIn(request.raw)
    if (unclear !== undefined) {
      reply.header('connection', 'close')
      throw unclear
    }
    if (losesNextRequest(request.raw)) reply.header('connection', 'close')
    // An unknown address is answered first, whatever else is wrong with the request.
    if (request.is404 || isBareOptions(request)) throw unknown.refusalOf(request, reply)
    done()
  })
  server.addHook('preParsing', (request, reply, _payload, done) => {
    refuseEncoded(request)
    const { headers, raw } = request
    // HTTP/1.0 has no interim answers (RFC 9110, 15.2).
    if (headers.expect !== undefined && raw.httpVersion !== '1.0') reply.raw.writeContinue()
    done()
  })
  // All answers of one turn of the event loop are written together, at its end. Written one by one, each wakes its reader,
  // which costs more than most of the work of a small request: batching more than doubles the requests per second.
  const atTurnEnd = turnEnd()
  server.addHook('onSend', (_request, reply, payload, done) =>
    atTurnEnd(() => {
      // The last answer says so (RFC 9112, 9.6). A connection closed without a word may lose a request that is on its way,
      // and a proxy must not repeat it.
      if (stopping.endsConnections) reply.header('connection', 'close')
      done(null, payload)
    }),
  )
  server.addHook('onResponse', ({ raw }, _reply, done) => {
    if (!raw.complete) linger(raw)
    done()
  })
}

/**
 * OPTIONS that is no preflight of a browser (Fetch, "CORS-preflight request"). Only preflights get an answer, but where the
 * route says otherwise.
 */
function isBareOptions({ method, headers, routeOptions }: FastifyRequest): boolean {
  return (
    method === 'OPTIONS' &&
    routeOptions.config.answersOptions !== true &&
    (headers.origin === undefined || headers['access-control-request-method'] === undefined)
  )
}

/**
 * How long a body is read and discarded after an answer that did not wait for it. Many clients read the answer only after
 * they have sent everything, so a bound in bytes would hide it from exactly those whose body is too large.
 */
const LINGER_MS = 2_000

/** Reads on while the client is still sending, so that it sees the answer instead of a reset. Then ends the connection. */
function linger(request: IncomingMessage): void {
  // Nothing more comes, and `close` was emitted already.
  if (request.destroyed) return
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS)
  request.once('close', () => clearTimeout(timer))
  request.resume()
}

/** Collects tasks and runs them together at the end of this turn of the event loop. */
function turnEnd(): (task: () => void) => void {
  const tasks: (() => void)[] = []
  const runAll = () => {
    for (const task of tasks.splice(0)) task()
  }
  return (task) => {
    if (tasks.push(task) === 1) setImmediate(runAll)
  }
}

/** Encoded bodies are refused: decoding would let a small request become a huge one. */
function refuseEncoded(request: FastifyRequest): void {
  const coding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
  if (coding === 'identity' || coding === '' || !hasBody(request)) return
  throw new ServiceError('body-type-unsupported', 'Send the body without a Content-Encoding.')
}
