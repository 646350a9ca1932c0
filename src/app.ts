import { mkdir } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { DiskBlobStore } from './blobs/disk-blob-store.ts'
import type { Config } from './config.ts'
import { bootstrap, ensureLinkKeys } from './core/access/bootstrap.ts'
import type { BlobStore } from './core/blob-store.ts'
import { type Clock, SECOND_MS, systemClock } from './core/clock.ts'
import { collectBlobs } from './core/files/collect-blobs.ts'
import { expireFiles } from './core/files/expire-files.ts'
import { RateLimiter } from './core/limits/rate-limit.ts'
import type { MetadataStore } from './core/metadata-store.ts'
import type { Services } from './core/services.ts'
import { allDialects } from './dialects/all.ts'
import { overridePurposes } from './dialects/lightfield/settings.ts'
import { JobRunner } from './jobs/runner.ts'
import { lockDataFolder } from './metadata/data-folder-lock.ts'
import { openSqliteMetadataStore } from './metadata/sqlite.ts'
import { Metrics } from './ops/metrics.ts'
import { createSurface } from './surface.ts'

const JOB_PERIOD_MS = 30 * SECOND_MS
/** How long requests in flight may go on after the server stopped listening. */
const DRAIN_MS = 25 * SECOND_MS

/** Rows and bytes of one installation, opened together and belonging together. */
export interface Stores {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
}

/**
 * Opens the stores of a data folder, making what is missing. Works beside a running server.
 * @throws Error in one sentence if the two do not belong together
 */
export async function openStores(config: Config, onFatal: (error: unknown) => void): Promise<Stores> {
  const { dataDir, diskReserveBytes } = config
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const metadata = await openSqliteMetadataStore({ dataDir, onFatal })
  const blobs = await DiskBlobStore.open(
    dataDir,
    diskReserveBytes === undefined ? {} : { reserveBytes: diskReserveBytes },
  )
  const id = await metadata.storeId()
  if ((await blobs.claim(id)) === id) return { metadata, blobs }
  await metadata.close()
  throw new Error(
    `The database and the files in ${dataDir} are of two installations; put back the ones that belong together.`,
  )
}

/** What a test replaces; everything else is as in production. */
export interface AppOptions {
  readonly logger: FastifyBaseLogger
  readonly clock?: Clock
  /** Called once if the service cannot go on: the process should end. */
  readonly onFatal?: (error: unknown) => void
}

/** A running installation. */
export interface App {
  readonly services: Services
  /** Where it listens, without a trailing slash. */
  readonly url: string
  /** Where Prometheus finds the metrics, if anywhere. */
  readonly metricsUrl: string | undefined
  /** The secret of a key made by this start, to be shown once. */
  readonly firstKey: string | undefined
  /** Not ready from now on; requests in flight finish, at most 25 s; jobs and stores end. */
  stop(): Promise<void>
}

/**
 * Opens, listens, and runs until stopped.
 * @throws Error in one sentence if the data folder is in use, belongs to another installation, or a port is taken
 */
export async function startApp(config: Config, options: AppOptions): Promise<App> {
  const { logger, clock = systemClock, onFatal = () => undefined } = options
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
  const lock = lockDataFolder(config.dataDir)
  const closers: (() => unknown)[] = [() => lock.release()]
  try {
    const { metadata, blobs } = await openStores(config, onFatal)
    closers.unshift(() => metadata.close())
    // The lock says that nobody else is alive: what a dead process held is free.
    await metadata.commit([{ kind: 'leases.end', now: clock.now() }])
    const firstKey = await bootstrap({ metadata, clock }, config.rootKey?.reveal())
    const linkKeys = await ensureLinkKeys({ metadata, clock })
    let url = ''
    const services: Services = {
      metadata,
      blobs,
      clock,
      rates: new RateLimiter(config.rateLimits),
      linkKeys,
      publicUrl: () => config.publicUrl ?? url,
    }
    const metrics = new Metrics()
    const stopping = { now: false }
    const server = await createSurface({
      services,
      dialects: allDialects({
        lightfield: { ...config.lightfield, purposes: overridePurposes(config.lightfield.purposes) },
      }),
      logger,
      metrics,
      isStopping: () => stopping.now,
    })
    url = await server.listen({ host: config.host, port: config.port })
    closers.unshift(() => drain(server))
    const metricsServer = await listenForMetrics(metrics, config, logger)
    if (metricsServer) closers.unshift(() => closeAtOnce(metricsServer))
    const jobs = new JobRunner(jobsOf(services), logger)
    jobs.start()
    closers.splice(-2, 0, () => jobs.stop())
    return {
      services,
      url,
      metricsUrl: metricsServer && `${urlOf(metricsServer)}/metrics`,
      firstKey,
      stop: async () => {
        stopping.now = true
        await closeAll(closers)
      },
    }
  } catch (error) {
    await closeAll(closers)
    throw error
  }
}

function jobsOf(services: Services) {
  return [
    { name: 'expire files', everyMs: JOB_PERIOD_MS, run: () => expireFiles(services) },
    { name: 'collect blobs', everyMs: JOB_PERIOD_MS, run: () => collectBlobs(services) },
    {
      name: 'purge answers',
      everyMs: JOB_PERIOD_MS,
      run: async () => {
        await services.metadata.commit([{ kind: 'answer.purge', now: services.clock.now() }])
        return 0
      },
    },
  ]
}

/** The default port may be another server's; only a port that was asked for is worth failing. */
async function listenForMetrics(
  metrics: Metrics,
  { metrics: { host, port, required } }: Config,
  logger: FastifyBaseLogger,
): Promise<Server | undefined> {
  if (port === undefined) return undefined
  try {
    return await metrics.listen(host, port)
  } catch (error) {
    if (required) throw error
    logger.warn({ port }, 'the metrics port is taken; going on without metrics (set ENTREPOT_METRICS_PORT)')
    return undefined
  }
}

/** Waits for requests in flight, then cuts what is left. */
async function drain(server: FastifyInstance): Promise<void> {
  const timer = setTimeout(() => server.server.closeAllConnections(), DRAIN_MS)
  await server.close().finally(() => clearTimeout(timer))
}

async function closeAtOnce(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}

async function closeAll(closers: readonly (() => unknown)[]): Promise<void> {
  for (const close of closers) await close()
}

function urlOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
