import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ServiceError } from '../core/errors.ts'
import { isFault } from '../http/service-error.ts'
import { loggablePath } from './logging.ts'

/**
 * One line for each answer: `debug` for what went as asked or was refused, `error` for our own faults with their cause.
 * Called by each surface's error handler for the second.
 */
export function logRequests(server: FastifyInstance): void {
  server.addHook('onResponse', async (request, reply) => {
    const ms = Math.round(reply.elapsedTime * 10) / 10
    request.log.debug(
      { method: request.method, path: loggablePath(request.url), status: reply.statusCode, ms },
      'answered',
    )
  })
}

export function logFault(request: FastifyRequest, error: ServiceError): void {
  if (!isFault(error)) return
  const { method, url } = request
  request.log.error(
    { err: error.cause ?? error, code: error.code, method, path: loggablePath(url) },
    'request failed',
  )
}
