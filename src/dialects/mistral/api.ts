import type { FastifyInstance } from 'fastify'
import type { Services } from '../../core/services.ts'
import type { Claim, RequestHead } from '../../http/addressee.ts'
import { allowBrowsers } from '../../http/browsers.ts'
import { byKey, callerByKey, guard } from '../../http/guard.ts'
import { acceptJsonBodies } from '../../http/json-body.ts'
import { pathOf } from '../../http/routing.ts'
import type { DialectApi } from '../dialect.ts'
import { toErrorAnswer } from './errors.ts'
import { fileIds } from './ids.ts'
import { listParameters } from './requests.ts'
import { addRoutes, FILES } from './routes.ts'
import { ErrorBody } from './schemas.ts'
import type { MistralSettings } from './settings.ts'
import { addUpload } from './upload.ts'

const keyRules = { refusal: 'Unauthorized' }

export function mistralApi(settings: MistralSettings): DialectApi {
  return {
    findCaller: (services, request) => callerByKey(services, request, keyRules),
    claims,
    rootPaths: ['/v1/'],
    toErrorAnswer,
    snippets: async (target) => (await import('./snippets.ts')).snippets(target),
    errorBody: ErrorBody,
    http: (server, services) => serve(server, services, settings),
  }
}

async function serve(server: FastifyInstance, services: Services, settings: MistralSettings): Promise<void> {
  await allowBrowsers(server)
  guard(server, { services, authenticate: byKey(services, keyRules) })
  await server.register(async (uploads) => addUpload({ server: uploads, services, settings }))
  await server.register(async (files) => {
    acceptJsonBodies(files)
    addRoutes({ server: files, services, settings })
  })
}

/** Its SDKs name themselves, but not in a browser; the rest is what of these paths only Mistral has. */
function claims({ method, url, headers }: RequestHead): Claim | undefined {
  if (headers['user-agent']?.startsWith('mistral-client-')) return 'surely'
  // The TypeScript SDK sends it with every request.
  if (headers.cookie === '') return 'likely'
  const path = pathOf(url)
  if (path === FILES) {
    const names = new URLSearchParams(url.slice(path.length)).keys()
    return method === 'GET' && names.some((name) => listParameters.includes(name)) ? 'likely' : undefined
  }
  if (!path.startsWith(`${FILES}/`)) return undefined
  const [id = '', part] = path.slice(FILES.length + 1).split('/')
  const isDownload = method === 'GET' && headers.accept === 'application/octet-stream'
  return part === 'url' || isDownload || fileIds.parse(id) !== undefined ? 'likely' : undefined
}
