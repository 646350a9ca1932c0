import { type Command, InvalidArgumentError, Option } from 'commander'
import { hashSecret, isScope, issueKey, type Scope, scopes } from '../core/access/keys.ts'
import { DEFAULT_SLUG } from '../core/access/tenants.ts'
import { isStoreError } from '../core/errors.ts'
import { Failure } from './failure.ts'
import { listKeys } from './key-list.ts'
import { parseName } from './names.ts'
import { print } from './output.ts'
import { addSettings, storeSettings } from './settings.ts'
import { addInit, getOrganization, getProject, requireDefaults, type Tenants, withTenants } from './stores.ts'

interface CreateOptions {
  readonly name: string
  readonly org: string
  readonly project?: readonly string[]
  readonly user?: string
  readonly admin?: true
  readonly scope?: readonly Scope[]
}

export function addKeyCommands(program: Command): void {
  const key = program.command('key').description('API keys')
  addSettings(
    addInit(key.command('create'))
      .description('make a key and print it, and nothing else; it cannot be shown again')
      .addOption(new Option('--name <name>', 'what listings call it').default('unnamed').argParser(parseName))
      .option('--org <org>', 'organization, by name or id', 'default')
      .option(
        '--project <project>',
        'project, by name or id; repeatable, the first is where uploads go (default: "default")',
        append,
      )
      .addOption(
        new Option('--user <user>', 'the user it acts for; else it acts for its project').argParser(
          parseName,
        ),
      )
      .option('--admin', 'lets it do what a dialect keeps for admins, with --user; nothing else')
      .option('--scope <scope>', `${scopes.join(', ')}; repeatable, none means all`, appendScope)
      .action(createKey),
    storeSettings,
  )
  addSettings(
    key
      .command('list')
      .description('list keys, revoked ones included, without their secrets')
      .option('--org <org>', 'only those of one organization, by name or id')
      .option('--json', 'as JSON')
      .action(listKeys),
    storeSettings,
  )
  addSettings(
    key
      .command('revoke')
      .description('make a key useless, at once and for good')
      .argument('<key>', 'its id, or the key itself')
      .action(revokeKey),
    storeSettings,
  )
}

function append(text: string, before: readonly string[] = []): string[] {
  return [...before, text]
}

function appendScope(text: string, before: readonly Scope[] = []): Scope[] {
  if (!isScope(text)) throw new InvalidArgumentError(`The scopes are ${scopes.join(', ')}.`)
  return [...before, text]
}

function createKey(options: CreateOptions, command: Command): Promise<void> {
  const { org, project: projects = [DEFAULT_SLUG] } = options
  const create = async (tenants: Tenants) => {
    const organization = await getOrganization(tenants, org)
    const projectIds: string[] = []
    for (const project of projects) {
      projectIds.push((await getProject(tenants, organization, project)).id)
    }
    const { secret } = await issueKey(tenants, {
      name: options.name,
      organizationId: organization.id,
      projectIds: [...new Set(projectIds)],
      userId: options.user ?? null,
      role: options.admin ? 'admin' : 'member',
      scopes: [...new Set(options.scope)],
    })
    print(secret)
  }
  return withTenants(command, create, () => requireDefaults(org, projects))
}

/** Revoking what is revoked already succeeds: that is how things should be. */
function revokeKey(idOrSecret: string, _options: object, command: Command): Promise<void> {
  return withTenants(command, async (tenants) => {
    const key = await findKey(tenants, idOrSecret)
    if (key === undefined) throw new Failure('There is no such key.')
    const { metadata, clock } = tenants
    try {
      await metadata.commit([{ kind: 'key.revoke', id: key.id, revokedAt: clock.now() }])
      print(`Revoked ${key.id} (${key.name}).`)
    } catch (error) {
      if (!isStoreError(error, 'conflict')) throw error
      print(`${key.id} (${key.name}) was revoked before.`)
    }
  })
}

async function findKey({ metadata }: Tenants, idOrSecret: string) {
  const bySecret = await metadata.findKey(hashSecret(idOrSecret))
  return bySecret ?? (await metadata.listKeys()).find(({ id }) => id === idOrSecret.toLowerCase())
}
