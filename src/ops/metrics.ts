import { createServer, type Server } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { Counter, collectDefaultMetrics, Registry } from 'prom-client'
import { RequestDurations } from './request-durations.ts'

/** What the service counts. Labels are of closed sets only: routes as declared, never paths, ids or names. */
export class Metrics {
  readonly registry = new Registry()
  readonly #durations = new RequestDurations()
  readonly #received: Counter
  readonly #sent: Counter

  constructor() {
    const registers = [this.registry]
    collectDefaultMetrics({ register: this.registry, prefix: 'entrepot_' })
    this.registry.registerMetric(this.#durations.metric)
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
      this.#durations.observe(
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
