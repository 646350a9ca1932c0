import { createServer, type Server } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'

/** Seconds; from a look-up in memory to a large upload on a slow line. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

/** What the service counts. Labels are of closed sets only: routes as declared, never paths, ids or names. */
export class Metrics {
  readonly registry = new Registry()
  readonly #requests: Histogram
  readonly #received: Counter
  readonly #sent: Counter

  constructor() {
    const registers = [this.registry]
    collectDefaultMetrics({ register: this.registry, prefix: 'entrepot_' })
    this.#requests = new Histogram({
      name: 'entrepot_http_request_duration_seconds',
      help: 'Time from the first byte of a request to the last of its answer.',
      labelNames: ['method', 'route', 'status'],
      buckets: DURATION_BUCKETS,
      registers,
    })
    this.#received = new Counter({
      name: 'entrepot_received_bytes_total',
      help: 'Bytes of file bodies announced by uploads that were answered with success.',
      registers,
    })
    this.#sent = new Counter({
      name: 'entrepot_sent_bytes_total',
      help: 'Bytes of bodies of successful answers.',
      registers,
    })
  }

  /** Counts every answer of a server. */
  observe(server: FastifyInstance): void {
    server.addHook('onResponse', (request, reply, done) => {
      const route = request.routeOptions.url ?? 'none'
      this.#requests.observe(
        { method: request.method, route, status: reply.statusCode },
        reply.elapsedTime / 1000,
      )
      if (reply.statusCode >= 400) return done()
      this.#received.inc(Number(request.headers['content-length'] ?? 0))
      this.#sent.inc(Number(reply.getHeader('content-length') ?? 0))
      done()
    })
  }

  /** `GET /metrics` on a port of its own. @returns the listening server */
  async listen(host: string, port: number): Promise<Server> {
    const server = createServer(async (request, response) => {
      if (request.url !== '/metrics' || request.method !== 'GET') return response.writeHead(404).end()
      response
        .writeHead(200, { 'content-type': this.registry.contentType })
        .end(await this.registry.metrics())
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, host, resolve)
    })
    return server
  }
}
