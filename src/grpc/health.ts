import { setTimeout as sleep } from 'node:timers/promises'
import { create, toBinary } from '@bufbuild/protobuf'
import {
  Health,
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from './gen/health_pb.js'
import { parseMessage, type RequestMessage } from './message.ts'
import { anybody, type Method, pathOf, unary } from './method.ts'
import { GrpcError, type GrpcFailure, grpcCodes } from './status.ts'

const MAX_MESSAGE_BYTES = 4096
const WATCH_PERIOD_MS = 5_000

export interface HealthOptions {
  /** Full names of the services, which are healthy if the server is. */
  readonly serviceNames: readonly string[]
  /** Whether the server is ready now. */
  readonly isReady: () => Promise<boolean>
  /** Fires when the server is about to stop: watchers are told at once that it is not serving. */
  readonly draining: AbortSignal
  /** Fires when the server stops: watches end. */
  readonly stopping: AbortSignal
}

/** The health checks of gRPC, for anybody. */
export function healthMethods(options: HealthOptions): readonly Method[] {
  const common = { maxMessageBytes: MAX_MESSAGE_BYTES, toFailure }
  const check = unary(Health.method.check, {
    ...common,
    admit: anybody,
    answer: async ({ service }) => {
      const status = await statusOf(service, options)
      if (status === ServingStatus.SERVICE_UNKNOWN)
        throw new GrpcError('NOT_FOUND', 'There is no such service.')
      return create(HealthCheckResponseSchema, { status })
    },
  })
  const watch: Method = {
    ...common,
    path: pathOf(Health.method.watch),
    admit: async ({ signal }) => ({
      organizationId: '',
      answer: (message) => changes(message, options, signal),
    }),
  }
  return [check, watch]
}

/** The status now, and after each change. */
async function* changes(
  message: RequestMessage,
  options: HealthOptions,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const { service } = parseMessage(HealthCheckRequestSchema, await message.whole())
  const { draining, stopping } = options
  let told: ServingStatus | undefined
  while (!signal.aborted) {
    const status = await statusOf(service, options)
    if (status !== told)
      yield toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, { status }))
    told = status
    if (stopping.aborted) throw new GrpcError('UNAVAILABLE', 'The service is shutting down.')
    // While it drains, only the end is news.
    const signals = [signal, stopping, ...(draining.aborted ? [] : [draining])]
    const first = { signal: AbortSignal.any(signals), ref: false }
    await sleep(WATCH_PERIOD_MS, undefined, first).catch(() => undefined)
  }
}

async function statusOf(
  service: string,
  { serviceNames, isReady, draining, stopping }: HealthOptions,
): Promise<ServingStatus> {
  if (service !== '' && !serviceNames.includes(service)) return ServingStatus.SERVICE_UNKNOWN
  const ready = !draining.aborted && !stopping.aborted && (await isReady().catch(() => false))
  return ready ? ServingStatus.SERVING : ServingStatus.NOT_SERVING
}

function toFailure(fault: unknown): GrpcFailure {
  return { code: grpcCodes.INTERNAL, message: 'Internal error', fault }
}
