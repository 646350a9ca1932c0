import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ServiceError } from '../../core/errors.ts'
import type { Services } from '../../core/services.ts'
import { allowBrowsers } from '../../http/browsers.ts'
import { byKey, callerByKey, guard } from '../../http/guard.ts'
import { acceptJsonBodies } from '../../http/json-body.ts'
import { callerBySession, SESSION_COOKIE } from '../../http/session.ts'
import type { DialectApi } from '../dialect.ts'
import { toErrorAnswer } from './errors.ts'
import { addRoutes } from './routes.ts'
import { ErrorBody } from './schemas.ts'
import { addSessionRoutes, KEY_REFUSED } from './session.ts'
import type { LlamaCloudSettings } from './settings.ts'
import { addUploads } from './upload.ts'
import { addFirstVersion } from './v1/routes.ts'

const API_PATH = '/api'
const keyHeader = { refusal: KEY_REFUSED }

export function llamacloudApi(settings: LlamaCloudSettings): DialectApi {
  return {
    cookie: SESSION_COOKIE,
    findCaller: (services, request) => callerByKey(services, request, keyHeader),
    // Of a change that comes with the cookie.
    failures: ['origin-forbidden'],
    // As FastAPI does. A GET of the collection is that of a file whose id is empty, which SDKs send for an empty text.
    ignoresLastSlash: (method, path) => method !== 'GET' || !path.endsWith('/files/'),
    rootPaths: [`${API_PATH}/`, '/session'],
    toErrorAnswer,
    snippets: async (target) => (await import('./snippets.ts')).snippets(target),
    errorBody: ErrorBody,
    http: (server, services) => serve(server, services, settings),
    // Nobody should learn from a missing file that files end.
    tellStart(logger) {
      const { retentionHours } = settings
      logger.info({ retentionHours }, 'LlamaCloud files end after these hours, by purpose; null: never')
    },
  }
}

async function serve(
  server: FastifyInstance,
  services: Services,
  settings: LlamaCloudSettings,
): Promise<void> {
  // Sessions are for pages of this server alone, which need no leave to call it.
  await server.register(async (sessions) => {
    acceptJsonBodies(sessions)
    await addSessionRoutes(sessions, services, settings)
  })
  await server.register((api) => serveApi(api, services, settings), { prefix: API_PATH })
}

async function serveApi(
  api: FastifyInstance,
  services: Services,
  settings: LlamaCloudSettings,
): Promise<void> {
  // Pages elsewhere call with a key; cookies are not for them.
  await allowBrowsers(api)
  const bySession = async (request: FastifyRequest) => {
    const caller = await callerBySession(services, request)
    if (caller === undefined) throw new ServiceError('unauthenticated', 'Not authenticated')
    return caller
  }
  guard(api, { services, authenticate: byKey(services, { ...keyHeader, otherwise: bySession }) })
  await api.register(async (server) => addUploads({ server, services, settings }))
  await api.register(async (server) => {
    acceptJsonBodies(server)
    // A form where none is asked for counts as no body.
    server.addContentTypeParser('multipart/form-data', (_request, _payload, done) => done(null))
    addRoutes({ server, services, settings })
    addFirstVersion({ server, services, settings })
  })
}
