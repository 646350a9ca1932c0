import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ServiceError } from '../../core/errors.ts'
import type { Services } from '../../core/services.ts'
import type { Claim, RequestHead } from '../../http/addressee.ts'
import { byKey, callerByKey, guard, showAllowance } from '../../http/guard.ts'
import { acceptJsonBodies, type SchemaProblem, toFieldError } from '../../http/json-body.ts'
import { pathOf } from '../../http/routing.ts'
import type { DialectApi } from '../dialect.ts'
import { toErrorAnswer } from './errors.ts'
import { addRoutes } from './routes.ts'
import { ErrorBody } from './schemas.ts'
import type { LightfieldSettings } from './settings.ts'

const VERSION_HEADER = 'Lightfield-Version'
const VERSION = '2026-03-01'
const JSON_TYPE = /^application\/json\b/i
const UPLOAD_STEP = /^\/v1\/files\/[^/]+\/(?:complete|cancel)$/

export function lightfieldApi(settings: LightfieldSettings): DialectApi {
  return {
    headers: [VERSION_HEADER],
    failures: ['version-invalid'],
    findCaller: callerByKey,
    claims,
    rootPaths: ['/v1/'],
    toErrorAnswer,
    snippets: async (target) => (await import('./snippets.ts')).snippets(target),
    showsUploads: true,
    errorBody: ErrorBody,
    http: (server, services) => serve(server, services, settings),
  }
}

/** Its SDKs always send the header. Without it, what only Lightfield has: a create in JSON, and the steps of an upload. */
function claims({ method, url, headers }: RequestHead): Claim | undefined {
  if (headers['lightfield-version'] !== undefined) return 'surely'
  if (method !== 'POST') return undefined
  const path = pathOf(url)
  const isCreate = path === '/v1/files' && JSON_TYPE.test(headers['content-type'] ?? '')
  return isCreate || UPLOAD_STEP.test(path) ? 'likely' : undefined
}

function serve(server: FastifyInstance, services: Services, settings: LightfieldSettings): void {
  acceptJsonBodies(server)
  server.setSchemaErrorFormatter(([problem]) => toFieldError(problem as SchemaProblem))
  // On the paths that it shares with others the header says whose a request is.
  const mayLack = server.prefix !== '' && !settings.requireVersion
  guard(server, {
    services,
    authenticate: byKey(services),
    afterAuthentication: (request) => checkVersion(request, mayLack),
    showAllowance,
  })
  addRoutes(server, services, settings)
}

function checkVersion({ headers }: FastifyRequest, mayLack: boolean): void {
  const version = headers['lightfield-version']
  if (version === VERSION || (version === undefined && mayLack)) return
  const message = `${VERSION_HEADER} is ${version === undefined ? 'missing' : 'not known'}; send ${VERSION}.`
  throw new ServiceError('version-invalid', message, { field: VERSION_HEADER })
}
