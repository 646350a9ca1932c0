import type { FastifyInstance } from 'fastify'
import { resolveProject } from '../../core/access/admit.ts'
import type { Caller } from '../../core/caller.ts'
import type { Services } from '../../core/services.ts'
import { JSON_TYPE } from '../../http/errors.ts'
import { operation } from '../../http/operation.ts'
import type { AdminOptions } from '../api.ts'
import { printPage } from './list.ts'
import { readListRequest } from './requests.ts'
import * as schemas from './schemas.ts'

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
    const page = readListRequest(query, keyQuery)
    const projectIds = await projectsOf(services, caller, page.project)
    reply.type(JSON_TYPE)
    return printPage(services, caller, projectIds, page)
  })
}

async function projectsOf(
  services: Services,
  caller: Caller,
  project: string | undefined,
): Promise<readonly string[]> {
  if (project === '*') return caller.projectIds
  return [await resolveProject(services, caller, { project, organization: undefined })]
}
