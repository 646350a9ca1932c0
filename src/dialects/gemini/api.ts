import type { FastifyInstance } from 'fastify'
import type { Services } from '../../core/services.ts'
import { allowBrowsers } from '../../http/browsers.ts'
import { callerByKey, declarePublic, guard } from '../../http/guard.ts'
import { acceptJsonBodies } from '../../http/json-body.ts'
import type { DialectApi } from '../dialect.ts'
import { claimed } from './claims.ts'
import { toErrorAnswer } from './errors.ts'
import { authenticateKey, KEY_HEADER, KEY_PARAMETER, keyPlace } from './keys.ts'
import { addRoutes } from './routes.ts'
import { ErrorBody } from './schemas.ts'
import type { GeminiSettings } from './settings.ts'
import { addSessions, addUploads } from './upload/routes.ts'

/** Of strict keys. */
const NOT_GIVEN_BACK = 'Files that were uploaded are not downloadable.'

export function geminiApi(settings: GeminiSettings): DialectApi {
  return {
    keyHeaders: [KEY_HEADER],
    keyQuery: KEY_PARAMETER,
    findCaller: (services, request) => callerByKey(services, request, keyPlace),
    claims: claimed,
    rootPaths: ['/upload/', '/download/', '/v1beta/', '/v1/'],
    toErrorAnswer,
    snippets: async (target) => (await import('./snippets.ts')).snippets(target),
    withholds: ({ fidelity }) => (fidelity === 'strict' ? NOT_GIVEN_BACK : undefined),
    errorBody: ErrorBody,
    http: (server, services) => serve(server, services, settings),
  }
}

async function serve(server: FastifyInstance, services: Services, settings: GeminiSettings): Promise<void> {
  // The answers to preflights.
  declarePublic(server)
  await allowBrowsers(server)
  guard(server, { services, authenticate: authenticateKey(services) })
  await server.register(async (scope) => {
    acceptJsonBodies(scope)
    addRoutes({ server: scope, services, settings })
  })
  await server.register(async (scope) => {
    const context = { server: scope, services, settings }
    addUploads(context)
    await scope.register(async (sessions) => addSessions({ ...context, server: sessions }))
  })
}
