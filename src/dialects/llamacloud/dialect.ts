import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import type { Services } from '../../core/services.ts'
import { declarePublic, guard } from '../../http/guard.ts'
import { acceptJsonBodies } from '../../http/json-body.ts'
import type { Dialect } from '../dialect.ts'
import { toErrorAnswer } from './errors.ts'
import { addRoutes } from './routes.ts'
import { addSessionRoutes, authenticateCaller, COOKIE } from './session.ts'
import type { LlamaCloudSettings } from './settings.ts'

export function llamacloud(settings: LlamaCloudSettings): Dialect {
  return {
    name: 'llamacloud',
    title: 'LlamaCloud',
    cookie: COOKIE,
    claims: () => false,
    rootPaths: ['/api/', '/session'],
    toErrorAnswer,
    http: (server, services) => serve(server, services, settings),
  }
}

async function serve(
  server: FastifyInstance,
  services: Services,
  settings: LlamaCloudSettings,
): Promise<void> {
  declarePublic(server)
  // Pages on any origin may call with a key; cookies are not for them, so credentials stay off.
  await server.register(cors, {
    origin: '*',
    methods: ['GET', 'POST', 'DELETE'],
    // What its SDK looks at before it tries again, and what a caller reports.
    exposedHeaders: ['retry-after', 'x-should-retry', 'x-request-id'],
  })
  acceptJsonBodies(server)
  // The form is taken from the connection as it comes, by the route that knows what to do with it.
  server.addContentTypeParser('multipart/form-data', (_request, _payload, done) => done(null))
  await addSessionRoutes(server, services, settings)
  guard(server, {
    services,
    authenticate: (request) => authenticateCaller(services, request),
    // The vendor has no headers for it.
    showAllowance: () => undefined,
  })
  addRoutes(server, services, settings)
}
