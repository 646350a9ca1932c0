import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify'
import type { ServiceError } from '../core/errors.ts'
import type { FileId, ParseFileId } from '../core/file-id.ts'
import { isFault, shortageOf } from '../http/errors.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** 32 hex digits; undefined where requests are not traced. */
    traceId: string | undefined
  }
}

/** Names of path parameters that are a file's id, in any dialect. */
const FILE_PARAMS = ['id', 'file_id', 'fileId'] as const

/** What is told of a request. */
export interface RequestFacts {
  readonly requestId: string
  readonly method: string
  /** As declared; `none` for an unknown address. */
  readonly route: string
  readonly fileId?: FileId
  /** Where requests are traced. */
  readonly traceId?: string
  readonly organizationId?: string
}

export class RequestLog {
  readonly #logger: FastifyBaseLogger
  readonly #parseFileId: ParseFileId

  constructor(logger: FastifyBaseLogger, parseFileId: ParseFileId) {
    this.#logger = logger
    this.#parseFileId = parseFileId
  }

  /** One line at level `debug` for each answer. */
  observe(server: FastifyInstance): void {
    if (!['debug', 'trace'].includes(this.#logger.level)) return
    server.addHook('onResponse', async (request, reply) => {
      const ms = Math.round(reply.elapsedTime * 10) / 10
      this.#logger.debug({ ...this.factsOf(request), status: reply.statusCode, ms }, 'answered')
    })
  }

  /**
   * One line at level `error` for each fault of ours, with its cause, and one at level `warn` for each request that a full
   * store refused; what callers did wrong is not logged.
   */
  fault(request: FastifyRequest, error: ServiceError): void {
    const { code } = error
    const reason = shortageOf(error)
    if (reason !== undefined)
      this.#logger.warn({ ...this.factsOf(request), reason, code }, 'no room for a request')
    if (!isFault(error)) return
    this.#logger.error({ ...this.factsOf(request), err: error.cause ?? error, code }, 'request failed')
  }

  /**
   * Which request it was: the route as it is declared, and ids. Nothing of the address itself is told, because a client may
   * put a link or a key anywhere in it.
   */
  factsOf(request: FastifyRequest): RequestFacts {
    const { id, method, is404, routeOptions, caller, traceId } = request
    const fileId = this.#fileIdOf(request)
    return {
      requestId: id,
      method,
      route: (!is404 && routeOptions.url) || 'none',
      ...(fileId === undefined ? {} : { fileId }),
      ...(traceId === undefined ? {} : { traceId }),
      ...(caller ? { organizationId: caller.organizationId } : {}),
    }
  }

  /** Ids are UUIDs of version 7; another UUID may be a root key that somebody chose. */
  #fileIdOf({ params, linked }: FastifyRequest): FileId | undefined {
    if (linked) return linked.id
    const given = params as Partial<Record<string, string>> | null
    for (const name of FILE_PARAMS) {
      const id = this.#parseFileId(given?.[name] ?? '')
      if (id?.[14] === '7') return id
    }
    return undefined
  }
}
