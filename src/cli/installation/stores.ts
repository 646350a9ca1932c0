import type { Command } from 'commander'
import { clockOf } from '../../app/emulation.ts'
import type { Stores } from '../../app/open-stores.ts'
import { type Administrator, ownerOfStores } from '../../core/access/administrator.ts'
import { DEFAULT_SLUG, ensureDefaultTenant } from '../../core/access/tenants.ts'
import { closingAfter } from '../../core/closing.ts'
import type { Clock } from '../../core/ports/clock.ts'
import { Failure } from '../failure.ts'
import { configOf } from '../settings.ts'

export type Tenants = Pick<Stores, 'metadata'> & {
  readonly clock: Clock
  /** Who gives the command. */
  readonly owner: Administrator
  /** The id of the organization `default` if this command has made the installation. */
  readonly firstOrganizationId: string | undefined
}

interface Opened extends Stores {
  /** Where its rows are, in words, if this command has made the installation. */
  readonly newPlace: string | undefined
}

/** Commands that make an installation where there is none, if they are told to. */
export function addInit(command: Command): Command {
  return command.option('--init', 'make a new installation if there is none')
}

/**
 * Opens the stores of the installation for as long as `work` lasts; a server may be running on it.
 * @param judgeNew called before a new installation is made: throws if the command could only fail in it
 * @throws Error if there is none and the command is not told to make one
 */
export async function withStores(
  command: Command,
  work: (stores: Opened) => Promise<void>,
  judgeNew: () => void = () => undefined,
): Promise<void> {
  const config = configOf(command)
  // Loaded only now, since it brings the whole server with it: help and mistakes answer at once.
  const [{ openStores }, { findInstallation, rowsPlace }] = await Promise.all([
    import('../../app/open-stores.ts'),
    import('../../app/installation.ts'),
  ])
  const makes = command.opts().init === true
  const newPlace = makes && !(await findInstallation(config)) ? rowsPlace(config) : undefined
  if (newPlace !== undefined) judgeNew()
  // A commit that fails rejects; there is nobody else to tell.
  const stores = await openStores(config, { makes, onFatal: () => undefined })
  return closingAfter(
    () => stores.metadata.close(),
    () => work({ ...stores, newPlace }),
  )
}

/** The same for commands about organizations, projects and keys: in a new installation the defaults are made first. */
export function withTenants(
  command: Command,
  work: (tenants: Tenants) => Promise<void>,
  judgeNew?: () => void,
): Promise<void> {
  const onStores = async ({ metadata, newPlace }: Opened) => {
    const clock = await clockOf(metadata)
    const { organization } = await ensureDefaultTenant({ metadata, clock })
    const owner = ownerOfStores(organization)
    await work({ metadata, clock, owner, firstOrganizationId: newPlace && organization.id })
  }
  return withStores(command, onStores, judgeNew)
}

/** How listings show an organization or project. */
export async function namesById({
  metadata,
}: Tenants): Promise<(id: string) => { readonly id: string; readonly slug: string }> {
  const named = [...(await metadata.listOrganizations()), ...(await metadata.listProjects())]
  const slugs = new Map(named.map(({ id, slug }) => [id, slug]))
  return (id) => ({ id, slug: slugs.get(id) ?? id })
}

/** A new installation has the defaults alone. @throws Failure if something else is named */
export function requireDefaults(organization: string, projects: readonly string[]): void {
  if (organization !== DEFAULT_SLUG) refuse(`organization "${organization}"`)
  const other = projects.find((project) => project !== DEFAULT_SLUG)
  if (other !== undefined) refuseProject(other, organization)
}

function refuseProject(idOrSlug: string, organization: string): never {
  return refuse(`project "${idOrSlug}" in the organization "${organization}"`)
}

function refuse(missing: string): never {
  throw new Failure(`There is no ${missing}.`)
}
