import { ensureDefaultTenant } from '../core/access/tenants.ts'
import type { FairBudget } from '../core/limits/fair-budget.ts'
import { GuessLimit } from '../core/limits/guess-limit.ts'
import { RateLimiter } from '../core/limits/rate-limit.ts'
import { SharedRateLimiter } from '../core/limits/shared-rate-limiter.ts'
import { ensureLinkKeys } from '../core/links/link-keys.ts'
import { type Clock, systemClock } from '../core/ports/clock.ts'
import type { MetadataStore } from '../core/ports/metadata-store.ts'
import type { Node } from '../core/ports/node.ts'
import type { Services } from '../core/services.ts'
import { parseFileId } from '../dialects/all.ts'
import type { Emulator } from '../emulator/emulator.ts'
import { lockDataFolder } from '../metadata/sqlite/data-folder-lock.ts'
import type { Metrics } from '../ops/metrics.ts'
import type { Tracing } from '../ops/tracing/tracing.ts'
import { profileOf, startRootKey, warnOfDifferences } from './agreement.ts'
import type { AppOptions } from './app.ts'
import { type MayRemove, watchOwnClock } from './background.ts'
import { makeDataFolder } from './data-folder.ts'
import type { GracefulStop } from './graceful-stop.ts'
import { findInstallation } from './installation.ts'
import { endLeases, openStores, settleMove } from './open-stores.ts'
import type { AppConfig } from './settings.ts'
import { watchStores } from './start-tracing.ts'

interface Opening {
  readonly config: AppConfig
  readonly options: AppOptions
  /** Closes what is opened here. */
  readonly stop: GracefulStop
  readonly metrics: Metrics
  readonly memory: FairBudget
  readonly tracing: Tracing | undefined
  readonly addresses: Services['addresses']
}

/** Who we are among the servers of a database, or, where we are alone, who says whether our clock may decide what to remove. */
export type Peers = Node | MayRemove

export interface OpenServices {
  readonly services: Services
  readonly peers: Peers
  readonly emulator: Emulator | undefined
}

/** Opens the stores, joins the other servers, and makes sure of the default tenant, the root key and the keys of links. */
export async function openServices(opening: Opening): Promise<OpenServices> {
  const { config, options, stop, metrics, memory, tracing, addresses } = opening
  const { logger, acceptClock = false, onFatal = () => undefined } = options
  await findInstallation(config)
  await makeDataFolder(config.dataDir)
  const isAlone = config.databaseUrl === undefined
  if (isAlone) {
    const lock = lockDataFolder(config.dataDir)
    stop.addStore('the lock of the data folder', () => lock.release())
  }
  const watch = watchStores(metrics, tracing, !isAlone)
  const stores = await openStores(config, { makes: true, onFatal, memory, watch })
  const { metadata, blobs, storage, policy } = stores
  stop.addStore('the database', () => metadata.close())
  if (metadata.waitingCalls) metrics.gaugeWaiting(metadata.waitingCalls)
  await settleMove(config, metadata)
  if (storage) logger.info(storage, 'bytes are kept in S3; what this store can do')
  const node = await metadata.join?.({ clock: options.clock, profile: profileOf(config) })
  if (node) stop.addStore('the membership among servers', () => node.leave())
  const trueClock = options.clock ?? node?.clock ?? systemClock
  const emulator = await openEmulator(config, metadata, trueClock, opening)
  const clock = emulator?.clock ?? trueClock
  // Whoever moves the time of an emulator wants what has ended to be removed.
  const own = emulator ? { mayRemove: async () => true } : undefined
  const peers = node ?? own ?? (await watchOwnClock({ metadata, clock }, acceptClock, logger))
  // At the same time, because then their commits share a flush.
  const [linkKeys] = await Promise.all([
    ensureLinkKeys({ metadata, clock }),
    ensureDefaultTenant({ metadata, clock }),
    // The lock says that nobody else is alive. Where several serve, the jobs find out who is dead.
    isAlone ? endLeases({ metadata, blobs, clock }) : undefined,
  ])
  await startRootKey(config, { metadata, clock }, isAlone, logger)
  if (node) await warnOfDifferences(config, node, logger)
  const { rateLimits, keyGuessesPerSecond } = config
  const rates = node
    ? new SharedRateLimiter(rateLimits, node.tokens, clock)
    : new RateLimiter(rateLimits, clock)
  const guesses = new GuessLimit(keyGuessesPerSecond, clock)
  return {
    services: {
      metadata,
      blobs,
      clock,
      rates,
      guesses,
      linkKeys,
      policy,
      trace: tracing?.useCase,
      parseFileId,
      addresses,
    },
    peers,
    emulator,
  }
}

async function openEmulator(
  { emulator: exposure, rootKey }: AppConfig,
  metadata: MetadataStore,
  clock: Clock,
  { options, metrics }: Opening,
): Promise<Emulator | undefined> {
  if (exposure === 'off') return undefined
  const { Emulator } = await import('../emulator/emulator.ts')
  metrics.markEmulator()
  options.logger.warn(
    { emulator: exposure },
    'THIS IS AN EMULATOR, for tests: whoever may use /-/ moves its time, makes it fail and removes all data',
  )
  return Emulator.open(metadata, clock, { exposure, rootKey: rootKey?.reveal() })
}
