import { lookup } from 'node:dns/promises'
import { join } from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import project from '../../package.json' with { type: 'json' }
import type { Config } from '../config/config.ts'
import { ensureLinkKeys, issueFirstKey } from '../core/access/bootstrap.ts'
import { ensureDefaultTenant } from '../core/access/default-tenant.ts'
import { FairBudget } from '../core/limits/fair-budget.ts'
import { GuessLimit } from '../core/limits/guess-limit.ts'
import { RateLimiter } from '../core/limits/rate-limit.ts'
import { SharedRateLimiter } from '../core/limits/shared-rate-limiter.ts'
import { type Clock, systemClock } from '../core/ports/clock.ts'
import type { Node } from '../core/ports/node.ts'
import type { Services } from '../core/services.ts'
import type { ClockWatch } from '../core/time/clock-watch.ts'
import { allDialects } from '../dialects/all.ts'
import { grpcMethods } from '../dialects/yandex/grpc.ts'
import { defaultGrpcLimits } from '../grpc/limits.ts'
import { startGrpcServer } from '../grpc/server.ts'
import { setTls } from '../http/server.ts'
import { lockDataFolder } from '../metadata/sqlite/data-folder-lock.ts'
import { ConnectionRate } from '../net/connection-rate.ts'
import {
  grpcSettings,
  httpSettings,
  type ListenSettings,
  listenBy,
  listenIfFree,
  listeningAt,
  metricsSettings,
  portOf,
} from '../net/listening.ts'
import { Metrics } from '../ops/metrics.ts'
import { Readiness } from '../ops/readiness.ts'
import { hostsOf, RenewedTls } from '../ops/tls.ts'
import { profileOf, startRootKey, warnOfDifferences } from './agreement.ts'
import { startJobs } from './background.ts'
import { makeDataFolder } from './data-folder.ts'
import { prepareDrain } from './drain.ts'
import { GracefulStop } from './graceful-stop.ts'
import { createSurface, dialectSettings } from './http-surface.ts'
import { findInstallation } from './installation.ts'
import { endLeases, openStores, settleMove } from './open-stores.ts'
import { warnOfSettings } from './start-warnings.ts'
import { watchOwnClock } from './time.ts'

/** What a test replaces; everything else is as in production. */
export interface AppOptions {
  readonly logger: FastifyBaseLogger
  readonly clock?: Clock
  /** The operator vouches for the clock of this machine, whatever spoke against it. */
  readonly acceptClock?: boolean
  /** Called once if the service cannot go on: the process should end. */
  readonly onFatal?: (error: unknown) => void
}

/**
 * Opens the stores, listens, and runs until stopped.
 * @throws Error in one sentence if the folder is in use or of another installation, or a port is taken
 */
export async function startApp(config: Config, options: AppOptions): Promise<App> {
  const app = new App(config, options)
  try {
    await app.start()
    return app
  } catch (error) {
    // Why the start failed is what has to be told; what could not be closed after it is for the log.
    await app
      .stop(AbortSignal.abort())
      .catch((closing) => options.logger.error({ err: closing }, 'not everything was closed'))
    throw error
  }
}

/** What each port serves. */
interface Served {
  readonly services: Services
  readonly readiness: Readiness
  readonly tls: RenewedTls | undefined
}

/** A running installation. */
export class App {
  /** What requests hold. */
  readonly memory: FairBudget
  readonly #config: Config
  readonly #options: AppOptions
  readonly #stop: GracefulStop
  readonly #connections: ConnectionRate
  #services: Services | undefined
  /** Who we are among all servers on this database, or, where we are alone, whether our own clock can be trusted. */
  #peers: Node | ClockWatch | undefined
  /** For certificates, which are true also where a test moves the clock of the service. */
  #trueClock: Clock = systemClock
  #tls: RenewedTls | undefined
  /** Where programs on this machine find it, without a trailing slash; links begin with it unless a public URL is set. */
  url = ''
  /** Where it listens, as a URL: `http://0.0.0.0:8420` if on all addresses. */
  listeningUrl = ''
  /** Where gRPC is served, `host:port`, if anywhere. */
  grpcAddress: string | undefined
  /** The certificate that clients have to trust, if we made one. */
  caPath: string | undefined
  /** Where Prometheus finds the metrics, if anywhere. */
  metricsUrl: string | undefined
  /** The secret of a key made by this start, to be shown once. */
  firstKey: string | undefined

