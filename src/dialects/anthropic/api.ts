import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Services } from '../../core/services.ts'
import { allowBrowsers } from '../../http/browsers.ts'
import { byKey, callerByKey, guard, type KeyPlace, keyInHeader } from '../../http/guard.ts'
import { leaveBodiesUnread } from '../../http/unread-body.ts'
import type { DialectApi } from '../dialect.ts'
import { toErrorAnswer } from './errors.ts'
import { WORKSPACE_HEADER } from './requests.ts'
import { addRoutes } from './routes.ts'
import { ErrorBody } from './schemas.ts'
import type { AnthropicSettings } from './settings.ts'
import { addUpload } from './upload.ts'
import { toRequestId } from './wire.ts'

const API_PATH = '/v1'

/** SDKs up to 0.x send the key so, and today's as a bearer. */
const KEY_HEADER = 'x-api-key'
const keyPlace: KeyPlace = {
  find: (request) => keyInHeader(request, KEY_HEADER),
  refusal: `invalid ${KEY_HEADER}`,
}

/** Any of these marks a request on a shared path: every SDK and every printed example of the vendor sends the first. */
const MARKS = [
  'anthropic-version',
  'anthropic-beta',
  KEY_HEADER,
  'anthropic-dangerous-direct-browser-access',
  WORKSPACE_HEADER,
]

function isMarked(headers: IncomingHttpHeaders): boolean {
  return (
    MARKS.some((name) => headers[name] !== undefined) ||
    /^(Async)?Anthropic\//.test(headers['user-agent'] ?? '')
  )
}

export function anthropicApi(settings: AnthropicSettings): DialectApi {
  return {
    keyHeaders: [KEY_HEADER],
    findCaller: (services, request) => callerByKey(services, request, keyPlace),
    claims: ({ headers }) => (isMarked(headers) ? 'surely' : undefined),
    rootPaths: [`${API_PATH}/`],
    toErrorAnswer,
    errorBody: ErrorBody,
    http: (server, services) => serve(server, services, settings),
  }
}

async function serve(
  server: FastifyInstance,
  services: Services,
  settings: AnthropicSettings,
): Promise<void> {
  await server.register((api) => serveApi(api, services, settings), { prefix: API_PATH })
}

async function serveApi(
  server: FastifyInstance,
  services: Services,
  settings: AnthropicSettings,
): Promise<void> {
  // Forms are read from the connection as they come, and nothing else has a body: an empty one may be called JSON.
  leaveBodiesUnread(server)
  server.addHook('onRequest', (request, reply, done) => {
    reply.header('request-id', toRequestId(request.id))
    done()
  })
  await allowBrowsers(server)
  guard(server, { services, authenticate: byKey(services, keyPlace) })
  const context = { server, services, settings }
  addUpload(context)
  addRoutes(context)
}
