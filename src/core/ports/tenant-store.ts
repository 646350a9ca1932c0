import type { ApiKey } from '../access/keys.ts'
import type { InUse, ListedOrganization, Organization, Project } from '../access/tenants.ts'

/** Where a page of organizations or projects ended. */
export type SlugCursor = Pick<Project, 'slug' | 'id'>

/** Where a page of keys ended. */
export type KeyCursor = Pick<ApiKey, 'createdAt' | 'id'>

export interface PageAfter<Cursor> {
  /** Undefined: from the beginning. */
  readonly after: Cursor | undefined
  readonly limit: number
}

interface PageOf<Cursor> extends PageAfter<Cursor> {
  /** Undefined: of all of them. */
  readonly organizationId?: string | undefined
}

/** The part of a `MetadataStore` that tells who may use the others: organizations, projects and keys. */
export interface TenantStore {
  findOrganization(idOrSlug: string): Promise<Organization | undefined>
  listOrganizations(): Promise<readonly Organization[]>
  findProject(organizationId: string, idOrSlug: string): Promise<Project | undefined>
  findProjectById(id: string): Promise<Project | undefined>
  /** Oldest first; of all organizations if none is named. */
  listProjects(organizationId?: string): Promise<readonly Project[]>
  /** By slug, which compares by code point. */
  pageOrganizations(page: PageAfter<SlugCursor>): Promise<readonly ListedOrganization[]>
  /** By slug, and those of one slug by id. */
  pageProjects(page: PageOf<SlugCursor>): Promise<readonly InUse<Project>[]>
  /** Revoked keys included. */
  findKeyById(id: string): Promise<ApiKey | undefined>
  /** Newest first, revoked keys included. */
  pageKeys(page: PageOf<KeyCursor>): Promise<readonly ApiKey[]>
  /** By the SHA-256 of the secret, revoked keys included. */
  findKey(hash: string): Promise<ApiKey | undefined>
  /** Oldest first, revoked keys included; only those of this name if one is given. */
  listKeys(name?: string): Promise<readonly ApiKey[]>
}
