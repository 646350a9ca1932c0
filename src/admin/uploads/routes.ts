import type { FastifyInstance } from 'fastify'
import type { Services } from '../../core/services.ts'
import { JSON_TYPE } from '../../http/errors.ts'
import { operation } from '../../http/operation.ts'
import type { AdminOptions } from '../api.ts'
import { printPage } from '../files/list.ts'
import { readListRequest } from './requests.ts'
import * as schemas from './schemas.ts'
import { toUploadBody } from './wire.ts'

/** Uploads under way. One is ended by DELETE on its file. */
export function addUploadRoutes(
  server: FastifyInstance,
  services: Services,
  { keyQuery }: Pick<AdminOptions, 'keyQuery'>,
): void {
  const docs = operation('Uploads', 'admin.uploads.list', 'List the uploads under way', {
    access: { scope: 'files:read', limit: 'read' },
    failures: ['field-unknown', 'field-invalid', 'project-forbidden'],
    querystring: schemas.ListQuery,
    response: { 200: schemas.PageBody },
  })
  server.get('/v1/uploads', docs, async ({ caller, query }, reply) => {
    const asked = readListRequest(query, keyQuery)
    const listed = { noun: 'uploads', toBody: toUploadBody } as const
    return reply.type(JSON_TYPE).send(await printPage(services, caller, asked, listed))
  })
}
