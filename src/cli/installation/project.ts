import type { Command } from 'commander'
import { organizationFor } from '../../core/access/administrator.ts'
import { addProject } from '../../core/access/projects.ts'
import { DEFAULT_SLUG } from '../../core/access/tenants.ts'
import { examples, parseSlug } from '../arguments.ts'
import { hintAtKey } from '../next-command.ts'
import { print, printList } from '../output.ts'
import { addProjectQuotaCommand } from './quota.ts'
import { namesById, withTenants } from './stores.ts'

export function addProjectCommands(program: Command): void {
  const project = program.command('project').description('projects: what files belong to')
  project
    .command('create')
    .description('make a project, and print its id; keys that there are do not get into it')
    .argument('<name>', 'unique in the organization', parseSlug)
    .option('--org <org>', 'organization, by name or id', 'default')
    .addHelpText(
      'after',
      examples([
        ['a project of the default organization', 'project create reports'],
        ['one of another', 'project create reports --org acme'],
      ]),
    )
    .action(create)
  project
    .command('list')
    .description('list projects')
    .option('--org <org>', 'only those of one organization, by name or id')
    .option('--json', 'as JSON')
    .addHelpText('after', examples([['those of one organization', 'project list --org acme']]))
    .action(list)
  addProjectQuotaCommand(project)
}

function create(slug: string, { org }: { readonly org: string }, command: Command): Promise<void> {
  return withTenants(command, async (tenants) => {
    const { organization, project } = await addProject(tenants, tenants.owner, { slug, organization: org })
    print(project.id)
    const of = organization.slug === DEFAULT_SLUG ? [] : ['--org', organization.slug]
    hintAtKey(command, ...of, '--project', slug)
  })
}

function list(options: { readonly org?: string; readonly json?: true }, command: Command): Promise<void> {
  return withTenants(command, async (tenants) => {
    const { owner } = tenants
    const only = options.org === undefined ? undefined : await organizationFor(tenants, owner, options.org)
    const named = await namesById(tenants)
    const projects = await tenants.metadata.listProjects(only?.id)
    const listed = projects.map(({ id, slug, organizationId, createdAt }) => {
      return { id, slug, organization: named(organizationId), createdAt }
    })
    printList(['ID', 'NAME', 'ORGANIZATION', 'CREATED'], listed, options.json)
  })
}
