import type { Command } from 'commander'
import type { ApiKey } from '../core/access/keys.ts'
import { longTime, printJson, printTable, shortTime } from './output.ts'
import { getOrganization, type Tenants, withTenants } from './stores.ts'

/** A key as it may be shown: nothing that was made from its secret. */
type ListedKey = ReturnType<typeof toListedKey>

export function listKeys(
  options: { readonly org?: string; readonly json?: true },
  command: Command,
): Promise<void> {
  return withTenants(command, async (tenants) => {
    const only = options.org === undefined ? undefined : await getOrganization(tenants, options.org)
    const slugs = await slugsById(tenants)
    const keys = (await tenants.metadata.listKeys())
      .filter(({ organizationId }) => only === undefined || organizationId === only.id)
      .map((key) => toListedKey(key, slugs))
    if (options.json) printJson(keys.map(toJson))
    else printTable([columns, ...keys.map(toRow)])
  })
}

async function slugsById({ metadata }: Tenants): Promise<ReadonlyMap<string, string>> {
  const named = [...(await metadata.listOrganizations()), ...(await metadata.listProjects())]
  return new Map(named.map(({ id, slug }) => [id, slug]))
}

function toListedKey(key: ApiKey, slugs: ReadonlyMap<string, string>) {
  const { id, name, organizationId, projectIds, userId, role, scopes, createdAt, revokedAt } = key
  const named = (itsId: string) => ({ id: itsId, slug: slugs.get(itsId) ?? itsId })
  return {
    id,
    name,
    organization: named(organizationId),
    projects: projectIds.map(named),
    userId,
    role,
    scopes,
    createdAt,
    revokedAt,
  }
}

function toJson(key: ListedKey) {
  return { ...key, createdAt: longTime(key.createdAt), revokedAt: longTime(key.revokedAt) }
}

const columns = ['ID', 'NAME', 'ORGANIZATION', 'PROJECTS', 'USER', 'ROLE', 'SCOPES', 'CREATED', 'REVOKED']

function toRow(key: ListedKey): string[] {
  return [
    key.id,
    key.name,
    key.organization.slug,
    key.projects.map(({ slug }) => slug).join(','),
    key.userId ?? '-',
    key.role,
    key.scopes.join(',') || 'all',
    shortTime(key.createdAt),
    shortTime(key.revokedAt),
  ]
}
