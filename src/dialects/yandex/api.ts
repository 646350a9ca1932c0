import type { FastifyInstance } from 'fastify'
import type { Services } from '../../core/services.ts'
import { PRINTABLE_ID } from '../../grpc/incoming-call.ts'
import { guard } from '../../http/guard.ts'
import type { DialectApi, DialectHost } from '../dialect.ts'
import { authenticateCaller } from './credentials.ts'
import { toErrorAnswer } from './errors.ts'
import { grpcMethods } from './grpc.ts'
import { addRoutes } from './routes.ts'
import { errorBody } from './schemas.ts'
import type { YandexSettings } from './settings.ts'

const ANONYMOUS =
  'ENTREPOT_YANDEX_ANONYMOUS is on: programs on this machine need no key, and a proxy or tunnel on it that adds no header lets everybody in'

/** REST and gRPC bind the same operations. */
export function yandexApi(settings: YandexSettings, grpcPort: DialectHost['grpcPort']): DialectApi {
  return {
    keySchemes: ['Bearer', 'Api-Key'],
    rootPaths: ['/files/', '/endpoints'],
    toErrorAnswer,
    errorBody,
    http: (server, services) => serve(server, services, settings, grpcPort),
    grpc: (services, memory) => grpcMethods(services, memory, settings),
    tellStart(logger) {
      if (settings.anonymous) logger.warn(ANONYMOUS)
    },
  }
}

function serve(
  server: FastifyInstance,
  services: Services,
  settings: YandexSettings,
  grpcPort: DialectHost['grpcPort'],
): void {
  // The vendor's own examples send JSON as a form: bodies are read as what they are, whatever they are said to be.
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', (_request, _payload, done) => done(null))
  server.addHook('onRequest', (request, reply, done) => {
    // It may even be what the framework takes for no type at all.
    delete request.headers['content-type']
    reply.header('x-server-trace-id', request.id)
    const given = request.headers['x-client-request-id']
    if (typeof given === 'string' && PRINTABLE_ID.test(given)) reply.header('x-client-request-id', given)
    done()
  })
  guard(server, {
    services,
    authenticate: ({ headers, raw, originalUrl }) =>
      authenticateCaller(services, settings, {
        httpVersion: raw.httpVersion,
        // A target with an address in it was meant for a proxy (RFC 9112, 3.2.2).
        authority: originalUrl.startsWith('/') ? (headers.host ?? '') : '',
        headerNames: () => Object.keys(headers),
        header: (name) => headers[name]?.toString(),
      }),
  })
  addRoutes(server, { services, memory: server.memory, settings }, grpcPort)
}
