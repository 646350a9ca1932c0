import type { Command } from 'commander'
import type { Quota } from '../../core/access/tenants.ts'
import { examples, parseBound, parseByteBound } from '../arguments.ts'
import { printJson, printTable } from '../output.ts'
import { getOrganization, getProject, type Tenants, withTenants } from './stores.ts'

interface QuotaOptions {
  /** Of a project. */
  readonly org?: string
  readonly files?: number
  readonly bytes?: number
  readonly json?: true
}

export function addOrgQuotaCommand(org: Command): void {
  addQuotaCommand(org, '<org>', 'organization', getOrganization)
}

export function addProjectQuotaCommand(project: Command): void {
  addQuotaCommand(project, '<project>', 'project', async (tenants, name, { org = 'default' }) =>
    getProject(tenants, await getOrganization(tenants, org), name),
  ).option('--org <org>', 'organization, by name or id', 'default')
}

function addQuotaCommand(
  parent: Command,
  argument: string,
  holder: 'organization' | 'project',
  get: (tenants: Tenants, name: string, options: QuotaOptions) => Promise<Quota & { readonly id: string }>,
): Command {
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
        const { metadata } = tenants
        const { id, quotaFiles: files, quotaBytes: bytes } = await get(tenants, name, options)
        // More may be used than a new bound allows: then nothing can be added until it is less.
        const quotaFiles = changed(files, options.files)
        const quotaBytes = changed(bytes, options.bytes)
        if (options.files !== undefined || options.bytes !== undefined)
          await metadata.commit([{ kind: 'quota.set', holder, id, quotaFiles, quotaBytes }])
        const used = await metadata.usage(holder, id)
        const shown = {
          files: { used: used.files, quota: quotaFiles },
          bytes: { used: used.bytes, quota: quotaBytes },
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
