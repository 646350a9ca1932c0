import { BlockList } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type CallOptions,
  Client,
  type ClientOptions,
  credentials,
  Metadata,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js'
import { FairBudget } from '../core/limits/fair-budget.ts'
import type { TlsIdentity } from '../net/listening.ts'
import { defaultGrpcLimits, type GrpcLimits } from './limits.ts'
import type { RequestMessage } from './message.ts'
import type { Method } from './method.ts'
import { type GrpcServer, startGrpcServer } from './server.ts'
import { GrpcError, grpcCodes } from './status.ts'

export const MAX_MESSAGE_BYTES = 8 * 1024 * 1024
export const ECHO = '/test.Echo/Echo'
export const SLEEP = '/test.Echo/Sleep'

/** What happened on the server, in order. */
export type Events = string[]

/** `Echo` answers its message and asks for `authorization`; `Sleep` answers after the milliseconds of its message. */
function echoMethods(events: Events): Method[] {
  const toFailure: Method['toFailure'] = (thrown) => ({
    code: grpcCodes.INTERNAL,
    message: 'Internal error',
    details: Buffer.from('details'),
    fault: thrown,
  })
  return [
    {
      path: ECHO,
      maxMessageBytes: MAX_MESSAGE_BYTES,
      toFailure,
      admit: async () => {
        events.push('admit')
        const answer = async function* (request: RequestMessage) {
          const message = await request.whole()
          events.push(`message of ${message.byteLength}`)
          if (Buffer.from(message).equals(Buffer.from('break'))) throw new Error('broken')
          yield message
        }
        return { organizationId: 'a', answer }
      },
    },
    {
      path: SLEEP,
      maxMessageBytes: 100,
      toFailure,
      admit: async (call) => {
        if (call.header('authorization') !== 'me') throw new GrpcError('UNAUTHENTICATED', 'Who are you?')
        const answer = async function* (request: RequestMessage) {
          const message = await request.whole()
          await sleep(Number(Buffer.from(message).toString()), undefined, { signal: call.signal })
          yield message
        }
        return { organizationId: 'a', answer }
      },
    },
  ]
}

export interface EchoServer {
  readonly server: GrpcServer
  readonly memory: FairBudget
  readonly events: Events
}

export async function startEcho(
  limits: Partial<GrpcLimits> = {},
  { maxBytes = 64 * 1024 * 1024, tls }: { maxBytes?: number; tls?: TlsIdentity } = {},
): Promise<EchoServer> {
  const events: Events = []
  const memory = new FairBudget(maxBytes)
  const server = await startGrpcServer({
    host: '127.0.0.1',
    port: 0,
    ...(tls === undefined ? {} : { tls }),
    methods: echoMethods(events),
    isReady: async () => true,
    draining: new AbortController().signal,
    proxies: new BlockList(),
    limits: { ...defaultGrpcLimits, ...limits },
    memory,
    watch: () => () => undefined,
    logger: { debug: () => undefined, warn: () => undefined, error: () => void events.push('fault') },
  })
  return { server, memory, events }
}

export interface CallResult {
  /** The answer; undefined if there is none. */
  readonly answer: Buffer | undefined
  readonly error: ServiceError | undefined
  readonly status: StatusObject | undefined
  /** Metadata that came before the answer. */
  readonly initial: Metadata | undefined
}

/** One call with raw bytes. Never rejects. */
export async function callRaw(
  client: Client,
  path: string,
  message: Uint8Array,
  { metadata = {}, ...options }: CallOptions & { metadata?: Record<string, string> } = {},
): Promise<CallResult> {
  const entries = new Metadata()
  for (const [name, value] of Object.entries(metadata)) entries.set(name, value)
  const asIs = (bytes: Buffer) => bytes
  return new Promise((resolve) => {
    let status: StatusObject | undefined
    let initial: Metadata | undefined
    let error: ServiceError | undefined
    let answer: Buffer | undefined
    const call = client.makeUnaryRequest(
      path,
      asIs,
      asIs,
      Buffer.from(message),
      entries,
      options,
      (e, value) => {
        error = e ?? undefined
        answer = value
        if (status) resolve({ answer, error, status, initial })
      },
    )
    call.on('metadata', (received) => {
      initial = received
    })
    call.on('status', (received) => {
      status = received
      if (error || answer) resolve({ answer, error, status, initial })
    })
  })
}

export function connect(server: GrpcServer, options: ClientOptions = {}): Client {
  return new Client(server.address, credentials.createInsecure(), {
    'grpc.max_send_message_length': -1,
    'grpc.max_receive_message_length': -1,
    ...options,
  })
}
