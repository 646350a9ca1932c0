import { createServer, type RequestListener } from 'node:http'
import type { FastifyInstance, onResponseHookHandler } from 'fastify'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { WatchCall } from '../core/watch-call.ts'
import { inTurn } from '../http/request-turns.ts'
import { defaultServerLimits } from '../http/server.ts'
import { listeningAt } from '../net/listening.ts'
import { cutSlowReaders } from '../net/reader-pace.ts'

/** Seconds; from a look-up in memory to a large upload on a slow line. */
const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]
/** Seconds; calls are given up after twenty, but for large bodies. */
const CALL_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60]

export interface ListeningMetrics {
  readonly url: string
  /** Cuts whoever reads them. */
  readonly close: () => Promise<void>
}

/** Seconds; calls with a large file in them take as long as it does. */
const GRPC_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

/** What the service counts. Labels are of closed sets only: routes as declared, never paths, ids or names. */
export class Metrics {
  readonly registry = new Registry()
  readonly #durations = new Histogram({
    name: 'entrepot_http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: REQUEST_BUCKETS,
    registers: [this.registry],
  })
  #receivedBytes = 0
  #sentBytes = 0
  readonly databaseCall: WatchCall
  readonly s3Call: WatchCall
  readonly #grpcDurations = new Histogram({
    name: 'entrepot_grpc_call_duration_seconds',
    help: 'Time from the metadata of a gRPC call to its end.',
    labelNames: ['method', 'code'],
    buckets: GRPC_BUCKETS,
    registers: [this.registry],
  })
  readonly #grpcInFlight = new Gauge({
    name: 'entrepot_grpc_calls_in_flight',
    help: 'gRPC calls that have begun and not ended.',
    labelNames: ['method'],
    registers: [this.registry],
  })

  constructor() {
    collectDefaultMetrics({ register: this.registry, prefix: 'entrepot_' })
    this.databaseCall = this.#countCalls(
      'entrepot_database_call_duration_seconds',
      'Time of a read or commit on PostgreSQL, waiting and repetitions included.',
    )
    this.s3Call = this.#countCalls(
      'entrepot_s3_call_duration_seconds',
      'Time of one attempt of a call to the bucket, until the head of its answer.',
    )
    this.#countBytes(
      'entrepot_received_bytes_total',
      'Bytes of bodies, as announced, and of gRPC messages that were answered with success.',
      () => this.#receivedBytes,
    )
    this.#countBytes(
      'entrepot_sent_bytes_total',
      'Bytes of bodies and of gRPC messages of successful answers.',
      () => this.#sentBytes,
    )
  }

  /** Added up by us, and asked for whenever somebody reads the metrics. */
  #countBytes(name: string, help: string, total: () => number): void {
    new Counter({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.reset()
        this.inc(total())
      },
    })
  }

  #countCalls(name: string, help: string): WatchCall {
    const histogram = new Histogram({
      name,
      help,
      labelNames: ['operation', 'outcome'],
      buckets: CALL_BUCKETS,
      registers: [this.registry],
    })
    return ({ seconds, ...labels }) => histogram.observe(labels, seconds)
  }

  /** Asked whenever somebody reads the metrics. */
  gaugeWaiting(waitingCalls: () => number): void {
    new Gauge({
      name: 'entrepot_database_waiting_calls',
      help: 'Reads and transactions that wait for a connection to PostgreSQL.',
      registers: [this.registry],
      collect() {
        this.set(waitingCalls())
      },
    })
  }

  /** Told of each gRPC call as it begins. @returns what is told as it ends */
  readonly grpcCall = (method: string) => {
    this.#grpcInFlight.inc({ method })
    return (ended: { code: string; seconds: number; receivedBytes: number; sentBytes: number }): void => {
      this.#grpcInFlight.dec({ method })
      this.#grpcDurations.observe({ method, code: ended.code }, ended.seconds)
      if (ended.code !== 'OK') return
      this.#receivedBytes += ended.receivedBytes
      this.#sentBytes += ended.sentBytes
    }
  }

  /** Counts every answer of a server, of the routes that are added from now on. */
  observe(server: FastifyInstance): void {
    // A hook for each route, which knows it: to be asked for it, a request first gathers all that there is to know of it.
    server.addHook('onRoute', (route) => {
      route.onResponse = [this.#counterOf(route.url), ...[route.onResponse ?? []].flat()]
    })
    const countUnknown = this.#counterOf('none')
    server.addHook('onResponse', function count(request, reply, done) {
      if (request.is404) return countUnknown.call(this, request, reply, done)
      done()
    })
  }

  #counterOf(route: string): onResponseHookHandler {
    return ({ method, headers }, reply, done) => {
      this.#durations.observe({ method, route, status: reply.statusCode }, reply.elapsedTime / 1000)
      if (reply.statusCode < 400) {
        this.#receivedBytes += Number(headers['content-length'] ?? 0)
        this.#sentBytes += Number(reply.getHeader('content-length') ?? 0)
      }
      done()
    }
  }

  /** `GET /metrics` on a port of its own. */
  async listen(host: string, port: number): Promise<ListeningMetrics> {
    const { turns, readerPace } = defaultServerLimits
    const answer: RequestListener = async (request, response) => {
      if (request.url !== '/metrics' || request.method !== 'GET') return response.writeHead(404).end()
      response
        .writeHead(200, { 'content-type': this.registry.contentType })
        .end(await this.registry.metrics())
    }
    const server = createServer(inTurn(answer, turns))
    cutSlowReaders(server, readerPace)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, host, resolve)
    })
    return {
      url: `http://${listeningAt(server)}/metrics`,
      close: async () => {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      },
    }
  }
}
