import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ServiceError } from '../core/errors.ts'

const JSON_TYPE = 'application/json'
/** How long a body may take from the moment when somebody reads it. It is small: no honest client needs so long. */
const MAX_MS = 60_000
const CHECKS_PER_DEADLINE = 20

/**
 * JSON bodies as SDKs send them: a request without a body may name any content type or none, and an empty body that is
 * declared as JSON counts as no body (Python clients send that). Whatever else is not declared as JSON is refused.
 */
export function acceptJsonBodies(server: FastifyInstance, maxMs = MAX_MS): void {
  server.removeAllContentTypeParsers()
  const late = new BodyDeadlines(maxMs)
  server.addHook('onClose', async () => late.stop())
  server.addHook('onRequest', (request, _reply, done) => {
    const { headers } = request
    if (headers['content-type'] !== undefined && !hasBody(request)) delete headers['content-type']
    done()
  })
  server.addHook('preParsing', ({ raw, headers }, _reply, payload, done) => {
    if (headers['content-type']?.toLowerCase().startsWith(JSON_TYPE)) late.expect(raw)
    done(null, payload)
  })
  const parse = server.getDefaultJsonParser('error', 'error')
  server.addContentTypeParser(JSON_TYPE, { parseAs: 'buffer' }, (request, body, done) => {
    if (body.length === 0) return done(null, undefined)
    if (!isUtf8(body as Buffer))
      return done(new ServiceError('body-not-json', 'The body is not valid UTF-8.'))
    return parse(request, body.toString('utf8'), done)
  })
  server.addContentTypeParser('*', async (_request: FastifyRequest, payload: IncomingMessage) => {
    late.expect(payload)
    return refuseUnlessEmpty(payload)
  })
  // Hooks that look at the body see an object where none was sent; `null`, which is JSON, stays.
  server.addHook('preValidation', (request, _reply, done) => {
    if (request.body === undefined) request.body = {}
    done()
  })
}

/**
 * Ends the connections of bodies that are not there in time. Most bodies come with their headers, and are there when the turn
 * of the event loop is over: only what is not then is kept an eye on. A timer for each would cost a twentieth of a request.
 */
class BodyDeadlines {
  #fresh: IncomingMessage[] = []
  /** When the body has to be there, in the order of these times. */
  readonly #awaited = new Map<IncomingMessage, number>()
  readonly #maxMs: number
  readonly #timer: NodeJS.Timeout

  constructor(maxMs: number) {
    this.#maxMs = maxMs
    this.#timer = setInterval(() => this.#check(), maxMs / CHECKS_PER_DEADLINE).unref()
  }

  expect(request: IncomingMessage): void {
    if (this.#fresh.push(request) === 1) setImmediate(() => this.#endTurn())
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #endTurn(): void {
    const end = performance.now() + this.#maxMs
    for (const request of this.#fresh) if (!request.complete) this.#awaited.set(request, end)
    this.#fresh = []
  }

  #check(): void {
    const now = performance.now()
    for (const [request, end] of this.#awaited) {
      if (!request.complete && !request.destroyed && now < end) continue
      this.#awaited.delete(request)
      if (!request.complete) request.destroy(new ServiceError('body-too-slow', 'The body took too long.'))
    }
  }
}

/** A chunked body of another type, or of none, is refused at its first byte: until then it may turn out to be empty. */
async function refuseUnlessEmpty(payload: IncomingMessage): Promise<undefined> {
  // The stream must outlive the refusal: the answer goes out on its socket.
  for await (const _chunk of payload.iterator({ destroyOnReturn: false })) {
    throw new ServiceError('body-type-unsupported', 'Send Content-Type: application/json.')
  }
}

/** Whether the headers announce a body; a chunked one may still turn out to be empty. */
export function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}
