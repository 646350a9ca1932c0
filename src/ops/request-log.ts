import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify'
import type { ServiceError } from '../core/errors.ts'
import { type FileId, parseFileId } from '../core/file-id.ts'
import { isFault, shortageOf } from '../http/errors.ts'

/** One line at level `debug` for each answer. */
export function logRequests(server: FastifyInstance, logger: FastifyBaseLogger): void {
  if (!['debug', 'trace'].includes(logger.level)) return
  server.addHook('onResponse', async (request, reply) => {
    const ms = Math.round(reply.elapsedTime * 10) / 10
    logger.debug({ ...factsOf(request), status: reply.statusCode, ms }, 'answered')
  })
}

/**
 * One line at level `error` for each fault of ours, with its cause, and one at level `warn` for each request that a full store
 * refused; what callers did wrong is not logged.
 */
export function logFault(logger: FastifyBaseLogger, request: FastifyRequest, error: ServiceError): void {
  const { code } = error
  const reason = shortageOf(error)
  if (reason !== undefined) logger.warn({ ...factsOf(request), reason, code }, 'no room for a request')
  if (!isFault(error)) return
  logger.error({ ...factsOf(request), err: error.cause ?? error, code }, 'request failed')
}

/** Names of path parameters that are a file's id, in any dialect. */
const FILE_PARAMS = ['id', 'file_id', 'fileId'] as const

/**
 * Which request it was: the route as it is declared, and ids. Nothing of the address itself is told, because a client may
 * put a link or a key anywhere in it.
 */
function factsOf(request: FastifyRequest): Record<string, string> {
  const { id, method, is404, routeOptions, caller } = request
  const fileId = fileIdOf(request)
  return {
    requestId: id,
    method,
    route: (!is404 && routeOptions.url) || 'none',
    ...(fileId === undefined ? {} : { fileId }),
    ...(caller ? { organizationId: caller.organizationId } : {}),
  }
}

/** Ids are UUIDs of version 7; another UUID may be a root key that somebody chose. */
function fileIdOf({ params, linked }: FastifyRequest): FileId | undefined {
  if (linked) return linked.id
  const given = params as Partial<Record<string, string>> | null
  for (const name of FILE_PARAMS) {
    const id = parseFileId(given?.[name] ?? '')
    if (id?.[14] === '7') return id
  }
  return undefined
}
