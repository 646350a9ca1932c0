import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { RequestHead } from '../../http/addressee.ts'
import { allowBrowsers } from '../../http/browsers.ts'
import { byKey, callerByKey, guard, keyInHeader } from '../../http/guard.ts'
import { acceptJsonBodies } from '../../http/json-body.ts'
import { pathOf } from '../../http/routing.ts'
import { leaveBodiesUnread } from '../../http/unread-body.ts'
import type { DialectApi } from '../dialect.ts'
import { addCreate } from './create.ts'
import { toErrorAnswer } from './errors.ts'
import { flavourOfClient, keyHeaders } from './flavours.ts'
import { addRoutes, type Context } from './routes.ts'
import { ErrorBody } from './schemas.ts'
import type { OpenAISettings } from './settings.ts'
import { withheld } from './strict.ts'
import { addParts, addUploads } from './uploads.ts'

const keyPlace = { refusal: 'Incorrect API key provided.', find: ownKey }

/** Sent where a client was told them, by pages too, which often cannot say whose client they are. */
const MARKS = ['openai-organization', 'openai-project', 'openai-beta']

function isMarked({ url, headers }: RequestHead): boolean {
  if (flavourOfClient(headers) !== undefined || MARKS.some((name) => headers[name] !== undefined)) return true
  // No other API has uploads there.
  return pathOf(url).startsWith('/v1/uploads')
}

export function openaiApi(settings: OpenAISettings): DialectApi {
  return {
    keyHeaders,
    findCaller: (services, request) => callerByKey(services, request, keyPlace),
    claims: (request) => (isMarked(request) ? 'surely' : undefined),
    rootPaths: ['/v1/'],
    toErrorAnswer,
    snippets: async (target) => (await import('./snippets.ts')).snippets(target),
    withholds: withheld,
    errorBody: ErrorBody,
    http: (server, services) => serve({ server, services, settings }),
    // Nobody should learn from a missing file that files end.
    tellStart(logger) {
      const { batchDays = null } = settings
      logger.info({ batchDays }, 'OpenAI files for batches end after these days; null: never')
    },
  }
}

async function serve({ server, services, settings }: Context): Promise<void> {
  await allowBrowsers(server)
  guard(server, { services, authenticate: byKey(services, keyPlace) })
  await server.register(async (forms: FastifyInstance) => {
    // The server leaves these bodies alone: each form is read from the connection as it comes.
    leaveBodiesUnread(forms)
    const context = { server: forms, services, settings }
    addCreate(context)
    addParts(context)
  })
  await server.register(async (others: FastifyInstance) => {
    acceptJsonBodies(others)
    const context = { server: others, services, settings }
    addRoutes(context)
    addUploads(context)
  })
}

/** In the header of one flavour, if it is there. */
function ownKey(request: FastifyRequest): string | undefined {
  for (const name of keyHeaders) {
    const key = keyInHeader(request, name)
    if (key) return key
  }
  return undefined
}
