import type { Caller } from '../caller.ts'
import type { Services } from '../services.ts'
import type { ApiKey } from './keys.ts'
import type { Organization, Project } from './tenants.ts'

/** What a caller is told about itself. */
export interface DescribedCaller {
  readonly caller: Caller
  readonly organization: Organization
  /** Those that it may use; its own one first. */
  readonly projects: readonly Project[]
  /** Null: it has a session that stands for no key. */
  readonly key: Pick<ApiKey, 'id' | 'name'> | null
}

export async function describeCaller({ metadata }: Services, caller: Caller): Promise<DescribedCaller> {
  const { organizationId, projectIds, keyId } = caller
  const organization = await metadata.findOrganization(organizationId)
  if (organization === undefined) throw new Error('a caller without an organization')
  const all = new Map((await metadata.listProjects(organizationId)).map((project) => [project.id, project]))
  const projects = projectIds.flatMap((id) => all.get(id) ?? [])
  const key = keyId === null ? undefined : await metadata.findKeyById(keyId)
  return { caller, organization, projects, key: key ?? null }
}
