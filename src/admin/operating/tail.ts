import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { organizationFor } from '../../core/access/administrator.ts'
import { isAtLeast } from '../../core/access/keys.ts'
import { ServiceError } from '../../core/errors.ts'
import { SECOND_MS } from '../../core/ports/clock.ts'
import type { Services } from '../../core/services.ts'
import type { RequestTail, Watch } from '../../core/watch/request-tail.ts'
import { operation } from '../../http/operation.ts'
import type { AdminOptions } from '../api.ts'
import { parameter, requireKnown, type Values } from '../request-values.ts'
import { TailQuery, tailAnswers } from './schemas.ts'
import { toRequestBody } from './wire.ts'

/** Shorter than proxies wait for a byte; also how long a watcher is told something after its session or key has ended. */
const BEAT_MS = 10 * SECOND_MS
/** When a browser asks again after a connection that ended by itself. */
const RETRY_MS = 2 * SECOND_MS

/** `GET /tail`: the requests of this server as they end, as events (HTML, "Server-sent events"). */
export function addTail(server: FastifyInstance, services: Services, options: AdminOptions): void {
  const { keyQuery, authenticate, operating } = options
  const docs = operation('Operating', 'admin.tail.watch', 'Watch requests as they end', {
    access: { scope: 'any', limit: 'read', role: 'admin' },
    failures: ['field-unknown', 'field-invalid'],
    querystring: TailQuery,
    response: tailAnswers,
  })
  // A HEAD would watch, and never be told.
  server.get('/v1/tail', { ...docs, exposeHeadRoute: false }, async (request, reply) => {
    const { caller, query } = request
    requireKnown(query as Values, ['organization'], keyQuery)
    const named = parameter(query as Values, 'organization')
    const isOperator = isAtLeast(caller.role, 'operator')
    const one = await organizationFor(services, caller, named, 'organization')
    const of = named === undefined && isOperator ? undefined : one.id
    const mayWatch = () => isStillLetIn(authenticate, request)
    const events = new TailEvents(
      operating.tail,
      { by: caller.organizationId, of, mayWatch },
      operating.stopping,
    )
    endWithCaller(events, request)
    return (
      reply
        .header('content-type', 'text/event-stream; charset=utf-8')
        .header('cache-control', 'no-store, no-transform')
        // nginx would keep events until a buffer is full.
        .header('x-accel-buffering', 'no')
        .send(events)
    )
  })
}

/** A watcher that closes its connection looks no different from one that closes its sending half, until it is written to. */
function endWithCaller(events: TailEvents, { raw: { socket } }: FastifyRequest): void {
  const leave = () => events.leave()
  socket.once('end', leave)
  events.once('close', () => socket.off('end', leave))
  if (socket.readableEnded) leave()
}

/**
 * Whether the credentials of a request still are those of the same key, with the same rights.
 * @throws StoreError, ServiceError while that cannot be found out
 */
async function isStillLetIn(
  authenticate: AdminOptions['authenticate'],
  request: FastifyRequest,
): Promise<boolean> {
  try {
    const { keyId, role, organizationId } = await authenticate(request)
    const { caller } = request
    return keyId === caller.keyId && role === caller.role && organizationId === caller.organizationId
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'unauthenticated') return false
    throw error
  }
}

interface Watcher {
  readonly by: string
  readonly of: string | undefined
  readonly mayWatch: () => Promise<boolean>
}

/** The events for one watcher, as bytes. Takes from what waits only when the connection has room. */
export class TailEvents extends Readable {
  readonly #watch: Watch
  readonly #mayWatch: () => Promise<boolean>
  readonly #stopping: AbortSignal
  readonly #timer: NodeJS.Timeout
  readonly #onStop = () => this.#end('stopping')
  #hasRoom = true

  /** @throws ServiceError `rate-limited` */
  constructor(tail: RequestTail, { by, of, mayWatch }: Watcher, stopping: AbortSignal) {
    super()
    this.#watch = tail.watch(by, of, () => {
      if (this.#hasRoom) this.#fill()
    })
    this.#mayWatch = mayWatch
    this.#stopping = stopping
    this.#timer = setInterval(() => void this.#beat(), BEAT_MS).unref()
    this.push(`retry: ${RETRY_MS}\n: the requests of this server, as they end\n\n`)
    stopping.addEventListener('abort', this.#onStop, { once: true })
    if (stopping.aborted) this.#onStop()
  }

  override _read(): void {
    this.#hasRoom = true
    this.#fill()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearInterval(this.#timer)
    this.#stopping.removeEventListener('abort', this.#onStop)
    this.#watch.end()
    done(error)
  }

  #fill(): void {
    const { requests, dropped } = this.#watch.take()
    const events = requests.map((request) => eventOf('request', toRequestBody(request)))
    if (dropped > 0) events.push(eventOf('dropped', { count: dropped }))
    if (events.length > 0) this.#hasRoom = this.push(events.join(''))
  }

  async #beat(): Promise<void> {
    const mayWatch = await this.#mayWatch().catch(() => undefined)
    // While the database is away nobody knows. A browser asks again by itself.
    if (mayWatch === undefined) return this.leave()
    if (!mayWatch) return this.#end('access-ended')
    if (this.#hasRoom && !this.destroyed) this.#hasRoom = this.push(': beat\n\n')
  }

  /** Ends without a word: the watcher has gone. */
  leave(): void {
    if (this.destroyed || this.readableEnded) return
    clearInterval(this.#timer)
    this.#watch.end()
    this.push(null)
  }

  #end(reason: 'stopping' | 'access-ended'): void {
    if (this.destroyed || this.readableEnded) return
    this.push(eventOf('end', { reason }))
    this.leave()
  }
}

function eventOf(name: string, data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
}
