import type { FastifyInstance } from 'fastify'
import type { Services } from '../core/services.ts'
import { allowBrowsers } from '../http/browsers.ts'
import { type GuardOptions, guard, showAllowance } from '../http/guard.ts'
import { acceptJsonBodies } from '../http/json-body.ts'
import type { ViewsOf } from './files/dialects.ts'
import { addFileRoutes } from './files/routes.ts'
import { addKeyRoutes } from './keys/routes.ts'
import { addLinkRoutes } from './links/routes.ts'
import { addOidcRoutes } from './oidc/routes.ts'
import type { Operating } from './operating/operating.ts'
import { addOperatingRoutes } from './operating/routes.ts'
import { addOrganizationRoutes } from './organizations/routes.ts'
import { addProjectRoutes } from './projects/routes.ts'
import { addQuotaRoutes } from './quotas/routes.ts'
import { addSessionRoutes, addSignInRoutes, type SignInOptions } from './sessions/routes.ts'
import { addUploadRoutes } from './uploads/routes.ts'
import { addUsageRoutes } from './usage/routes.ts'

/** The first segment of its paths. */
export const ADMIN = 'admin'

const CHANGING_METHODS: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])

export interface AdminOptions {
  /** Finds the caller by the credentials of any dialect. @throws ServiceError `unauthenticated` */
  readonly authenticate: GuardOptions['authenticate']
  /** Name of the parameter of the query that takes a key, if there is one. */
  readonly keyQuery: string | undefined
  readonly viewsOf: ViewsOf
  readonly signIn: SignInOptions
  readonly operating: Operating
}

/** What no vendor's API has, on a server whose prefix is `/admin`. */
export async function addAdminApi(
  server: FastifyInstance,
  services: Services,
  options: AdminOptions,
): Promise<void> {
  const { authenticate, keyQuery, signIn, viewsOf } = options
  // In scopes of their own: their hooks are for nothing else.
  await server.register(async (api) => {
    keepNothing(api)
    await allowBrowsers(api)
    guard(api, { services, authenticate, showAllowance })
    acceptJsonBodies(api)
    askAgain(api, authenticate)
    addFileRoutes(api, services, { keyQuery, viewsOf })
    addUploadRoutes(api, services, { keyQuery })
    addLinkRoutes(api, services)
    addUsageRoutes(api, services, { keyQuery })
    addOrganizationRoutes(api, services, { keyQuery })
    addProjectRoutes(api, services, { keyQuery })
    addKeyRoutes(api, services, { keyQuery })
    addQuotaRoutes(api, services, { keyQuery })
    addOperatingRoutes(api, services, options)
    addSessionRoutes(api, services, { keyQuery, ...signIn })
  })
  // Pages elsewhere call with a key; they neither sign anybody in nor out.
  await server.register(async (ways) => {
    keepNothing(ways)
    acceptJsonBodies(ways)
    await addSignInRoutes(ways, services, signIn)
    const { oidc } = signIn
    if (oidc) addOidcRoutes(ways, services, { ...signIn, oidc })
  })
}

/** A body may take an hour to come: a key or session that ended meanwhile makes no key, link or anything else any more. */
function askAgain(server: FastifyInstance, authenticate: AdminOptions['authenticate']): void {
  server.addHook('preHandler', async (request) => {
    if (CHANGING_METHODS.has(request.method)) await authenticate(request)
  })
}

/** Names, labels and bytes are not for caches that others share; of bytes, `sendFile` decides. */
function keepNothing(server: FastifyInstance): void {
  server.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-store'))
}
