import type { FastifyInstance } from 'fastify'
import type { Services } from '../../core/services.ts'
import { operation } from '../../http/operation.ts'
import type { AdminOptions } from '../api.ts'
import * as schemas from './schemas.ts'
import { addTail } from './tail.ts'
import { toHealthBody, toJobsBody } from './wire.ts'

/** What operators see of a server: jobs, settings, health, and its requests as they end. */
export function addOperatingRoutes(server: FastifyInstance, services: Services, options: AdminOptions): void {
  const { jobs, settings, health } = options.operating
  const about = (
    id: string,
    summary: string,
    body: (typeof schemas)['JobsBody' | 'SettingsBody' | 'HealthBody'],
  ) =>
    operation('Operating', `admin.${id}`, summary, {
      access: { scope: 'any', limit: 'read', role: 'operator' },
      response: { 200: body },
    })
  server.get(
    '/v1/jobs',
    about('jobs.list', 'List the jobs and their last results', schemas.JobsBody),
    async () => toJobsBody(jobs(), services.clock.now()),
  )
  server.get(
    '/v1/settings',
    about('settings.list', 'List the settings in force', schemas.SettingsBody),
    async () => ({
      settings,
    }),
  )
  server.get('/v1/health', about('health.get', 'Examine the server', schemas.HealthBody), async () =>
    toHealthBody(await health()),
  )
  addTail(server, services, options)
}
