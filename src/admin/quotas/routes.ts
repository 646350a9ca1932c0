import type { FastifyInstance } from 'fastify'
import { readOrganization } from '../../core/access/organizations.ts'
import { listProjects } from '../../core/access/projects.ts'
import { type Bounds, setOrganizationQuota, setProjectQuota } from '../../core/access/quotas.ts'
import type { InUse, Organization, Project } from '../../core/access/tenants.ts'
import { ServiceError } from '../../core/errors.ts'
import type { Services } from '../../core/services.ts'
import { operation } from '../../http/operation.ts'
import type { AdminOptions } from '../api.ts'
import type { ById } from '../files/routes.ts'
import { invalid, objectOf, requireKnown, type Values } from '../request-values.ts'
import { nextOf, quotaAndUse, readTenantPage } from '../tenant-lists.ts'
import * as schemas from './schemas.ts'

const QUOTAS = '/v1/quotas'
const sets = ['field-unknown', 'field-missing', 'field-invalid', 'storage-full'] as const

export function addQuotaRoutes(
  server: FastifyInstance,
  services: Services,
  { keyQuery }: Pick<AdminOptions, 'keyQuery'>,
): void {
  addList(server, services, keyQuery)
  const described = {
    params: schemas.HolderParams,
    body: schemas.SetBody,
    response: { 200: schemas.QuotaBody },
  }
  const ofOrganization = operation('Quotas', 'admin.quotas.setOrganization', 'Bound an organization', {
    access: { scope: 'any', limit: 'write', role: 'operator' },
    failures: [...sets, 'organization-not-found'],
    ...described,
  })
  server.put<ById>(`${QUOTAS}/organizations/:id`, ofOrganization, async ({ caller, params, body }) =>
    ofOrganizationBody(await setOrganizationQuota(services, caller, params.id, boundsIn(body))),
  )
  const ofProject = operation('Quotas', 'admin.quotas.setProject', 'Bound a project', {
    access: { scope: 'any', limit: 'write', role: 'admin' },
    failures: [...sets, 'project-not-found'],
    ...described,
  })
  server.put<ById>(`${QUOTAS}/projects/:id`, ofProject, async ({ caller, params, body }) => {
    const named = { idOrSlug: params.id, organization: undefined }
    const { organization, project } = await setProjectQuota(services, caller, named, boundsIn(body))
    return ofProjectBody(project, organization)
  })
}

/** That of the organization, then those of its projects. */
function addList(server: FastifyInstance, services: Services, keyQuery: string | undefined): void {
  const docs = operation(
    'Quotas',
    'admin.quotas.list',
    'List the quotas of an organization and its projects',
    {
      access: { scope: 'any', limit: 'read', role: 'admin' },
      failures: ['field-unknown', 'field-invalid'],
      querystring: schemas.ListQuery,
      response: { 200: schemas.PageBody },
    },
  )
  server.get(QUOTAS, docs, async ({ caller, query }) => {
    const page = readTenantPage(query, 'quotas', ['organization'], keyQuery)
    const { limit, place } = page
    if (page.organization === '*') throw invalid('organization', 'must be one')
    const organization = await readOrganization(services, caller, page.organization).catch(asField)
    const after = place && { slug: place.name, id: place.id }
    const asked = { organization: organization.id, after, limit }
    const { items, hasMore, end } = await listProjects(services, caller, asked)
    const quotas = items.map((project) => ofProjectBody(project, organization))
    if (place === undefined) quotas.unshift(ofOrganizationBody(organization))
    return { quotas, next: nextOf(page, hasMore, end) }
  })
}

/** What is not there is told by the parameter that names it. */
function asField(error: unknown): never {
  if (!(error instanceof ServiceError) || error.code !== 'organization-not-found') throw error
  throw new ServiceError('field-invalid', error.message, { field: 'organization' })
}

function boundsIn(body: unknown): Bounds {
  const values = objectOf(body)
  requireKnown(values, ['files', 'bytes'])
  return { files: boundIn(values, 'files'), bytes: boundIn(values, 'bytes') }
}

function boundIn(values: Values, field: 'files' | 'bytes'): number | null {
  const value = values[field]
  if (value === undefined) throw new ServiceError('field-missing', `${field} is missing.`, { field })
  if (value !== null && typeof value !== 'number') throw invalid(field, 'must be a number or null')
  return value
}

function ofOrganizationBody(organization: InUse<Organization>): schemas.QuotaBody {
  const { id, slug } = organization
  return { holder: 'organization', id, slug, organization: { id, slug }, ...quotaAndUse(organization) }
}

function ofProjectBody(project: InUse<Project>, { id, slug }: Organization): schemas.QuotaBody {
  const named = { id: project.id, slug: project.slug, organization: { id, slug } }
  return { holder: 'project', ...named, ...quotaAndUse(project) }
}
