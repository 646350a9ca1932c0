import { join } from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import type { Config } from '../config/config.ts'
import { isLoopback } from '../config/networks.ts'
import { issueFirstKey } from '../core/access/keys.ts'
import { FairBudget } from '../core/limits/fair-budget.ts'
import { type Clock, systemClock } from '../core/ports/clock.ts'
import type { Services } from '../core/services.ts'
import { stopAllWriters } from '../core/uploads/stale-writers.ts'
import type { UsageMeter } from '../core/usage/usage-meter.ts'
import { JobBoard } from '../jobs/job-board.ts'
import { ConnectionRate } from '../net/connection-rate.ts'
import { portOf } from '../net/listening.ts'
import { Metrics } from '../ops/metrics.ts'
import { Readiness } from '../ops/readiness.ts'
import { hostsOf, RenewedTls } from '../ops/tls.ts'
import { startJobs } from './background.ts'
import { GracefulStop } from './graceful-stop.ts'
import { examine } from './health-report.ts'
import { type Addresses, listenForGrpc, listenForHttp, listenForMetrics, type Served } from './listen.ts'
import { openServices } from './open-services.ts'
import { type AppConfig, loadDialects } from './settings.ts'
import type { SettingInForce } from './settings-in-force.ts'
import { startTracing } from './start-tracing.ts'
import { commit, version } from './version.ts'
import { watchRequests } from './watch-requests.ts'

/** What a test replaces; everything else is as in production. */
export interface AppOptions {
  readonly logger: FastifyBaseLogger
  readonly clock?: Clock
  /** The operator vouches for the clock of this machine, whatever spoke against it. */
  readonly acceptClock?: boolean
  /** As operators are shown them; by default none are. */
  readonly settings?: readonly SettingInForce[]
  /** Called once if the service cannot go on: the process should end. */
  readonly onFatal?: (error: unknown) => void
}

/** A running installation. */
export interface App extends Readonly<Addresses> {
  readonly services: Services
  /** What happened since it was last kept. */
  readonly usage: UsageMeter
  /** What requests hold. */
  readonly memory: FairBudget
  /** The certificate that clients have to trust, if we made one. */
  readonly caPath: string | undefined
  /** The secret of a key made by this start, to be shown once. */
  readonly firstKey: string | undefined
  /** Logs what of the settings an operator should know at each start. */
  tellSettings(): void
  /** Whether a stop has nothing to drain, or no longer. */
  hasDrained(): boolean
  /**
   * Not ready from now on. Everything is served until balancers had the time to notice (`drainSeconds`) or `haste` fires; then
   * requests in flight finish, at most 25 s after the call; jobs and stores end. Stopping twice is stopping once.
   * @throws AggregateError once everything else is closed, if a part of it could not be
   */
  stop(haste?: AbortSignal): Promise<void>
  /** Serves new connections with the certificate as it is now. @throws Error in one sentence if it cannot be read */
  renewTls(): Promise<void>
}

/**
 * Opens the stores, listens, and runs until stopped.
 * @throws Error in one sentence if the folder is in use or of another installation, or a port is taken
 */
export async function startApp(config: AppConfig, options: AppOptions): Promise<App> {
  const stop = new GracefulStop(config.drainSeconds)
  try {
    return await start(config, options, stop)
  } catch (error) {
    // The caller is told why the start failed; what could not be closed after it is for the log.
    await stop
      .run(AbortSignal.abort())
      .catch((closing) => options.logger.error({ err: closing }, 'not everything was closed'))
    throw error
  }
}

async function start(config: AppConfig, options: AppOptions, stop: GracefulStop): Promise<App> {
  const { logger } = options
  const metrics = new Metrics()
  metrics.gaugeServer(config, () => ({ version: version(), commit: commit() }))
  const memory = new FairBudget(config.memoryBytes)
  const addresses = unknownAddresses(config)
  const tracing = await startTracing(config.tracing, { logger, metrics, stop, addresses })
  const opening = { config, options, stop, metrics, memory, tracing, addresses }
  const { services, peers, emulator } = await openServices(opening)
  metrics.gaugeInstallation(services.metadata, services.clock)
  const { usage, tail, finished } = watchRequests(services, stop, logger)
  const board = new JobBoard(services.clock)
  // Certificates end by the true time, also where a test moves the clock of the service.
  const trueClock = 'lead' in peers ? peers.clock : systemClock
  const tls = await loadTls(config, trueClock.now())
  const readiness = new Readiness({ services, isStopping: () => stop.draining.aborted, logger })
  const dialects = await loadDialects(config, { grpcPort: () => portOf(addresses.grpcAddress) })
  const operating = {
    tail,
    stopping: stop.draining,
    jobs: () => board.states(),
    settings: options.settings ?? [],
    health: () => examine({ ...served, peers, board }),
  }
  const served: Served = {
    config,
    services,
    emulator,
    dialects,
    memory,
    metrics,
    tracing,
    finished,
    operating,
    readiness,
    tls,
    connections: connectionRate(config),
    stop,
    logger,
    addresses,
  }
  await listenForHttp(served)
  await listenForGrpc(served)
  await listenForMetrics(served)
  // Nothing can fail the start any more: the key will be shown.
  const firstKey = await issueFirstKey(services)
  stop.addUser('the appends', () => stopAllWriters(services))
  stop.addUser('the jobs', startJobs({ ...served, usage, board, peers, trueClock, watch: metrics.jobRun }))
  return {
    ...addresses,
    services,
    usage,
    memory,
    caPath: tls?.current.caPath,
    firstKey,
    tellSettings: () => {
      for (const { tellStart } of dialects) tellStart?.(logger)
    },
    hasDrained: () => stop.hasDrained,
    stop: (haste) => stop.run(haste),
    renewTls: async () => void (await tls?.renew()),
  }
}

/** Before anything listens. */
function unknownAddresses({ publicUrl = '' }: Config): Addresses {
  const hasOthers = publicUrl === '' || isLoopback(new URL(publicUrl).hostname)
  return { url: '', publicUrl, hasOthers, listeningUrl: '', grpcAddress: undefined, metricsUrl: undefined }
}

function connectionRate({ connectionsPerSecond: perSecond, trustedProxies: spared }: Config): ConnectionRate {
  return new ConnectionRate({ perSecond, spared })
}

async function loadTls({ tls, dataDir, publicUrl }: Config, now: number): Promise<RenewedTls | undefined> {
  if (tls === undefined) return undefined
  if (tls.kind === 'files') return RenewedTls.load(tls, now)
  return RenewedTls.load(
    { kind: 'self-signed', folder: join(dataDir, 'tls'), hosts: hostsOf(publicUrl) },
    now,
  )
}
