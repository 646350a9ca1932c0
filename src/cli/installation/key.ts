import { type Command, InvalidArgumentError, Option } from 'commander'
import { hashSecret } from '../../core/access/admit.ts'
import { type Fidelity, fidelities, isScope, issueKey, type Scope, scopes } from '../../core/access/keys.ts'
import { DEFAULT_SLUG } from '../../core/access/tenants.ts'
import { isStoreError } from '../../core/errors.ts'
import { examples, parseName } from '../arguments.ts'
import { Failure } from '../failure.ts'
import { print, printList } from '../output.ts'
import {
  addInit,
  getOrganization,
  getProject,
  namesById,
  requireDefaults,
  type Tenants,
  withTenants,
} from './stores.ts'

interface CreateOptions {
  readonly name: string
  readonly org: string
  readonly project?: readonly string[]
  readonly user?: string
  readonly admin?: true
  readonly scope?: readonly Scope[]
  readonly fidelity?: Fidelity
}

export function addKeyCommands(program: Command): void {
  const key = program.command('key').description('API keys')
  addInit(key.command('create'))
    .description('make a key and print it, and nothing else; it cannot be shown again')
    .option('--name <name>', 'what listings call it', parseName, 'unnamed')
    .option('--org <org>', 'organization, by name or id', 'default')
    .option(
      '--project <project>',
      'project, by name or id; repeatable, the first is where uploads go (default: "default")',
      (text: string, before: readonly string[] = []) => [...before, text],
    )
    .option('--user <user>', 'the user it acts for; else it acts for its project', parseName)
    .option('--admin', 'lets it do what a dialect keeps for admins, with --user; nothing else')
    .option('--scope <scope>', `${scopes.join(', ')}; repeatable, none means all`, appendScope)
    .addOption(
      new Option(
        '--fidelity <fidelity>',
        "which refusals of a vendor hold for it (default: the servers')",
      ).choices(fidelities),
    )
    .addHelpText(
      'after',
      examples([
        ['a key for a program', 'key create --name worker'],
        ['one that may only read', 'key create --name viewer --scope files:read'],
        ['one for two projects; uploads go to the first', 'key create --project reports --project default'],
      ]),
    )
    .action(createKey)
  key
    .command('list')
    .description('list keys, revoked ones included, without their secrets')
    .option('--org <org>', 'only those of one organization, by name or id')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      examples([
        ['all keys', 'key list'],
        ['those of one organization, for a program', 'key list --org acme --json'],
      ]),
    )
    .action(listKeys)
  key
    .command('revoke')
    .description('make a key useless, at once and for good')
    .argument('<key>', 'its id, or the key itself')
    .addHelpText(
      'after',
      examples([['by the id that the list shows', 'key revoke 0198c3f5-2b7a-7c31-9d52-6a1f0c8e4b7d']]),
    )
    .action(revokeKey)
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
    for (const project of projects) projectIds.push((await getProject(tenants, organization, project)).id)
    const { secret } = await issueKey(tenants, {
      name: options.name,
      organizationId: organization.id,
      projectIds: [...new Set(projectIds)],
      userId: options.user ?? null,
      role: options.admin ? 'admin' : 'member',
      scopes: [...new Set(options.scope)],
      fidelity: options.fidelity ?? null,
    })
    print(secret)
  }
  return withTenants(command, create, () => requireDefaults(org, projects))
}

const columns = [
  'ID',
  'NAME',
  'ORGANIZATION',
  'PROJECTS',
  'USER',
  'ROLE',
  'SCOPES',
  'FIDELITY',
  'CREATED',
  'REVOKED',
]

/** Shows nothing that was made from a secret. */
function listKeys(options: { readonly org?: string; readonly json?: true }, command: Command): Promise<void> {
  return withTenants(command, async (tenants) => {
    const only = options.org === undefined ? undefined : await getOrganization(tenants, options.org)
    const named = await namesById(tenants)
    const keys = (await tenants.metadata.listKeys())
      .filter(({ organizationId }) => only === undefined || organizationId === only.id)
      .map((key) => ({
        id: key.id,
        name: key.name,
        organization: named(key.organizationId),
        projects: key.projectIds.map(named),
        userId: key.userId,
        role: key.role,
        scopes: key.scopes,
        fidelity: key.fidelity,
        createdAt: key.createdAt,
        revokedAt: key.revokedAt,
      }))
    printList(columns, keys, options.json)
  })
}

/** Revoking what is revoked already succeeds: that is how things should be. */
function revokeKey(idOrSecret: string, _options: object, command: Command): Promise<void> {
  return withTenants(command, async ({ metadata, clock }) => {
    const key =
      (await metadata.findKey(hashSecret(idOrSecret))) ??
      (await metadata.listKeys()).find(({ id }) => id === idOrSecret.toLowerCase())
    if (key === undefined) throw new Failure('There is no such key.')
    try {
      await metadata.commit([{ kind: 'key.revoke', id: key.id, revokedAt: clock.now() }])
      print(`Revoked ${key.id} (${key.name}).`)
    } catch (error) {
      if (!isStoreError(error, 'conflict')) throw error
      print(`${key.id} (${key.name}) was revoked before.`)
    }
  })
}
