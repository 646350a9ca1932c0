import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify'
import type { ServiceError } from '../core/errors.ts'
import { isFault } from '../http/service-error.ts'
import { loggablePath } from './logging.ts'

/** One line at level `debug` for each answer. */
export function logRequests(server: FastifyInstance, logger: FastifyBaseLogger): void {
  if (!['debug', 'trace'].includes(logger.level)) return
  server.addHook('onResponse', async (request, reply) => {
    const ms = Math.round(reply.elapsedTime * 10) / 10
    logger.debug({ ...factsOf(request), status: reply.statusCode, ms }, 'answered')
  })
}

/** One line at level `error` for each fault of ours, with its cause; what callers did wrong is not logged. */
export function logFault(logger: FastifyBaseLogger, request: FastifyRequest, error: ServiceError): void {
  if (!isFault(error)) return
  logger.error({ ...factsOf(request), err: error.cause ?? error, code: error.code }, 'request failed')
}

function factsOf({ id, method, url }: FastifyRequest): Record<string, string> {
  return { requestId: id, method, path: loggablePath(url) }
}
