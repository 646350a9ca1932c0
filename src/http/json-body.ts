import { isUtf8 } from 'node:buffer'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ServiceError } from '../core/errors.ts'

/**
 * JSON bodies as SDKs send them: a request without a body may name any content type or none, and an empty body that is
 * declared as JSON counts as no body (Python clients send that). Whatever else is not declared as JSON is refused.
 */
export function acceptJsonBodies(server: FastifyInstance): void {
  server.removeAllContentTypeParsers()
  server.addHook('onRequest', async (request) => {
    if (!hasBody(request)) delete request.headers['content-type']
  })
  const parse = server.getDefaultJsonParser('error', 'error')
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (body.length === 0) return done(null, undefined)
    if (!isUtf8(body as Buffer))
      return done(new ServiceError('body-not-json', 'The body is not valid UTF-8.'))
    return parse(request, body.toString('utf8'), done)
  })
  // Hooks that look at the body see an object where none was sent; `null`, which is JSON, stays.
  server.addHook('preValidation', async (request) => {
    if (request.body === undefined) request.body = {}
  })
}

function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}
