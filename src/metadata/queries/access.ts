import { type Kysely, sql } from 'kysely'
import type { ApiKey, Role } from '../../core/access/keys.ts'
import type { InUse, ListedOrganization, Organization, Project } from '../../core/access/tenants.ts'
import type { LinkKey } from '../../core/links/link-token.ts'
import type { KeyCursor, SlugCursor } from '../../core/ports/tenant-store.ts'
import { type Arg, guarded, prepare, statement } from '../sql/prepare.ts'
import { allOf, recordShape } from '../sql/record-shape.ts'
import type { Tables } from '../sql/tables.ts'

export const organizationShape = recordShape<Organization>({
  id: 'plain',
  slug: 'plain',
  createdAt: 'plain',
  quotaFiles: 'plain',
  quotaBytes: 'plain',
})

export const projectShape = recordShape<Project>({
  id: 'plain',
  organizationId: 'plain',
  slug: 'plain',
  createdAt: 'plain',
  quotaFiles: 'plain',
  quotaBytes: 'plain',
})

export const listedOrganizationShape = recordShape<ListedOrganization>({
  id: 'plain',
  slug: 'plain',
  createdAt: 'plain',
  quotaFiles: 'plain',
  quotaBytes: 'plain',
  usedFiles: 'plain',
  usedBytes: 'plain',
  projects: 'plain',
})

export const listedProjectShape = recordShape<InUse<Project>>({
  id: 'plain',
  organizationId: 'plain',
  slug: 'plain',
  createdAt: 'plain',
  quotaFiles: 'plain',
  quotaBytes: 'plain',
  usedFiles: 'plain',
  usedBytes: 'plain',
})

export const keyShape = recordShape<ApiKey>({
  id: 'plain',
  hash: 'plain',
  name: 'plain',
  organizationId: 'plain',
  projectIds: 'json',
  userId: 'plain',
  role: 'plain',
  scopes: 'json',
  fidelity: 'plain',
  createdAt: 'plain',
  expiresAt: 'plain',
  revokedAt: 'plain',
})

export const linkKeyShape = recordShape<LinkKey>({ id: 'plain', secret: 'plain', createdAt: 'plain' })

type Id = { readonly id: string }
type Hash = { readonly hash: string }
type IdOrSlug = { readonly idOrSlug: string }
type OfOrganization = { readonly organizationId: string }
type BySlug = SlugCursor & { readonly limit: number }
type ByTime = KeyCursor & { readonly limit: number }

/** Organizations and their projects. */
export function tenantQueries(db: Kysely<Tables>) {
  const organizations = db.selectFrom('organizations').select(organizationShape.fields)
  const projects = db.selectFrom('projects').select(projectShape.fields)
  const bySlug = (arg: Arg<BySlug>) =>
    projects
      .select(['usedFiles', 'usedBytes'])
      .where(({ eb, refTuple, tuple }) => eb(refTuple('slug', 'id'), '>', tuple(arg('slug'), arg('id'))))
      .orderBy('slug')
      .orderBy('id')
      .limit(arg('limit'))
  return {
    insertOrganization: statement<Organization>((arg) =>
      db.insertInto('organizations').values(allOf(organizationShape.fields, arg)),
    ),
    insertProject: statement<Project>((arg) =>
      db.insertInto('projects').values(allOf(projectShape.fields, arg)),
    ),
    findOrganization: prepare<IdOrSlug>((arg) =>
      organizations.where(({ eb, or }) =>
        or([eb('id', '=', arg('idOrSlug')), eb('slug', '=', arg('idOrSlug'))]),
      ),
    ),
    listOrganizations: prepare<object>(() => organizations.orderBy('createdAt').orderBy('id')),
    pageOrganizations: prepare<BySlug>((arg) =>
      organizations
        .select(['usedFiles', 'usedBytes'])
        .select(({ selectFrom }) =>
          selectFrom('projects')
            .whereRef('projects.organizationId', '=', 'organizations.id')
            .select(({ fn }) => fn.countAll<number>().as('projects'))
            .as('projects'),
        )
        .where('slug', '>', arg('slug'))
        .orderBy('slug')
        .limit(arg('limit')),
    ),
    pageProjects: prepare<BySlug>(bySlug),
    pageProjectsOf: prepare<BySlug & OfOrganization>((arg) =>
      bySlug(arg).where('organizationId', '=', arg('organizationId')),
    ),
    findProject: prepare<IdOrSlug & OfOrganization>((arg) =>
      projects
        .where('organizationId', '=', arg('organizationId'))
        .where(({ eb, or }) => or([eb('id', '=', arg('idOrSlug')), eb('slug', '=', arg('idOrSlug'))])),
    ),
    findProjectById: prepare<Id>((arg) => projects.where('id', '=', arg('id'))),
    listProjects: prepare<object>(() => projects.orderBy('createdAt').orderBy('id')),
    listProjectsOf: prepare<OfOrganization>((arg) =>
      projects.where('organizationId', '=', arg('organizationId')).orderBy('createdAt').orderBy('id'),
    ),
  }
}

/** Keys of the API and of links. */
export function keyQueries(db: Kysely<Tables>) {
  const keys = db.selectFrom('apiKeys').select(keyShape.fields)
  const linkKeys = db.selectFrom('linkKeys').select(linkKeyShape.fields)
  const newest = (arg: Arg<ByTime>) =>
    keys
      .where(({ eb, refTuple, tuple }) =>
        eb(refTuple('createdAt', 'id'), '<', tuple(arg('createdAt'), arg('id'))),
      )
      .orderBy('createdAt', 'desc')
      .orderBy('id', 'desc')
      .limit(arg('limit'))
  const usable = (id: string) => db.updateTable('apiKeys').where('id', '=', id).where('revokedAt', 'is', null)
  return {
    insertKey: statement<ApiKey>((arg) => db.insertInto('apiKeys').values(allOf(keyShape.fields, arg))),
    revokeKey: guarded<Id & { readonly revokedAt: number }>((arg) =>
      usable(arg('id')).set({ revokedAt: arg('revokedAt') }),
    ),
    replaceKey: guarded<Id & { readonly replacedAt: number }>((arg) =>
      usable(arg('id')).set(({ ref }) => ({
        revokedAt: arg('replacedAt'),
        hash: sql`'replaced:' || ${ref('id')}`,
      })),
    ),
    setRole: guarded<Id & { readonly role: Role }>((arg) => usable(arg('id')).set({ role: arg('role') })),
    insertLinkKey: statement<LinkKey>((arg) =>
      db.insertInto('linkKeys').values(allOf(linkKeyShape.fields, arg)),
    ),
    findKey: prepare<Hash>((arg) => keys.where('hash', '=', arg('hash'))),
    findKeyById: prepare<Id>((arg) => keys.where('id', '=', arg('id'))),
    pageKeys: prepare<ByTime>(newest),
    pageKeysOf: prepare<ByTime & OfOrganization>((arg) =>
      newest(arg).where('organizationId', '=', arg('organizationId')),
    ),
    listKeys: prepare<object>(() => keys.orderBy('createdAt').orderBy('id')),
    listKeysOfName: prepare<{ readonly name: string }>((arg) =>
      keys.where('name', '=', arg('name')).orderBy('createdAt').orderBy('id'),
    ),
    listLinkKeys: prepare<object>(() => linkKeys.orderBy('createdAt', 'desc').orderBy('id', 'desc')),
  }
}
