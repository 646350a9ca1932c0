import type { Grant } from '../ports/sessions.ts'
import type { Services } from '../services.ts'
import type { Role } from './keys.ts'
import { VIEWER_SCOPES } from './keys.ts'

/** What the people of a group get. */
export interface GroupRule {
  readonly group: string
  /** Id or slug, as the next one. */
  readonly organization: string
  /** `*`: all projects that the organization has when somebody signs in. */
  readonly project: string
  readonly role: Role
}

export interface Member {
  readonly userId: string
  readonly groups: readonly string[]
}

/**
 * What somebody may do who is in these groups. The first rule that fits decides the organization and the role; further ones that
 * fit, with the same organization and role, add projects. A rule whose organization or project is unknown does not fit.
 * @returns undefined if none fits
 */
export async function grantForGroups(
  { metadata }: Pick<Services, 'metadata'>,
  rules: readonly GroupRule[],
  { userId, groups }: Member,
): Promise<Grant | undefined> {
  let grant: Grant | undefined
  for (const { group, organization: named, project, role } of rules) {
    if (!groups.includes(group)) continue
    const organization = await metadata.findOrganization(named)
    if (organization === undefined) continue
    const { id: organizationId } = organization
    if (grant && (grant.organizationId !== organizationId || grant.role !== role)) continue
    const found =
      project === '*'
        ? await metadata.listProjects(organizationId)
        : [(await metadata.findProject(organizationId, project)) ?? []].flat()
    const projectIds = [...new Set([...(grant?.projectIds ?? []), ...found.map(({ id }) => id)])]
    if (projectIds.length === 0) continue
    grant = { organizationId, projectIds, userId, role, scopes: role === 'viewer' ? VIEWER_SCOPES : [] }
  }
  return grant
}