  constructor(config: Config, options: AppOptions) {
    this.memory = new FairBudget(config.memoryBytes)
    this.#config = config
    this.#options = options
    this.#stop = new GracefulStop(config.drainSeconds)
    const { connectionsPerSecond: perSecond, trustedProxies: spared } = config
    this.#connections = new ConnectionRate({ perSecond, spared })
  }

  get services(): Services {
    if (this.#services === undefined) throw new Error('the app has not started')
    return this.#services
  }

  async start(): Promise<void> {
    const metrics = new Metrics()
    this.#services = await this.#openServices(metrics)
    const tls = await this.#loadTls()
    this.#tls = tls
    const { logger } = this.#options
    const readiness = new Readiness({
      services: this.#services,
      isStopping: () => this.#stop.draining.aborted,
      logger,
    })
    const served = { services: this.#services, readiness, tls }
    await this.#listen(served, metrics)
    await this.#listenForGrpc(served)
    await this.#listenForMetrics(metrics)
    // Nothing can stop the start any more: the key will be shown.
    this.firstKey = await issueFirstKey(this.#services)
    const peers = this.#peers
    if (peers) this.#stop.addUser('the jobs', startJobs({ services: this.#services, tls, logger, peers }))
  }

  /**
   * Not ready from now on. Everything is served until balancers had the time to notice (`drainSeconds`) or `haste` fires; then
   * requests in flight finish, at most 25 s after the call; jobs and stores end. Stopping twice is stopping once.
   * @throws AggregateError once everything else is closed, if a part of it could not be
   */
  stop(haste?: AbortSignal): Promise<void> {
    return this.#stop.run(haste)
  }

  /** Whether a stop has nothing to drain, or no longer. */
  get hasDrained(): boolean {
    return this.#stop.hasDrained
  }

  /** Serves new connections with the certificate as it is now. @throws Error in one sentence if it cannot be read */
  async renewTls(): Promise<void> {
    await this.#tls?.renew()
  }

  async #openServices(metrics: Metrics): Promise<Services> {
    const { dataDir, databaseUrl, rateLimits, publicUrl } = this.#config
    const { logger, acceptClock = false, onFatal = () => undefined } = this.#options
    await findInstallation(this.#config)
    await makeDataFolder(this.#config.dataDir)
    const isAlone = databaseUrl === undefined
    if (isAlone) {
      const lock = lockDataFolder(dataDir)
      this.#stop.addStore('the lock of the data folder', () => lock.release())
    }
    const { metadata, blobs, storage, policy } = await openStores(this.#config, {
      makes: true,
      onFatal,
      memory: this.memory,
      watch: { database: metrics.databaseCall, s3: metrics.s3Call },
    })
    if (metadata.waitingCalls) metrics.gaugeWaiting(metadata.waitingCalls)
    this.#stop.addStore('the database', () => metadata.close())
    await settleMove(this.#config, metadata)
    if (storage) logger.info(storage, 'bytes are kept in S3; what this store can do')
    const node = await metadata.join?.({ clock: this.#options.clock, profile: profileOf(this.#config) })
    if (node) this.#stop.addStore('the membership among servers', () => node.leave())
    if (node) this.#trueClock = node.clock
    this.#peers = node
    const clock = this.#options.clock ?? this.#trueClock
    if (isAlone) {
      this.#peers = await watchOwnClock({ metadata, clock }, acceptClock, logger)
      // The lock says that nobody else is alive. Where several serve, the jobs find out who is dead.
      await endLeases({ metadata, blobs, clock })
    }
    await ensureDefaultTenant({ metadata, clock })
    await startRootKey(this.#config, { metadata, clock }, isAlone, logger)
    if (node) await warnOfDifferences(this.#config, node, logger)
    const linkKeys = await ensureLinkKeys({ metadata, clock })
    const rates = node
      ? new SharedRateLimiter(rateLimits, node.tokens, clock)
      : new RateLimiter(rateLimits, clock)
    const guesses = new GuessLimit(this.#config.keyGuessesPerSecond, clock)
    const url = () => publicUrl ?? this.url
    return {
      metadata,
      blobs,
      clock,
      rates,
      guesses,
      linkKeys,
      policy,
      publicUrl: url,
    }
  }

  /** Undefined: plaintext. */
  async #loadTls(): Promise<RenewedTls | undefined> {
    const { tls, dataDir, publicUrl } = this.#config
    if (tls === undefined) return undefined
    const made = () =>
      ({ kind: 'self-signed', folder: join(dataDir, 'tls'), hosts: hostsOf(publicUrl) }) as const
    const loaded = await RenewedTls.load(tls.kind === 'files' ? tls : made(), this.#trueClock.now())
    this.caPath = loaded.current.caPath
    return loaded
  }

  async #listen({ services, readiness, tls }: Served, metrics: Metrics): Promise<void> {
    const { host, port, publicUrl } = this.#config
    const settings = dialectSettings(this.#config, () => portOf(this.grpcAddress))
    const server = await createSurface({
      services,
      memory: this.memory,
      dialects: allDialects(settings),
      about: { version: project.version, publicUrl },
      logger: this.#options.logger,
      metrics,
      readiness,
      endsConnections: () => this.#stop.endsConnections,
      ...(tls ? { tls: tls.current } : {}),
    })
    tls?.onRenewal((identity) => setTls(server, identity))
    this.#connections.limit(server.server)
    this.#stop.addSurface('HTTP', server.server, prepareDrain(server))
    // By address: for the name `localhost` Fastify would open a second server, which has none of our bounds.
    await listenBy(httpSettings, async () => {
      const { address } = await lookup(host)
      this.url = await server.listen({ host: address, port })
    })
    this.listeningUrl = `${new URL(this.url).protocol}//${listeningAt(server.server)}`
    warnOfSettings(this, this.#config, this.#options.logger)
    // Nobody should learn from a missing file that files end.
    const { retentionHours } = settings.llamacloud
    this.#options.logger.info(
      { retentionHours },
      'LlamaCloud files end after these hours, by purpose; null: never',
    )
  }

  async #listenForGrpc({ services, readiness, tls }: Served): Promise<void> {
    const { host, grpc, yandex, trustedProxies: proxies } = this.#config
    const { logger } = this.#options
    const { port } = grpc
    if (port === undefined) return
    const methods = grpcMethods(services, this.memory, yandex)
    const isReady = async () => (await readiness.findProblems()).length === 0
    const draining = this.#stop.draining
    const { memory } = this
    const limits = defaultGrpcLimits
    const options = { host, port, methods, isReady, draining, proxies, limits, memory, logger }
    await this.#unlessTaken('gRPC', grpcSettings, grpc, async () => {
      const server = await startGrpcServer(tls ? { ...options, tls: tls.current } : options)
      tls?.onRenewal((identity) => server.setTls(identity))
      this.#connections.limit(server.listener)
      this.#stop.addSurface('gRPC', server.listener, ({ graceMs }) => server.stop(graceMs))
      this.grpcAddress = server.address
    })
  }

  async #listenForMetrics(metrics: Metrics): Promise<void> {
    const { host, port } = this.#config.metrics
    if (port === undefined) return
    await this.#unlessTaken('metrics', metricsSettings, this.#config.metrics, async () => {
      const listening = await metrics.listen(host, port)
      this.#stop.addUser('the metrics', listening.close)
      this.metricsUrl = listening.url
    })
  }

  /** A default port may be another server's; only a port that was asked for is worth failing. */
  async #unlessTaken(
    what: string,
    settings: ListenSettings,
    { port, required }: { readonly port: number | undefined; readonly required: boolean },
    listen: () => Promise<void>,
  ): Promise<void> {
    if (await listenIfFree(settings, required, listen)) return
    this.#options.logger.warn(
      { port },
      `the ${what} port is taken; going on without ${what} (set ${settings.port})`,
    )
  }
}
