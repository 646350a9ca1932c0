import type { FastifyBaseLogger } from 'fastify'
import { parseList, type TracingSettings } from '../config/tracing.ts'
import type { WatchCall } from '../core/watch-call.ts'
import type { Metrics } from '../ops/metrics.ts'
import type { SendSpans } from '../ops/tracing/span-queue.ts'
import type { Tracing } from '../ops/tracing/tracing.ts'
import type { GracefulStop } from './graceful-stop.ts'
import type { WatchStores } from './open-stores.ts'
import { version } from './version.ts'

interface TracingHost {
  readonly logger: FastifyBaseLogger
  readonly metrics: Metrics
  /** Sends the last spans at its end. */
  readonly stop: GracefulStop
  readonly addresses: { readonly publicUrl: string }
}

/** Undefined where nobody wants traces; then nothing of them is loaded. */
export async function startTracing(
  settings: TracingSettings | undefined,
  { logger, metrics, stop, addresses }: TracingHost,
): Promise<Tracing | undefined> {
  if (settings === undefined) return undefined
  const { Tracing } = await import('../ops/tracing/tracing.ts')
  const { SpanQueue } = await import('../ops/tracing/span-queue.ts')
  const { collectorLog } = await import('../ops/tracing/collector-log.ts')
  const queue = new SpanQueue(await senderOf(settings, logger), collectorLog(logger, metrics.spans))
  stop.addStore('the traces', () => queue.close())
  const onEnd = queue.add.bind(queue)
  return new Tracing({ sampler: settings.sampler, onEnd, publicUrl: () => addresses.publicUrl })
}

async function senderOf(
  { exporter, attributes }: TracingSettings,
  logger: FastifyBaseLogger,
): Promise<SendSpans> {
  if (exporter.kind === 'console') {
    const { logSpans } = await import('../ops/tracing/collector-log.ts')
    return logSpans(logger)
  }
  const { otlpSender } = await import('../ops/tracing/otlp-sender.ts')
  const resource = { 'service.name': 'entrepot', 'service.version': version(), ...attributes }
  const { url, headers } = exporter
  return otlpSender({ url, headers: parseList(headers.reveal()) ?? {} }, resource, version())
}

/** What is told of calls to stores: metrics always, and spans where there are traces. */
export function watchStores(metrics: Metrics, tracing: Tracing | undefined, isShared: boolean): WatchStores {
  const { databaseCall: database, s3Call: s3 } = metrics
  if (tracing === undefined) return { database, s3 }
  const name = isShared ? 'postgresql' : 'sqlite'
  return {
    database: both(database, tracing.storeCalls('database', { 'db.system.name': name })),
    s3: both(s3, tracing.storeCalls('s3', { 'rpc.system.name': 'aws-api' })),
    disk: tracing.storeCalls('disk', {}),
  }
}

function both(one: WatchCall, other: WatchCall): WatchCall {
  return (call) => {
    one(call)
    other(call)
  }
}
