import type { Command } from 'commander'
import { ensureDefaultTenant } from '../core/access/default-tenant.ts'
import type { Organization, Project } from '../core/access/tenant.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { closingAfter } from '../core/closing.ts'
import type { MetadataStore } from '../core/metadata-store.ts'
import type { Stores } from '../stores.ts'
import { Failure } from './failure.ts'
import { configOf } from './settings.ts'

export type Tenants = Pick<Stores, 'metadata'> & { readonly clock: Clock }

/** Commands that make an installation where there is none, if they are told to. */
export function addInit(command: Command): Command {
  return command.option('--init', 'make a new installation if there is none')
}

/**
 * Opens the stores of the installation for as long as `work` lasts; a server may be running on it.
 * @throws Error if there is none and the command is not told to make one
 */
export async function withStores<T>(command: Command, work: (stores: Stores) => Promise<T>): Promise<T> {
  const config = configOf(command)
  // Loaded only now, since it brings the whole server with it: help and mistakes answer at once.
  const { openStores } = await import('../stores.ts')
  // A commit that fails rejects; there is nobody else to tell.
  const stores = await openStores(config, { makes: command.opts().init === true, onFatal: () => undefined })
  return closingAfter(
    () => stores.metadata.close(),
    () => work(stores),
  )
}

/** The same for commands about organizations, projects and keys: in a new installation the defaults are made first. */
export async function withTenants<T>(command: Command, work: (tenants: Tenants) => Promise<T>): Promise<T> {
  return withStores(command, async ({ metadata }) => {
    const tenants = { metadata, clock: await clockOf(metadata) }
    await ensureDefaultTenant(tenants)
    return work(tenants)
  })
}

/** All who use one installation go by one clock. */
export async function clockOf(metadata: MetadataStore): Promise<Clock> {
  return (await metadata.sharedClock?.()) ?? systemClock
}

/** @throws Failure if there is none */
export async function getOrganization({ metadata }: Tenants, idOrSlug: string): Promise<Organization> {
  const organization = await metadata.findOrganization(idOrSlug)
  if (organization === undefined) throw new Failure(`There is no organization "${idOrSlug}".`)
  return organization
}

/** @throws Failure if the organization has none of this name */
export async function getProject(
  { metadata }: Tenants,
  organization: Organization,
  idOrSlug: string,
): Promise<Project> {
  const project = await metadata.findProject(organization.id, idOrSlug)
  if (project === undefined) {
    throw new Failure(`There is no project "${idOrSlug}" in the organization "${organization.slug}".`)
  }
  return project
}
