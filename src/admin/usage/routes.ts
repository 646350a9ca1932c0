import type { FastifyInstance } from 'fastify'
import type { Services } from '../../core/services.ts'
import { readUsage, usageHolder } from '../../core/usage/read-usage.ts'
import { operation } from '../../http/operation.ts'
import type { AdminOptions } from '../api.ts'
import { printTime } from '../times.ts'
import { readUsageRequest } from './requests.ts'
import * as schemas from './schemas.ts'

/** `GET /usage`: what was held and what happened, by the hour or the day. */
export function addUsageRoutes(
  server: FastifyInstance,
  services: Services,
  { keyQuery }: Pick<AdminOptions, 'keyQuery'>,
): void {
  const docs = operation('Operating', 'admin.usage.get', 'Usage over time', {
    access: { scope: 'files:read', limit: 'read' },
    failures: ['field-unknown', 'field-invalid', 'project-forbidden'],
    querystring: schemas.UsageQuery,
    response: { 200: schemas.UsageBody },
  })
  server.get('/v1/usage', docs, async ({ caller, query }) => {
    const { organization, project, ...range } = readUsageRequest(query, keyQuery, services.clock.now())
    const holder = await usageHolder(services, caller, { organization, project })
    const points = await readUsage(services, { holder, ...range })
    return { series: points.map((point) => ({ ...point, at: printTime(point.at) })) }
  })
}
