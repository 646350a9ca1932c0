import { Argument, type Command } from 'commander'
import { createOrganization, DEFAULT_SLUG } from '../core/access/tenants.ts'
import { isStoreError } from '../core/errors.ts'
import { Failure } from './failure.ts'
import { parseSlug } from './names.ts'
import { nextCommand, printHint } from './next-command.ts'
import { longTime, print, printJson, printTable, shortTime } from './output.ts'
import { addOrgQuotaCommand } from './quota.ts'
import { addSettings, storeSettings } from './settings.ts'
import { addInit, withTenants } from './stores.ts'

/** What a key without `--project` belongs to. */
const FIRST_PROJECT = 'default'

export function addOrgCommands(program: Command): void {
  const org = program.command('org').description('organizations: the tenants, each with projects and keys')
  addSettings(
    addInit(org.command('create'))
      .description(`make an organization with the project "${FIRST_PROJECT}", and print its id`)
      .addArgument(new Argument('<name>', 'unique in the installation').argParser(parseSlug))
      .action(createOrg),
    storeSettings,
  )
  addSettings(
    org.command('list').description('list organizations').option('--json', 'as JSON').action(listOrgs),
    storeSettings,
  )
  addOrgQuotaCommand(org)
}

function createOrg(slug: string, _options: object, command: Command): Promise<void> {
  return withTenants(command, async (tenants) => {
    const { firstOrganizationId } = tenants
    // The new installation has come with it.
    if (slug === DEFAULT_SLUG && firstOrganizationId !== undefined) {
      print(firstOrganizationId)
      return
    }
    const { organization } = await createOrganization(tenants, slug, FIRST_PROJECT).catch((error) => {
      if (!isStoreError(error, 'conflict')) throw error
      throw new Failure(`There is an organization "${slug}" already.`)
    })
    print(organization.id)
    printHint(
      `No key can use it yet. To make one:\n  ${nextCommand(command, 'key', 'create', '--org', slug)}`,
    )
  })
}

function listOrgs({ json }: { readonly json?: true }, command: Command): Promise<void> {
  return withTenants(command, async ({ metadata }) => {
    const organizations = await metadata.listOrganizations()
    if (json) {
      printJson(
        organizations.map(({ id, slug, createdAt }) => ({ id, slug, createdAt: longTime(createdAt) })),
      )
      return
    }
    const rows = organizations.map(({ id, slug, createdAt }) => [id, slug, shortTime(createdAt)])
    printTable([['ID', 'NAME', 'CREATED'], ...rows])
  })
}
