import type { Held, OrganizationBody, ProjectBody } from '../../access/bodies.ts'
import type { LoadedPages } from '../../access/load-pages.ts'
import { hasRole } from '../../session.ts'
import { Button } from '../../ui/button.tsx'
import { Empty } from '../../ui/empty.tsx'
import { Failure } from '../../ui/failure.tsx'
import { Section } from '../../ui/page.tsx'
import { type Column, Table } from '../../ui/table.tsx'
import { countOf, Name, sizeOf, Time } from '../../ui/text.tsx'
import styles from './projects.module.css'
import type { Holder } from './quota-dialog.tsx'
import { Use } from './use.tsx'

function Slug({ text }: { readonly text: string }) {
  return (
    <span class={styles.name}>
      <Name text={text} />
    </span>
  )
}

const held: readonly Column<Held>[] = [
  { name: 'Name', cell: ({ slug }) => <Slug text={slug} /> },
  {
    name: 'Files',
    cell: ({ slug, usage, quota }) => (
      <Use label={`Files of ${slug}`} used={usage.files} bound={quota.files} print={countOf} />
    ),
  },
  {
    name: 'Size',
    cell: ({ slug, usage, quota }) => (
      <Use label={`Size of ${slug}`} used={usage.bytes} bound={quota.bytes} print={sizeOf} />
    ),
  },
]
const made: Column<Held & { readonly createdAt: string }> = {
  name: 'Made',
  cell: ({ createdAt }) => <Time iso={createdAt} />,
  isMinor: true,
}
const organizationColumns: readonly Column<OrganizationBody>[] = [
  ...held,
  { name: 'Projects', cell: ({ projects }) => countOf(projects), isNumber: true, isMinor: true },
  made,
]
const projectColumns: readonly Column<ProjectBody>[] = [...held, made]

interface ListProps {
  readonly error: unknown
  readonly retry: () => void
  /** Begins a new one. */
  readonly make: () => void
  /** Begins the change of a quota. */
  readonly bound: (holder: Holder) => void
}

interface ProjectListProps extends ListProps {
  /** Undefined while they come. */
  readonly projects: LoadedPages<ProjectBody> | undefined
  readonly onMore: () => void
}

/** Projects, and, for admins, what makes and bounds them. */
export function ProjectList({ projects, error, retry, make, bound, onMore }: ProjectListProps) {
  const isAdmin = hasRole('admin')
  const button = isAdmin && (
    <Button kind="main" icon="plus" onClick={make}>
      New project
    </Button>
  )
  return (
    <Section title="Projects" actions={button}>
      {error !== undefined && <Failure what="Projects" error={error} retry={retry} />}
      {projects?.items.length === 0 && (
        <Empty title="No project here">
          <p>Files belong to projects, and a key opens some of them.</p>
        </Empty>
      )}
      {projects !== undefined && projects.items.length > 0 && (
        <Table
          label="Projects"
          columns={projectColumns}
          rows={projects.items}
          keyOf={({ id }) => id}
          {...(isAdmin ? { actions: quotaButton('projects', bound) } : {})}
        />
      )}
      {projects?.hasMore && (
        <Button class={styles.more} onClick={onMore}>
          Show more
        </Button>
      )}
    </Section>
  )
}

interface OrganizationListProps extends ListProps {
  readonly organizations: readonly OrganizationBody[] | undefined
}

/** All organizations for operators, their own for admins. */
export function OrganizationList({ organizations, error, retry, make, bound }: OrganizationListProps) {
  const isOperator = hasRole('operator')
  const button = isOperator && (
    <Button icon="plus" onClick={make}>
      New organization
    </Button>
  )
  return (
    <Section title={isOperator ? 'Organizations' : 'Organization'} actions={button}>
      {error !== undefined && <Failure what="Organizations" error={error} retry={retry} />}
      {organizations !== undefined && (
        <Table
          label="Organizations"
          columns={organizationColumns}
          rows={organizations}
          keyOf={({ id }) => id}
          {...(isOperator ? { actions: quotaButton('organizations', bound) } : {})}
        />
      )}
    </Section>
  )
}

function quotaButton(kind: Holder['kind'], bound: (holder: Holder) => void) {
  return (held: Held) => (
    <Button kind="quiet" aria-label={`Quota of ${held.slug}`} onClick={() => bound({ kind, held })}>
      Quota
    </Button>
  )
}
