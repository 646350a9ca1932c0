import type { Command } from 'commander'
import { readOrganization } from '../../core/access/organizations.ts'
import { type Bounds, readProject, setOrganizationQuota, setProjectQuota } from '../../core/access/quotas.ts'
import type { InUse, Quota } from '../../core/access/tenants.ts'
import { examples, parseBound, parseByteBound } from '../arguments.ts'
import { printJson, printTable } from '../output.ts'
import { type Tenants, withTenants } from './stores.ts'

interface QuotaOptions {
  /** Of a project. */
  readonly org?: string
  readonly files?: number
  readonly bytes?: number
  readonly json?: true
}

export function addOrgQuotaCommand(org: Command): void {
  addQuotaCommand(org, '<org>', {
    read: (tenants, name) => readOrganization(tenants, tenants.owner, name),
    set: (tenants, name, bounds) => setOrganizationQuota(tenants, tenants.owner, name, bounds),
  })
}

export function addProjectQuotaCommand(project: Command): void {
  addQuotaCommand(project, '<project>', {
    read: async (tenants, idOrSlug, { org: organization = 'default' }) =>
      (await readProject(tenants, tenants.owner, { idOrSlug, organization })).project,
    set: async (tenants, idOrSlug, bounds, { org: organization = 'default' }) =>
      (await setProjectQuota(tenants, tenants.owner, { idOrSlug, organization }, bounds)).project,
  }).option('--org <org>', 'organization, by name or id', 'default')
}

/** Who has a quota. */
interface HolderCommands {
  readonly read: (tenants: Tenants, name: string, options: QuotaOptions) => Promise<InUse<Quota>>
  readonly set: (
    tenants: Tenants,
    name: string,
    bounds: Bounds,
    options: QuotaOptions,
  ) => Promise<InUse<Quota>>
}

function addQuotaCommand(parent: Command, argument: string, { read, set }: HolderCommands): Command {
  return parent
    .command('quota')
    .description('show what is used and allowed; --files and --bytes change it')
    .argument(argument, 'name or id')
    .option('--files <number>', 'most files, or none for no bound', parseBound)
    .option(
      '--bytes <size>',
      'most bytes of all files together, like 50GB, or none for no bound',
      parseByteBound,
    )
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      examples([
        ['what is used and allowed', `${parent.name()} quota default`],
        [
          'at most 10,000 files of 50 GB together',
          `${parent.name()} quota default --files 10000 --bytes 50GB`,
        ],
        ['no bound any more', `${parent.name()} quota default --files none --bytes none`],
      ]),
    )
    .action((name: string, options: QuotaOptions, command: Command) =>
      withTenants(command, async (tenants) => {
        let held = await read(tenants, name, options)
        const bounds = {
          files: changed(held.quotaFiles, options.files),
          bytes: changed(held.quotaBytes, options.bytes),
        }
        if (options.files !== undefined || options.bytes !== undefined)
          held = await set(tenants, name, bounds, options)
        const shown = {
          files: { used: held.usedFiles, quota: held.quotaFiles },
          bytes: { used: held.usedBytes, quota: held.quotaBytes },
        }
        if (options.json) return printJson(shown)
        const rows = Object.entries(shown).map(([what, row]) => [
          what,
          `${row.used}`,
          `${row.quota ?? 'none'}`,
        ])
        printTable([['', 'USED', 'QUOTA'], ...rows])
      }),
    )
}

/** Null: no bound. */
function changed(before: number | null, bound = before ?? Number.POSITIVE_INFINITY): number | null {
  return bound === Number.POSITIVE_INFINITY ? null : bound
}
