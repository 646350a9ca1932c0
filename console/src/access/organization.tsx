import { useComputed } from '@preact/signals'
import type { Page } from '../api/bodies.ts'
import { api } from '../api/client.ts'
import { type Resource, useResource } from '../api/resource.ts'
import { place, setQuery } from '../router.ts'
import { hasRole, me } from '../session.ts'
import type { OrganizationBody } from './bodies.ts'
import styles from './organization.module.css'

/** As many as one can choose from. */
const MAX_ORGANIZATIONS = 1000

/** The organization that the address names, by its slug; undefined: the caller's own. */
export function chosenOrganization(): string | undefined {
  return (hasRole('operator') && place.value.query.get('organization')) || undefined
}

/** All organizations, for operators; the own one for admins, and none for others. */
export function useOrganizations(): Resource<readonly OrganizationBody[]> {
  return useResource(async (signal) => {
    if (!hasRole('admin')) return []
    const query = { limit: MAX_ORGANIZATIONS }
    return (await api.get<Page<'organizations', OrganizationBody>>('organizations', { query, signal }))
      .organizations
  })
}

/** Whose keys and projects are shown; only operators have a choice. */
export function OrganizationChooser({
  organizations,
}: {
  readonly organizations: Resource<readonly OrganizationBody[]>
}) {
  const slugs = useComputed(() => organizations.value.value?.map(({ slug }) => slug) ?? [])
  const own = me.value?.organization.slug ?? ''
  if (slugs.value.length < 2) return null
  return (
    <label class={styles.chooser}>
      Organization
      <select
        class={styles.select}
        aria-label="Organization"
        value={chosenOrganization() ?? own}
        onChange={({ currentTarget: { value } }) => setQuery({ organization: value === own ? null : value })}
      >
        {slugs.value.map((slug) => (
          <option key={slug} value={slug}>
            {slug}
          </option>
        ))}
      </select>
    </label>
  )
}
