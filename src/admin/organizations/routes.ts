import type { FastifyInstance } from 'fastify'
import { addOrganization, listOrganizations, readOrganization } from '../../core/access/organizations.ts'
import type { ListedOrganization } from '../../core/access/tenants.ts'
import type { Services } from '../../core/services.ts'
import { operation } from '../../http/operation.ts'
import type { AdminOptions } from '../api.ts'
import type { ById } from '../files/routes.ts'
import { objectOf, requireKnown, textIn } from '../request-values.ts'
import { nextOf, quotaAndUse, readTenantPage } from '../tenant-lists.ts'
import { printTime } from '../times.ts'
import * as schemas from './schemas.ts'

const ORGANIZATIONS = '/v1/organizations'
const reads = { scope: 'any', limit: 'read', role: 'admin' } as const

export function addOrganizationRoutes(
  server: FastifyInstance,
  services: Services,
  { keyQuery }: Pick<AdminOptions, 'keyQuery'>,
): void {
  addList(server, services, keyQuery)
  addCreate(server, services)
  const docs = operation('Organizations', 'admin.organizations.get', 'Get an organization', {
    access: reads,
    failures: ['organization-not-found'],
    params: schemas.OrganizationParams,
    response: { 200: schemas.OrganizationBody },
  })
  server.get<ById>(`${ORGANIZATIONS}/:id`, docs, async ({ caller, params }) =>
    toBody(await readOrganization(services, caller, params.id)),
  )
}

function addList(server: FastifyInstance, services: Services, keyQuery: string | undefined): void {
  const summary = 'List organizations: for operators all of them, for admins their own'
  const docs = operation('Organizations', 'admin.organizations.list', summary, {
    access: reads,
    failures: ['field-unknown', 'field-invalid'],
    querystring: schemas.ListQuery,
    response: { 200: schemas.PageBody },
  })
  server.get(ORGANIZATIONS, docs, async ({ caller, query }) => {
    const page = readTenantPage(query, 'organizations', [], keyQuery)
    const after = page.place && { slug: page.place.name, id: page.place.id }
    const { items, hasMore, end } = await listOrganizations(services, caller, { after, limit: page.limit })
    return { organizations: items.map(toBody), next: nextOf(page, hasMore, end) }
  })
}

function addCreate(server: FastifyInstance, services: Services): void {
  const summary = 'Make an organization, with the project default'
  const docs = operation('Organizations', 'admin.organizations.create', summary, {
    access: { scope: 'any', limit: 'write', role: 'operator' },
    failures: ['field-unknown', 'field-missing', 'field-invalid', 'name-taken', 'storage-full'],
    body: schemas.CreateBody,
    response: { 201: schemas.OrganizationBody },
  })
  server.post(ORGANIZATIONS, docs, async ({ caller, body }, reply) => {
    const values = objectOf(body)
    requireKnown(values, ['slug'])
    const { organization } = await addOrganization(services, caller, { slug: textIn(values, 'slug') })
    return reply.code(201).send(toBody({ ...organization, usedFiles: 0, usedBytes: 0, projects: 1 }))
  })
}

function toBody(organization: ListedOrganization): schemas.OrganizationBody {
  const { id, slug, createdAt, projects } = organization
  return {
    id,
    slug,
    createdAt: printTime(createdAt),
    ...quotaAndUse(organization),
    projects,
  }
}
