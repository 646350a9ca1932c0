import type { RequestListener } from 'node:http'
import type { FastifyInstance, onResponseHookHandler } from 'fastify'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Clock } from '../core/ports/clock.ts'
import type { MetadataStore } from '../core/ports/metadata-store.ts'
import type { WatchCall } from '../core/watch-call.ts'
import { inTurn } from '../http/routing.ts'
import { defaultServerLimits } from '../http/server.ts'
import { listeningAt } from '../net/listening.ts'
import { cutSlowReaders } from '../net/reader-pace.ts'
import { addInstallationGauges, NAMED_ORGANIZATIONS } from './installation-gauges.ts'
import { KeptAnswer } from './kept-answer.ts'
import { addBuildInfo, addDiskGauges, type Build, type Disk, jobMetrics } from './server-gauges.ts'

const { createServer } = process.getBuiltinModule('node:http')

/** Seconds, from a look-up in memory to a large upload on a slow line. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]
/** Seconds; calls to a store are given up after twenty, but for large bodies. */
const CALL_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60]

export interface ListeningMetrics {
  readonly url: string
  /** Cuts whoever reads them. */
  readonly close: () => Promise<void>
}

/** What the service counts. Labels are of closed sets only: routes as declared, never paths, ids or names. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #registers = [this.#registry]
  readonly #durations = this.#histogram(
    'entrepot_http_request_duration_seconds',
    'Time from the first byte of a request to the last of its answer.',
    ['method', 'route', 'status'],
  )
  readonly #grpcDurations = this.#histogram(
    'entrepot_grpc_call_duration_seconds',
    'Time from the metadata of a gRPC call to its end.',
    ['method', 'code'],
  )
  readonly #grpcInFlight = new Gauge({
    name: 'entrepot_grpc_calls_in_flight',
    help: 'gRPC calls that have begun and not ended.',
    labelNames: ['method'],
    registers: this.#registers,
  })
  readonly #receivedBytes = new Counter({
    name: 'entrepot_received_bytes_total',
    help: 'Bytes of bodies, as announced, and of gRPC messages that were answered with success.',
    registers: this.#registers,
  })
  readonly #sentBytes = new Counter({
    name: 'entrepot_sent_bytes_total',
    help: 'Bytes of bodies and of gRPC messages of successful answers.',
    registers: this.#registers,
  })
  readonly databaseCall = this.#watchCalls(
    'entrepot_database_call_duration_seconds',
    'Time of a commit, or of a read on PostgreSQL, waiting and repetitions included.',
  )
  readonly s3Call = this.#watchCalls(
    'entrepot_s3_call_duration_seconds',
    'Time of one attempt of a call to the bucket, until the head of its answer.',
  )
  readonly #scrapeErrors = new Counter({
    name: 'entrepot_scrape_errors_total',
    help: 'Answers to scrapes that lacked metrics, because the source of these failed.',
    labelNames: ['source'],
    registers: this.#registers,
  })
  readonly jobRun = jobMetrics(this.#registry)
  readonly #spans = new Counter({
    name: 'entrepot_spans_total',
    help: 'Spans of traces by what became of them.',
    labelNames: ['outcome'],
    registers: this.#registers,
  })

  constructor() {
    collectDefaultMetrics({ register: this.#registry, prefix: 'entrepot_' })
  }

  #histogram<Label extends string>(name: string, help: string, labelNames: Label[], buckets = BUCKETS) {
    return new Histogram({ name, help, labelNames, buckets, registers: this.#registers })
  }

  #watchCalls(name: string, help: string): WatchCall {
    const histogram = this.#histogram(name, help, ['operation', 'outcome'], CALL_BUCKETS)
    return ({ seconds, ...labels }) => histogram.observe(labels, seconds)
  }

  /** What of a server stands before its stores are open. */
  gaugeServer(disk: Disk, findBuild: () => Build): void {
    addBuildInfo(this.#registry, findBuild)
    addDiskGauges(this.#registry, disk, this.#failing('disk'))
  }

  /** What the installation holds. A database that fails or hangs costs a scrape these metrics alone. */
  gaugeInstallation(metadata: Pick<MetadataStore, 'totals'>, clock: Clock): void {
    const ask = () => metadata.totals(clock.machineNow(), NAMED_ORGANIZATIONS)
    const totals = new KeptAnswer(ask, clock, this.#failing('database'))
    addInstallationGauges(this.#registry, () => totals.get())
  }

  readonly spans = (outcome: 'sent' | 'lost', spans: number): void => {
    this.#spans.inc({ outcome }, spans)
  }

  /** Counts from zero on, so that the first failure is an increase. */
  #failing(source: string): () => void {
    this.#scrapeErrors.inc({ source }, 0)
    return () => this.#scrapeErrors.inc({ source })
  }

  /** So that nobody takes what is counted here for what counts. */
  markEmulator(): void {
    new Gauge({
      name: 'entrepot_emulator',
      help: '1 for a server whose data are for tests; there is none otherwise.',
      registers: this.#registers,
    }).set(1)
  }

  /** @param waitingCalls asked whenever somebody reads the metrics */
  gaugeWaiting(waitingCalls: () => number): void {
    new Gauge({
      name: 'entrepot_database_waiting_calls',
      help: 'Reads and transactions that wait for a connection to PostgreSQL.',
      registers: this.#registers,
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
      this.#receivedBytes.inc(ended.receivedBytes)
      this.#sentBytes.inc(ended.sentBytes)
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
        this.#receivedBytes.inc(Number(headers['content-length'] ?? 0))
        this.#sentBytes.inc(Number(reply.getHeader('content-length') ?? 0))
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
        .writeHead(200, { 'content-type': this.#registry.contentType })
        .end(await this.#registry.metrics())
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
