import { lookup } from 'node:dns/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { Operating } from '../admin/operating/operating.ts'
import { isLoopback } from '../config/networks.ts'
import type { FairBudget } from '../core/limits/fair-budget.ts'
import type { Services } from '../core/services.ts'
import { FILE_ID_PATTERN } from '../dialects/all.ts'
import type { ServedDialect } from '../dialects/dialect.ts'
import type { Emulator } from '../emulator/emulator.ts'
import { defaultGrpcLimits } from '../grpc/limits.ts'
import { startGrpcServer } from '../grpc/server.ts'
import { FailedSignIns } from '../http/failed-sign-ins.ts'
import type { ConnectionRate } from '../net/connection-rate.ts'
import { listeningAt, setTls } from '../net/listening.ts'
import type { FinishedRequests } from '../ops/finished-requests.ts'
import type { Metrics } from '../ops/metrics.ts'
import type { Readiness } from '../ops/readiness.ts'
import type { RenewedTls } from '../ops/tls.ts'
import type { Tracing } from '../ops/tracing/tracing.ts'
import { prepareDrain } from './drain.ts'
import type { GracefulStop } from './graceful-stop.ts'
import { createSurface } from './http-surface.ts'
import { inWords, listenOptionally } from './optional-port.ts'
import type { AppConfig } from './settings.ts'
import { version } from './version.ts'

/** Where a server listens, as it comes to. */
export interface Addresses {
  /** Where programs on this machine find it, without a trailing slash. */
  url: string
  /** What links begin with: as configured, else `url`. */
  publicUrl: string
  /** Whether browsers may come by others, too: `publicUrl` is not configured, or is this machine's for itself. */
  readonly hasOthers: boolean
  /** Where HTTP is served, as a URL: `http://0.0.0.0:8420` if on all addresses. */
  listeningUrl: string
  /** Where gRPC is served, `host:port`, if anywhere. */
  grpcAddress: string | undefined
  /** Where Prometheus finds the metrics, if anywhere. */
  metricsUrl: string | undefined
}

/** What the ports serve. */
export interface Served {
  readonly config: AppConfig
  readonly services: Services
  readonly emulator: Emulator | undefined
  readonly dialects: readonly ServedDialect[]
  readonly memory: FairBudget
  readonly metrics: Metrics
  readonly tracing: Tracing | undefined
  readonly finished: FinishedRequests
  readonly operating: Operating
  readonly readiness: Readiness
  readonly tls: RenewedTls | undefined
  readonly connections: ConnectionRate
  readonly stop: GracefulStop
  readonly logger: FastifyBaseLogger
  readonly addresses: Addresses
}

/** Of one address: more than a person types. */
const FAILED_SIGN_INS_PER_SECOND = 5

export async function listenForHttp(served: Served): Promise<void> {
  const { config, tls, stop, addresses } = served
  const server = await createSurface({
    ...served,
    about: { version: version(), publicUrl: config.publicUrl, fileIdPattern: FILE_ID_PATTERN },
    tusMaxFileBytes: config.tusMaxFileBytes,
    signIn: signInOptions(config),
    resumableDraft: config.resumableDraft,
    console: config.console,
    stopping: stop,
    tls: tls?.current,
  })
  tls?.onRenewal((identity) => setTls(server.server, identity))
  served.connections.limit(server.server)
  stop.addSurface('HTTP', server.server, prepareDrain(server))
  // By address: for the name `localhost` Fastify would open a second server, which has none of our bounds.
  try {
    const { address } = await lookup(config.host)
    addresses.url = await server.listen({ host: address, port: config.port })
    addresses.publicUrl ||= addresses.url
  } catch (error) {
    throw inWords(error, { host: 'ENTREPOT_HOST', port: 'ENTREPOT_PORT' })
  }
  const { protocol, hostname } = new URL(addresses.url)
  addresses.listeningUrl = `${protocol}//${listeningAt(server.server)}`
  const leadsAstray = isLoopback(hostname) && !isLoopback(new URL(addresses.listeningUrl).hostname)
  if (config.publicUrl === undefined && leadsAstray)
    served.logger.warn(
      { listening: addresses.listeningUrl },
      `links begin with ${addresses.url}, which leads other machines to themselves; set ENTREPOT_PUBLIC_URL to the address that clients see`,
    )
}

function signInOptions({
  sessionSeconds,
  oidc,
  keyGuessesPerSecond: all,
  trustedProxies: spared,
}: AppConfig) {
  const perSecond = all === undefined ? undefined : Math.min(all, FAILED_SIGN_INS_PER_SECOND)
  return { sessionSeconds, oidc, failures: new FailedSignIns({ perSecond, spared }) }
}

export async function listenForGrpc(served: Served): Promise<void> {
  const { config, services, emulator, dialects, memory, metrics, tracing, readiness } = served
  const { tls, stop, logger, addresses, finished } = served
  const settings = { host: 'ENTREPOT_HOST', port: 'ENTREPOT_GRPC_PORT' }
  await listenOptionally('gRPC', settings, config.grpc, logger, async (port) => {
    const methods = dialects.flatMap((dialect) => dialect.grpc?.(services, memory) ?? [])
    const server = await startGrpcServer({
      host: config.host,
      port,
      methods: emulator?.watchMethods(methods) ?? methods,
      isReady: async () => (await readiness.findProblems()).length === 0,
      draining: stop.draining,
      proxies: config.trustedProxies,
      limits: defaultGrpcLimits,
      memory,
      logger,
      watch: (method) => {
        const count = metrics.grpcCall(method)
        return (ended) => {
          count(ended)
          finished.call({ ...ended, method })
        }
      },
      trace: tracing?.traceCall,
      tls: tls?.current,
    })
    tls?.onRenewal((identity) => setTls(server.listener, identity))
    served.connections.limit(server.listener)
    stop.addSurface('gRPC', server.listener, ({ graceMs }) => server.stop(graceMs))
    addresses.grpcAddress = server.address
  })
}

export async function listenForMetrics({ config, metrics, stop, logger, addresses }: Served): Promise<void> {
  const settings = { host: 'ENTREPOT_METRICS_HOST', port: 'ENTREPOT_METRICS_PORT' }
  await listenOptionally('metrics', settings, config.metrics, logger, async (port) => {
    const listening = await metrics.listen(config.metricsHost, port)
    stop.addUser('the metrics', listening.close)
    addresses.metricsUrl = listening.url
  })
}
