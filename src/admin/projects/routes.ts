import type { FastifyInstance } from 'fastify'
import { addProject, listProjects } from '../../core/access/projects.ts'
import type { InUse, Project } from '../../core/access/tenants.ts'
import type { Services } from '../../core/services.ts'
import { operation } from '../../http/operation.ts'
import type { AdminOptions } from '../api.ts'
import { objectOf, optionalTextIn, requireKnown, textIn } from '../request-values.ts'
import { namesIn, nextOf, quotaAndUse, readTenantPage } from '../tenant-lists.ts'
import { printTime } from '../times.ts'
import * as schemas from './schemas.ts'

const PROJECTS = '/v1/projects'

export function addProjectRoutes(
  server: FastifyInstance,
  services: Services,
  { keyQuery }: Pick<AdminOptions, 'keyQuery'>,
): void {
  addList(server, services, keyQuery)
  addCreate(server, services)
}

function addList(server: FastifyInstance, services: Services, keyQuery: string | undefined): void {
  const summary = 'List the projects that the key may use, or, for operators, those of other organizations'
  const docs = operation('Projects', 'admin.projects.list', summary, {
    access: { scope: 'any', limit: 'read' },
    failures: ['field-unknown', 'field-invalid', 'role-missing'],
    querystring: schemas.ListQuery,
    response: { 200: schemas.PageBody },
  })
  server.get(PROJECTS, docs, async ({ caller, query }) => {
    const page = readTenantPage(query, 'projects', ['organization'], keyQuery)
    const { organization, limit, place } = page
    const after = place && { slug: place.name, id: place.id }
    const { items, hasMore, end } = await listProjects(services, caller, { organization, after, limit })
    const named = await namesIn(
      services,
      items.map(({ organizationId }) => organizationId),
    )
    const projects = items.map((project) => toProjectBody(project, named(project.organizationId)))
    return { projects, next: nextOf(page, hasMore, end) }
  })
}

function addCreate(server: FastifyInstance, services: Services): void {
  const docs = operation('Projects', 'admin.projects.create', 'Make a project', {
    access: { scope: 'any', limit: 'write', role: 'admin' },
    failures: ['field-unknown', 'field-missing', 'field-invalid', 'name-taken', 'storage-full'],
    body: schemas.CreateBody,
    response: { 201: schemas.ProjectBody },
  })
  server.post(PROJECTS, docs, async ({ caller, body }, reply) => {
    const values = objectOf(body)
    requireKnown(values, ['slug', 'organization'])
    const asked = { slug: textIn(values, 'slug'), organization: optionalTextIn(values, 'organization') }
    const { organization, project } = await addProject(services, caller, asked)
    return reply.code(201).send(toProjectBody({ ...project, usedFiles: 0, usedBytes: 0 }, organization))
  })
}

function toProjectBody(
  project: InUse<Project>,
  { id, slug }: { readonly id: string; readonly slug: string },
): schemas.ProjectBody {
  return {
    id: project.id,
    slug: project.slug,
    organization: { id, slug },
    createdAt: printTime(project.createdAt),
    ...quotaAndUse(project),
  }
}
