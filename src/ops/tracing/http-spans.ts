import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Begin } from './tracing.ts'

/**
 * A span for each request from the hooks on, by the conventions of OpenTelemetry (semconv/http). Of the address only the route
 * is told, as it is declared: the rest may hold a link, a key or a name.
 */
export function traceRequests(server: FastifyInstance, begin: Begin): void {
  server.decorateRequest('traceId')
  server.addHook('onRequest', (request, reply, done) => {
    const span = begin({
      header: (name) => request.headers[name]?.toString(),
      describe: () => describe(request),
    })
    request.traceId = span.traceId
    if (!span.isSampled) return done()
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

function describe({ method, protocol, raw, id, routeOptions, is404 }: FastifyRequest) {
  const route = is404 ? undefined : routeOptions.url
  return {
    name: route === undefined ? method : `${method} ${route}`,
    attributes: {
      'http.request.method': method,
      ...(route === undefined ? {} : { 'http.route': route }),
      'url.scheme': protocol,
      'network.protocol.version': raw.httpVersion,
      'entrepot.request.id': id,
    },
  }
}
