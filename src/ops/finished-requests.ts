import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ServiceError } from '../core/errors.ts'
import type { Clock } from '../core/ports/clock.ts'
import type { UsageMeter } from '../core/usage/usage-meter.ts'
import type { RequestTail } from '../core/watch/request-tail.ts'
import { toldCodeOf } from '../http/errors.ts'
import type { RequestFacts } from './request-log.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Why it failed, if it did. */
    failure: ServiceError | undefined
  }
}

export interface FinishedOptions {
  readonly usage: UsageMeter
  readonly tail: RequestTail
  readonly clock: Pick<Clock, 'now'>
}

export interface ObservedHttp {
  readonly factsOf: (request: FastifyRequest) => RequestFacts
  /** The name of the API whose request it is; empty: none's. */
  readonly dialectOf: (request: FastifyRequest) => string
}

/** How a gRPC call went. */
export interface FinishedCall {
  readonly requestId: string
  readonly method: string
  /** By its name. */
  readonly code: string
  readonly seconds: number
  readonly receivedBytes: number
  readonly sentBytes: number
  readonly account: AccountFacts | undefined
}

interface AccountFacts {
  /** Empty: nobody's. */
  readonly organizationId: string
  readonly projectIds?: readonly string[]
  readonly keyId?: string | null
}

/** A request that goes on, what its connection had read when the one before it ended, and what it had written when this began. */
interface Begun {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly read: number
  readonly written: number
}

const BEGUN = Symbol('begun')
const READ = Symbol('read')
type Connection = Socket & { [READ]?: number }
type Response = ServerResponse & { [BEGUN]?: Begun }

/** Counts requests and calls as they end, however they end, and tells them to whoever watches. */
export class FinishedRequests {
  readonly #options: FinishedOptions

  constructor(options: FinishedOptions) {
    this.#options = options
  }

  observe(server: FastifyInstance, observed: ObservedHttp): void {
    const finish = (begun: Begun) => this.#finish(begun, observed)
    // One function for all requests; Node calls it with the response.
    function onClose(this: Response) {
      const begun = this[BEGUN]
      if (begun !== undefined) finish(begun)
    }
    const begin = (request: FastifyRequest, reply: FastifyReply) => {
      const raw: Response = reply.raw
      const socket: Connection = request.raw.socket
      raw[BEGUN] = { request, reply, read: socket[READ] ?? 0, written: socket.bytesWritten }
      raw.on('close', onClose)
    }
    server.decorateRequest('failure', undefined)
    server.addHook('onRequest', (request, reply, done) => {
      begin(request, reply)
      done()
    })
    // Unknown addresses are refused before our hook.
    server.addHook('onSend', (request, reply, payload, done) => {
      if (request.is404 && (reply.raw as Response)[BEGUN] === undefined) begin(request, reply)
      done(null, payload)
    })
  }

  /** Told of each call at its end. */
  readonly call = (ended: FinishedCall): void => {
    const { account, requestId, method: route, code, seconds, receivedBytes, sentBytes } = ended
    const { usage, tail, clock } = this.#options
    const organizationId = account?.organizationId || null
    const bytes = { bytesIn: receivedBytes, bytesOut: sentBytes }
    if (organizationId !== null)
      usage.request({ organizationId, projectId: onlyOne(account?.projectIds), ...bytes })
    if (!tail.isWatched || (organizationId === null && code === 'OK')) return
    const durationMs = Math.round(seconds * 1000)
    tail.tell({
      at: clock.now() - durationMs,
      requestId,
      method: 'gRPC',
      route,
      dialect: null,
      status: code,
      code: null,
      isComplete: code !== 'CANCELLED',
      durationMs,
      ...bytes,
      fileId: null,
      keyId: account?.keyId ?? null,
      organizationId,
    })
  }

  #finish(begun: Begun, observed: ObservedHttp): void {
    const socket: Connection = begun.request.raw.socket
    socket[READ] = socket.bytesRead
    const { usage, tail } = this.#options
    const { caller, linked } = begun.request as Partial<FastifyRequest>
    const organizationId = linked?.organizationId ?? caller?.organizationId
    const isTold = tail.isWatched && (organizationId !== undefined || begun.reply.statusCode >= 400)
    if (organizationId === undefined && !isTold) return
    const bytes = { bytesIn: bytesIn(begun), bytesOut: bytesOut(begun) }
    if (organizationId !== undefined) {
      const projectId = linked?.projectId ?? onlyOne(caller?.projectIds)
      usage.request({ organizationId, projectId, ...bytes })
    }
    // Probes, pages and scripts that went well are nobody's news.
    if (isTold) this.#tell(begun, observed, organizationId ?? null, bytes)
  }

  #tell(
    { request, reply }: Begun,
    { factsOf, dialectOf }: ObservedHttp,
    organizationId: string | null,
    bytes: { readonly bytesIn: number; readonly bytesOut: number },
  ): void {
    const { tail, clock } = this.#options
    const { requestId, method, route, fileId = null } = factsOf(request)
    const { caller, failure } = request as Partial<FastifyRequest>
    const durationMs = Math.round(reply.elapsedTime)
    tail.tell({
      at: clock.now() - durationMs,
      requestId,
      method,
      route,
      dialect: dialectOf(request) || null,
      status: reply.raw.headersSent ? reply.statusCode : null,
      code: failure === undefined ? null : toldCodeOf(failure),
      isComplete: reply.raw.writableFinished,
      durationMs,
      ...bytes,
      fileId,
      keyId: caller?.keyId ?? null,
      organizationId,
    })
  }
}

/** The project of a key that has no other; of which of several a request was, only its use case knew. */
function onlyOne(projectIds: readonly string[] = []): string | undefined {
  return projectIds.length === 1 ? projectIds[0] : undefined
}

/** Of a body whose length was announced, that length; of one that broke off or came in chunks, what the connection read with it. */
function bytesIn({ request: { raw }, read }: Begun): number {
  const { 'content-length': announced, 'transfer-encoding': coding } = raw.headers
  if (raw.complete && coding === undefined) return Number(announced ?? 0)
  return Math.max(0, raw.socket.bytesRead - read)
}

/** The same of the answer. */
function bytesOut({ request, reply, written }: Begun): number {
  const { raw } = reply
  if (request.method === 'HEAD' || raw.statusCode === 304 || raw.statusCode === 204) return 0
  const announced = reply.getHeader('content-length')
  if (raw.writableFinished && announced !== undefined) return Number(announced)
  return Math.max(0, request.raw.socket.bytesWritten - written)
}
