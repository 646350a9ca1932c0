import { type Command, InvalidArgumentError } from 'commander'
import type { Quota } from '../core/access/tenants.ts'
import { printJson, printTable } from './output.ts'
import { addSettings, storeSettings } from './settings.ts'
import { getOrganization, getProject, type Tenants, withTenants } from './stores.ts'

type Bound = number | 'none'

interface QuotaOptions {
  readonly org?: string
  readonly files?: Bound
  readonly bytes?: Bound
  readonly json?: true
}

type Holder = Quota & { readonly id: string }

export function addOrgQuotaCommand(org: Command): void {
  addQuotaCommand(org, '<org>').action((name: string, options: QuotaOptions, command: Command) =>
    withTenants(command, (tenants) =>
      setAndShow(tenants, 'organization', () => getOrganization(tenants, name), options),
    ),
  )
}

export function addProjectQuotaCommand(project: Command): void {
  addQuotaCommand(project, '<project>')
    .option('--org <org>', 'organization, by name or id', 'default')
    .action((name: string, options: QuotaOptions, command: Command) =>
      withTenants(command, (tenants) => {
        const find = async () =>
          getProject(tenants, await getOrganization(tenants, options.org ?? 'default'), name)
        return setAndShow(tenants, 'project', find, options)
      }),
    )
}

function addQuotaCommand(parent: Command, argument: string): Command {
  const command = parent
    .command('quota')
    .description('show what is used and allowed; --files and --bytes change it')
    .argument(argument, 'name or id')
    .option('--files <number>', 'most files, or none for no bound', parseBound)
    .option('--bytes <number>', 'most bytes of all files together, or none for no bound', parseBound)
    .option('--json', 'as JSON')
  return addSettings(command, storeSettings)
}

function parseBound(text: string): Bound {
  if (text === 'none') return text
  const bound = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(bound)) return bound
  throw new InvalidArgumentError('It is neither a whole number nor none.')
}

/** What is used already may be more than a new bound: then nothing can be added until it is less. */
async function setAndShow(
  { metadata }: Tenants,
  kind: 'organization' | 'project',
  find: () => Promise<Holder>,
  { files, bytes, json }: QuotaOptions,
): Promise<void> {
  let holder = await find()
  if (files !== undefined || bytes !== undefined) {
    const quota = {
      quotaFiles: changed(holder.quotaFiles, files),
      quotaBytes: changed(holder.quotaBytes, bytes),
    }
    await metadata.commit([{ kind: 'quota.set', holder: kind, id: holder.id, ...quota }])
    holder = await find()
  }
  const used = await metadata.usage(kind, holder.id)
  const shown = {
    files: { used: used.files, quota: holder.quotaFiles },
    bytes: { used: used.bytes, quota: holder.quotaBytes },
  }
  if (json) printJson(shown)
  else printTable([['', 'USED', 'QUOTA'], ...Object.entries(shown).map(([what, row]) => toRow(what, row))])
}

function changed(before: number | null, bound: Bound | undefined): number | null {
  if (bound === undefined) return before
  return bound === 'none' ? null : bound
}

function toRow(what: string, row: { readonly used: number; readonly quota: number | null }): string[] {
  return [what, String(row.used), row.quota === null ? 'none' : String(row.quota)]
}
