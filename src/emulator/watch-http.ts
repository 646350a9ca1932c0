import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ServiceError } from '../core/errors.ts'
import type { Clock } from '../core/ports/clock.ts'
import type { Addressed } from '../http/addressee.ts'
import { type ErrorAnswer, sendErrorAnswer } from '../http/errors.ts'
import { pathOf } from '../http/routing.ts'
import { cutAnswer, cutRequest, loseAnswer } from './cut-connection.ts'
import type { Fault, Faults } from './faults.ts'
import { injectedError } from './injected-error.ts'
import type { Journal } from './journal.ts'
import { OWN_PATH } from './routes.ts'
import { isoTime } from './virtual-clock.ts'

export interface WatchedHttp {
  /** The dialect of a request; '': none. */
  readonly nameOf: (request: Addressed) => string
  /** In whose form an error is told. */
  readonly answererOf: (request: IncomingMessage) => (error: ServiceError, requestId: string) => ErrorAnswer
  /** Which request it was, without anything secret. */
  readonly factsOf: (request: FastifyRequest) => {
    readonly requestId: string
    readonly method: string
    readonly route: string
  }
}

interface Watching extends WatchedHttp {
  readonly clock: Clock
  readonly faults: Faults
  readonly journal: Journal
}

/** Lets faults happen to requests before any other hook sees them, and notes them all in the journal; not our own. */
export function watchHttp(server: FastifyInstance, watching: Watching): void {
  const { nameOf, faults } = watching
  server.addHook('onRequest', (request, reply, done) => {
    const path = pathOf(request.url)
    if (path.startsWith(OWN_PATH)) return done()
    const dialect = nameOf(request.raw)
    const fault = faults.take(request.method, spellingsOf(path, dialect))
    note(request, reply, { ...watching, dialect, fault })
    if (fault === undefined) return done()
    // Before a delay, in which the body would come.
    if (fault.cutRequestAfterBytes !== undefined) cutRequest(request.raw, fault.cutRequestAfterBytes)
    const go = () => {
      if (fault.cutAnswerAfterBytes !== undefined) cutAnswer(reply.raw, fault.cutAnswerAfterBytes)
      if (fault.loseAnswer) loseAnswer(reply.raw)
      if (fault.status === undefined) done()
      else send(request, reply, { ...fault, status: fault.status }, watching.answererOf(request.raw))
    }
    if (fault.delayMs === undefined) return go()
    sleep(fault.delayMs, undefined, { signal: faults.untilReset }).then(go, () =>
      request.raw.socket.destroy(),
    )
  })
  // Unknown addresses are refused before our hook.
  server.addHook('onSend', (request, reply, payload, done) => {
    if (request.is404 && !pathOf(request.url).startsWith(OWN_PATH))
      note(request, reply, { ...watching, dialect: nameOf(request.raw), fault: undefined })
    done(null, payload)
  })
}

/** A path that several dialects share is also known with the dialect in front, and one with the dialect without it. */
function spellingsOf(path: string, dialect: string): readonly string[] {
  if (dialect === '') return [path]
  const prefix = `/${dialect}`
  return path.startsWith(`${prefix}/`) ? [path, path.slice(prefix.length)] : [path, prefix + path]
}

function send(
  request: FastifyRequest,
  reply: FastifyReply,
  { status, headers = {}, body }: Fault & { readonly status: number },
  toErrorAnswer: ReturnType<WatchedHttp['answererOf']>,
): void {
  if (body === undefined && status >= 400) {
    const answer = toErrorAnswer(injectedError(status), request.id)
    sendErrorAnswer(reply, { ...answer, status, headers: { ...answer.headers, ...headers } })
    return
  }
  const isText = typeof body === 'string'
  const type = isText ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8'
  if (body !== undefined) reply.type(type)
  reply
    .code(status)
    .headers(headers)
    .send(isText || body === undefined ? body : JSON.stringify(body))
}

function note(
  request: FastifyRequest,
  { raw }: FastifyReply,
  {
    dialect,
    fault,
    clock,
    journal,
    factsOf,
  }: Watching & { readonly dialect: string; readonly fault: Fault | undefined },
): void {
  const at = isoTime(clock.now())
  const startedAt = performance.now()
  const tell = journal.begin()
  raw.once('close', () =>
    tell({
      at,
      durationMs: Math.round(performance.now() - startedAt),
      ...factsOf(request),
      dialect: dialect === '' ? null : dialect,
      status: raw.headersSent ? raw.statusCode : null,
      complete: raw.writableFinished,
      fault: fault?.id ?? null,
    }),
  )
}
