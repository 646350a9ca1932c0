import type { FastifyInstance } from 'fastify'
import type { Begin } from './tracing.ts'

/**
 * A span for each request from the hooks on, by the conventions of OpenTelemetry (semconv/http). Of the address only the route
 * is told, as it is declared: the rest may hold a link, a key or a name.
 */
export function traceRequests(server: FastifyInstance, begin: Begin): void {
  server.decorateRequest('traceId')
  server.addHook('onRequest', (request, reply, done) => {
    const { method, headers, protocol, raw, id, routeOptions, is404 } = request
    const route = is404 ? undefined : routeOptions.url
    const span = begin({
      name: route === undefined ? method : `${method} ${route}`,
      attributes: {
        'http.request.method': method,
        ...(route === undefined ? {} : { 'http.route': route }),
        'url.scheme': protocol,
        'network.protocol.version': raw.httpVersion,
        'entrepot.request.id': id,
      },
      header: (name) => headers[name]?.toString(),
    })
    request.traceId = span.traceId
    // Comes also where the client is gone before its answer.
    reply.raw.once('close', () => {
      const { statusCode, writableFinished } = reply.raw
      const isFailed = statusCode >= 500
      const error = isFailed ? `${statusCode}` : writableFinished ? undefined : 'aborted'
      span.end(
        {
          ...(writableFinished ? { 'http.response.status_code': statusCode } : {}),
          ...(error === undefined ? {} : { 'error.type': error }),
          ...(request.caller ? { 'entrepot.organization.id': request.caller.organizationId } : {}),
        },
        isFailed,
      )
    })
    span.run(done)
  })
}
