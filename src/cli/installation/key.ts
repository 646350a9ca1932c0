import { type Command, InvalidArgumentError, Option } from 'commander'
import { addKey, revokeKey as revoke } from '../../core/access/administer-keys.ts'
import { organizationFor } from '../../core/access/administrator.ts'
import { hashSecret } from '../../core/access/admit.ts'
import { type Fidelity, fidelities, isScope, type Role, type Scope, scopes } from '../../core/access/keys.ts'
import { DEFAULT_SLUG } from '../../core/access/tenants.ts'
import { SECOND_MS } from '../../core/ports/clock.ts'
import { examples, parseName } from '../arguments.ts'
import { type Lifetime, parseLifetime } from '../lifetime.ts'
import { print, printList } from '../output.ts'
import { addInit, namesById, requireDefaults, type Tenants, withTenants } from './stores.ts'

interface CreateOptions {
  readonly name: string
  readonly org: string
  readonly project?: readonly string[]
  readonly user?: string
  readonly viewer?: true
  readonly admin?: true
  readonly operator?: true
  readonly scope?: readonly Scope[]
  readonly fidelity?: Fidelity
  readonly expires?: Lifetime
}

export function addKeyCommands(program: Command): void {
  const key = program.command('key').description('API keys')
  addCreate(key)
  addList(key)
  addRevoke(key)
}

function addCreate(key: Command): void {
  const create = addInit(key.command('create'))
    .description('make a key and print it, and nothing else; it cannot be shown again')
    .option('--name <name>', 'what listings call it', parseName, 'unnamed')
    .option('--org <org>', 'organization, by name or id', 'default')
    .option(
      '--project <project>',
      'project, by name or id; repeatable, the first is where uploads go (default: "default")',
      (text: string, before: readonly string[] = []) => [...before, text],
    )
    .option('--user <user>', 'the user it acts for; else it acts for its project', parseName)
    .option('--scope <scope>', `${scopes.join(', ')}; repeatable, none means all`, appendScope)
    .addOption(
      new Option(
        '--fidelity <fidelity>',
        "which refusals of a vendor hold for it (default: the servers')",
      ).choices(fidelities),
    )
    .option('--expires <end>', 'when it ends: 30d, 12h, or a time like 2030-01-31T12:00:00Z', parseLifetime)
    .addHelpText(
      'after',
      examples([
        ['a key for a program', 'key create --name worker'],
        ['one that may only read, for a month', 'key create --name viewer --viewer --expires 30d'],
        ['one for two projects; uploads go to the first', 'key create --project reports --project default'],
      ]),
    )
    .action(createKey)
  addRoles(create)
}

/** One at a time; without any the key is a member's. */
function addRoles(create: Command): void {
  create
    .addOption(
      new Option('--viewer', 'lets it read, and change nothing').conflicts(['admin', 'operator', 'scope']),
    )
    .addOption(
      new Option(
        '--admin',
        'lets it see what others hide, administer its organization, and, with --user, do what a dialect keeps for admins',
      ).conflicts('operator'),
    )
    .option('--operator', 'lets it administer the whole installation, as an admin besides')
}

function addList(key: Command): void {
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
}

function addRevoke(key: Command): void {
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
    const { secret } = await addKey(tenants, tenants.owner, {
      name: options.name,
      organization: org,
      projects,
      user: options.user,
      role: roleOf(options),
      scopes: options.scope,
      fidelity: options.fidelity,
      expiresAt: options.expires && endOf(options.expires, tenants.clock.now()),
    })
    print(secret)
  }
  return withTenants(command, create, () => requireDefaults(org, projects))
}

function roleOf({ viewer, admin, operator }: CreateOptions): Role {
  if (operator) return 'operator'
  if (admin) return 'admin'
  return viewer ? 'viewer' : 'member'
}

function endOf(lifetime: Lifetime, now: number): number {
  return 'at' in lifetime ? lifetime.at : now + lifetime.seconds * SECOND_MS
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
  'EXPIRES',
  'REVOKED',
]

/** Shows nothing that was made from a secret. */
function listKeys(options: { readonly org?: string; readonly json?: true }, command: Command): Promise<void> {
  return withTenants(command, async (tenants) => {
    const { owner } = tenants
    const only = options.org === undefined ? undefined : await organizationFor(tenants, owner, options.org)
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
        expiresAt: key.expiresAt,
        revokedAt: key.revokedAt,
      }))
    printList(columns, keys, options.json)
  })
}

/** Revoking what is revoked already succeeds: that is how things should be. */
function revokeKey(idOrSecret: string, _options: object, command: Command): Promise<void> {
  return withTenants(command, async (tenants) => {
    const known = await tenants.metadata.findKey(hashSecret(idOrSecret))
    const { id, name, revokedAt } = await revoke(
      tenants,
      tenants.owner,
      known?.id ?? idOrSecret.toLowerCase(),
    )
    print(revokedAt === null ? `Revoked ${id} (${name}).` : `${id} (${name}) was revoked before.`)
  })
}
