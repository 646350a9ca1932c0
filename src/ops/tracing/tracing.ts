import { AsyncLocalStorage } from 'node:async_hooks'
import type { FastifyInstance } from 'fastify'
import { ServiceError } from '../../core/errors.ts'
import type { Trace } from '../../core/trace.ts'
import type { WatchCall } from '../../core/watch-call.ts'
import { isFault } from '../../http/errors.ts'
import { traceCalls } from './grpc-spans.ts'
import { traceRequests } from './http-spans.ts'
import { type Attributes, beginMs, newId, nowMs, Span, spanKinds } from './span.ts'
import { isSampled, readTraceContext } from './trace-context.ts'

export interface TracingOptions {
  readonly sampler: {
    /** Whether a caller that has decided decides for us, too. */
    readonly isParentBased: boolean
    /** Of the traces that nobody else decides on, from 0 to 1. */
    readonly ratio: number
  }
  /** Told of each span once, as it ends. */
  readonly onEnd: (span: Span) => void
  /** Where clients find the server, as a URL. */
  readonly publicUrl: () => string
}

/** What a request tells of itself before it has done anything. */
export interface BegunRequest {
  readonly header: (name: 'traceparent' | 'tracestate') => string | undefined
  /** Asked only for a request that is sampled. */
  readonly describe: () => { readonly name: string; readonly attributes: Attributes }
}

export type Begin = (request: BegunRequest) => RequestSpan

/** A request or call as the root of what this server does for it. */
export interface RequestSpan {
  readonly traceId: string
  /** Whether anybody will see what `end` tells. */
  readonly isSampled: boolean
  /** What belongs to the request. */
  run<T>(work: () => T): T
  /** @param isError whether the fault is the server's */
  end(attributes: Attributes, isError: boolean): void
}

/** Outcomes of calls to stores that belong to a day's work. */
const EXPECTED = ['ok', 'conflict', 'missing']

/** Spans of requests, and of what is done for each of them. */
export class Tracing {
  readonly #options: TracingOptions
  readonly #current = new AsyncLocalStorage<Span>()

  constructor(options: TracingOptions) {
    this.#options = options
  }

  /** For the gRPC server, which calls it as a call begins. */
  readonly traceCall = traceCalls((begun) => this.#begin(begun))

  /** Traces the requests of routes that are added from now on. */
  observe(server: FastifyInstance): void {
    traceRequests(server, (begun) => this.#begin(begun))
  }

  /** A request that is not sampled has the id of a trace, too, but no spans. */
  #begin({ header, describe }: BegunRequest): RequestSpan {
    const { sampler, onEnd } = this.#options
    const parent = readTraceContext(header)
    const traceId = parent?.traceId ?? newId(16)
    if (!isSampled(sampler, traceId, parent))
      return { traceId, isSampled: false, run: (work) => work(), end: () => undefined }
    const { name, attributes } = describe()
    const span = new Span({
      name,
      kind: spanKinds.server,
      traceId,
      traceState: parent?.traceState ?? '',
      parentId: parent?.spanId,
      isRemotesChild: parent !== undefined,
      startMs: beginMs(),
      attributes: { ...attributes, ...this.#serverAddress() },
    })
    return {
      traceId,
      isSampled: true,
      run: (work) => this.#current.run(span, work),
      end: (told, isError) => {
        Object.assign(span.attributes, told)
        finish(span, isError, onEnd)
      },
    }
  }

  /** As configured or listened at, never as a request says. */
  #serverAddress(): Attributes {
    const { hostname, port, protocol } = URL.parse(this.#options.publicUrl()) ?? {}
    if (!hostname) return {}
    return { 'server.address': hostname, 'server.port': Number(port || (protocol === 'https:' ? 443 : 80)) }
  }

  /** For the services: each use case of a traced request is a part of it. */
  readonly useCase: Trace = (name, work) => {
    const parent = this.#current.getStore()
    if (parent === undefined) return work()
    const span = childOf(parent, name, spanKinds.internal, nowMs(), {})
    return this.#current.run(span, () => this.#finishAfter(span, work()))
  }

  async #finishAfter<T>(span: Span, work: Promise<T>): Promise<T> {
    let isError = false
    try {
      return await work
    } catch (error) {
      const isRefusal = error instanceof ServiceError
      span.attributes['error.type'] = isRefusal ? error.code : 'failed'
      isError = !isRefusal || isFault(error)
      throw error
    } finally {
      finish(span, isError, this.#options.onEnd)
    }
  }

  /** Calls to a store, told once they are over; those that no traced request asked for are none of ours. */
  storeCalls(store: string, attributes: Attributes): WatchCall {
    return ({ operation, outcome, seconds }) => {
      const parent = this.#current.getStore()
      if (parent === undefined) return
      const startMs = nowMs() - seconds * 1000
      const told = { ...attributes, 'entrepot.store.operation': operation }
      const span = childOf(parent, `${store} ${operation}`, spanKinds.client, startMs, told)
      if (outcome !== 'ok') span.attributes['error.type'] = outcome
      finish(span, !EXPECTED.includes(outcome), this.#options.onEnd)
    }
  }
}

function childOf(
  { traceId, traceState, spanId }: Span,
  name: string,
  kind: Span['kind'],
  startMs: number,
  attributes: Attributes,
): Span {
  const parent = { traceId, traceState, parentId: spanId, isRemotesChild: false }
  return new Span({ name, kind, startMs, attributes, ...parent })
}

function finish(span: Span, isError: boolean, onEnd: (span: Span) => void): void {
  span.endMs = Math.max(nowMs(), span.startMs)
  span.isError = isError
  onEnd(span)
}
