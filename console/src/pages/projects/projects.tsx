import { useSignal } from '@preact/signals'
import type { ProjectBody } from '../../access/bodies.ts'
import { loadPages } from '../../access/load-pages.ts'
import { chosenOrganization, OrganizationChooser, useOrganizations } from '../../access/organization.tsx'
import { useResource } from '../../api/resource.ts'
import { hasRole } from '../../session.ts'
import { PageFrame } from '../../ui/page.tsx'
import { OrganizationList, ProjectList } from './lists.tsx'
import { NewTenant, type NewTenantProps } from './new-tenant.tsx'
import { type Holder, QuotaDialog } from './quota-dialog.tsx'

const PAGE = 200

/** Organizations for operators, projects for everybody, each with what is used of its quota. */
export function ProjectsPage() {
  const making = useSignal<NewTenantProps['kind'] | undefined>(undefined)
  const bounding = useSignal<Holder | undefined>(undefined)
  const pages = useSignal(1)
  const organizations = useOrganizations()
  const projects = useResource((signal) => {
    const query = { organization: chosenOrganization(), limit: PAGE }
    return loadPages<ProjectBody>('projects', pages.value, { query, signal })
  })
  const reload = () => {
    organizations.reload()
    projects.reload()
  }
  const bound = (holder: Holder) => {
    bounding.value = holder
  }
  return (
    <PageFrame title="Projects & quotas" actions={<OrganizationChooser organizations={organizations} />}>
      <ProjectList
        projects={projects.value.value}
        error={projects.error.value}
        retry={projects.reload}
        onMore={() => pages.value++}
        make={() => {
          making.value = 'project'
        }}
        bound={bound}
      />
      {hasRole('admin') && (
        <OrganizationList
          organizations={organizations.value.value}
          error={organizations.error.value}
          retry={organizations.reload}
          make={() => {
            making.value = 'organization'
          }}
          bound={bound}
        />
      )}
      {making.value !== undefined && (
        <NewTenant
          kind={making.value}
          organization={making.value === 'project' ? chosenOrganization() : undefined}
          onMade={reload}
          onClose={() => {
            making.value = undefined
          }}
        />
      )}
      {bounding.value !== undefined && (
        <QuotaDialog
          holder={bounding.value}
          onSet={reload}
          onClose={() => {
            bounding.value = undefined
          }}
        />
      )}
    </PageFrame>
  )
}
