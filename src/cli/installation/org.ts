import type { Command } from 'commander'
import { addOrganization } from '../../core/access/organizations.ts'
import { DEFAULT_SLUG } from '../../core/access/tenants.ts'
import { examples, parseSlug } from '../arguments.ts'
import { hintAtKey } from '../next-command.ts'
import { print, printList } from '../output.ts'
import { addOrgQuotaCommand } from './quota.ts'
import { addInit, withTenants } from './stores.ts'

export function addOrgCommands(program: Command): void {
  const org = program.command('org').description('organizations: the tenants, each with projects and keys')
  addInit(org.command('create'))
    .description(`make an organization with the project "${DEFAULT_SLUG}", and print its id`)
    .argument('<name>', 'unique in the installation', parseSlug)
    .addHelpText('after', examples([['a tenant', 'org create acme']]))
    .action(createOrg)
  org
    .command('list')
    .description('list organizations')
    .option('--json', 'as JSON')
    .addHelpText('after', examples([['as JSON, for a program', 'org list --json']]))
    .action(listOrgs)
  addOrgQuotaCommand(org)
}

function createOrg(slug: string, _options: object, command: Command): Promise<void> {
  return withTenants(command, async (tenants) => {
    const { firstOrganizationId } = tenants
    // The new installation has come with it.
    if (slug === DEFAULT_SLUG && firstOrganizationId !== undefined) return print(firstOrganizationId)
    const { organization } = await addOrganization(tenants, tenants.owner, { slug })
    print(organization.id)
    hintAtKey(command, '--org', slug)
  })
}

function listOrgs({ json }: { readonly json?: true }, command: Command): Promise<void> {
  return withTenants(command, async ({ metadata }) => {
    const all = await metadata.listOrganizations()
    const listed = all.map(({ id, slug, createdAt }) => ({ id, slug, createdAt }))
    printList(['ID', 'NAME', 'CREATED'], listed, json)
  })
}
