import type { FastifyBaseLogger } from 'fastify'
import { differingSettings, sharedSettings } from '../config/sharing.ts'
import { hashSecret } from '../core/access/admit.ts'
import { admitRootKey, syncRootKeys, validRootKeys } from '../core/access/root-key.ts'
import type { Node, NodeProfile } from '../core/ports/node.ts'
import type { Services } from '../core/services.ts'
import { type AppConfig, settings } from './settings.ts'
import { version } from './version.ts'

/** What a server tells the others about itself. */
export function profileOf(config: AppConfig): NodeProfile {
  const told = sharedSettings(settings, config).map(({ variable, value }) => [variable, value])
  return { rootKeyHash: rootKeyHashOf(config), version: version(), settings: Object.fromEntries(told) }
}

function rootKeyHashOf({ rootKey }: AppConfig): string | null {
  return rootKey === undefined ? null : hashSecret(rootKey.reveal())
}

/**
 * Makes the root key of this server valid. Where it is alone its value replaces the one before; where several serve, the
 * jobs do that once no living server carries the old one.
 * @throws Error in one sentence if the value was revoked by hand
 */
export async function startRootKey(
  config: AppConfig,
  stores: Pick<Services, 'metadata' | 'clock'>,
  isAlone: boolean,
  log: FastifyBaseLogger,
): Promise<void> {
  const hash = rootKeyHashOf(config)
  const before = await validRootKeys(stores)
  if (hash === null) {
    for (const { id } of isAlone ? before : [])
      log.warn({ keyId: id }, 'ENTREPOT_ROOT_KEY is not set; the root key stays valid until it is revoked')
    return
  }
  const { key, isNew } = await admitRootKey(stores, hash)
  if (key.revokedAt !== null)
    throw new Error('The value of ENTREPOT_ROOT_KEY was revoked for good; set another value, or none.')
  const others = before.filter(({ id }) => id !== key.id).map(({ id }) => id)
  if (isAlone) {
    await syncRootKeys(stores, new Set([hash]))
    if (others.length > 0)
      log.warn(
        { keyId: key.id, ended: others },
        'ENTREPOT_ROOT_KEY has changed; the old value is no longer valid',
      )
  } else if (isNew && others.length > 0) {
    log.warn(
      { keyId: key.id, others },
      'ENTREPOT_ROOT_KEY is new; the values of other servers stay valid for as long as these run',
    )
  }
}

/** Names the settings in which this server differs from others that live. */
export async function warnOfDifferences(
  config: AppConfig,
  node: Node,
  log: FastifyBaseLogger,
): Promise<void> {
  const others = (await node.listProfiles()).map((profile) => profile?.settings ?? {})
  for (const difference of differingSettings(sharedSettings(settings, config), others))
    log.warn(difference, 'another server has another value of a setting that must be the same on all')
}
