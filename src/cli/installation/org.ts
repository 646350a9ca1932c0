import type { Command } from 'commander'
import { createOrganization, DEFAULT_SLUG } from '../../core/access/tenants.ts'
import { isStoreError } from '../../core/errors.ts'
import { examples, parseSlug } from '../arguments.ts'
import { Failure } from '../failure.ts'
import { hintAtKey } from '../next-command.ts'
import { print, printList } from '../output.ts'
import { addOrgQuotaCommand } from './quota.ts'
import { addInit, withTenants } from './stores.ts'

/** What a key without `--project` belongs to. */
const FIRST_PROJECT = 'default'

export function addOrgCommands(program: Command): void {
  const org = program.command('org').description('organizations: the tenants, each with projects and keys')
  addInit(org.command('create'))
    .description(`make an organization with the project "${FIRST_PROJECT}", and print its id`)
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
    const { organization } = await createOrganization(tenants, slug, FIRST_PROJECT).catch((error) => {
      if (!isStoreError(error, 'conflict')) throw error
      throw new Failure(`There is an organization "${slug}" already.`)
    })
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
