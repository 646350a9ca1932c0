import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Services } from '../../core/services.ts'
import { byKey, callerByKey, guard } from '../../http/guard.ts'
import type { DialectApi, DialectHost } from '../dialect.ts'
import { approachOf, callerWithoutKey, KEY_REFUSED, KEY_SCHEME } from './anonymous.ts'
import { toErrorAnswer } from './errors.ts'
import { grpcMethods } from './grpc.ts'
import { addRoutes } from './routes.ts'
import { errorBody } from './schemas.ts'
import type { YandexSettings } from './settings.ts'
import type { Grpc } from './snippets.ts'

const ANONYMOUS =
  'ENTREPOT_YANDEX_ANONYMOUS is on: programs on this machine need no key, and a proxy or tunnel on it that adds no header lets everybody in'

const keyHeader = { scheme: KEY_SCHEME, refusal: KEY_REFUSED }

/** REST and gRPC bind the same operations. */
export function yandexApi(settings: YandexSettings, grpcPort: DialectHost['grpcPort']): DialectApi {
  return {
    keySchemes: ['Bearer', 'Api-Key'],
    findCaller: (services, request) => callerByKey(services, request, keyHeader),
    rootPaths: ['/files/', '/endpoints'],
    toErrorAnswer,
    async snippets(target) {
      const { snippets } = await import('./snippets.ts')
      return snippets(target, grpcAt(target.baseUrl, settings, grpcPort()))
    },
    errorBody,
    http: (server, services) => serve(server, services, settings, grpcPort),
    grpc: (services, memory) => grpcMethods(services, memory, settings),
    tellStart(logger) {
      if (settings.anonymous) logger.warn(ANONYMOUS)
    },
  }
}

/** As clients reach it, on the host of the public URL unless the settings name another. */
function grpcAt(publicUrl: string, { endpoint }: YandexSettings, port: number | undefined): Grpc | undefined {
  const { protocol, hostname } = new URL(publicUrl)
  const address = endpoint ?? (port === undefined ? undefined : `${hostname}:${port}`)
  return address === undefined ? undefined : { address, isPlaintext: protocol === 'http:' }
}

function serve(
  server: FastifyInstance,
  services: Services,
  settings: YandexSettings,
  grpcPort: DialectHost['grpcPort'],
): void {
  const otherwise = (request: FastifyRequest) => callerWithoutKey(services, settings, approachOf(request))
  const authenticate = byKey(services, { ...keyHeader, otherwise })
  guard(server, { services, authenticate })
  addRoutes(server, { services, memory: server.memory, settings }, grpcPort)
}
