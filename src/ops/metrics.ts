import { createServer, type Server } from 'node:http'
import type { FastifyInstance, onResponseHookHandler } from 'fastify'
import { Counter, collectDefaultMetrics, Registry } from 'prom-client'
import { RequestDurations } from './request-durations.ts'

/** What the service counts. Labels are of closed sets only: routes as declared, never paths, ids or names. */
export class Metrics {
  readonly registry = new Registry()
  readonly #durations = new RequestDurations()
  #receivedBytes = 0
  #sentBytes = 0

  constructor() {
    collectDefaultMetrics({ register: this.registry, prefix: 'entrepot_' })
    this.registry.registerMetric(this.#durations.metric)
    this.#countWhenAsked(
      'entrepot_received_bytes_total',
      'Bytes of file bodies announced by uploads that were answered with success.',
      () => this.#receivedBytes,
    )
    this.#countWhenAsked(
      'entrepot_sent_bytes_total',
      'Bytes of bodies of successful answers.',
      () => this.#sentBytes,
    )
  }

  /** A counter that is added up by us, and is read when somebody asks. */
  #countWhenAsked(name: string, help: string, total: () => number): void {
    const collect = function collect(this: Counter) {
      this.reset()
      this.inc(total())
    }
    this.registry.registerMetric(new Counter({ name, help, registers: [], collect }))
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
    const observe = this.#durations.ofRoute(route)
    return ({ method, headers }, reply, done) => {
      observe(method, reply.statusCode, reply.elapsedTime / 1000)
      if (reply.statusCode < 400) {
        this.#receivedBytes += Number(headers['content-length'] ?? 0)
        this.#sentBytes += Number(reply.getHeader('content-length') ?? 0)
      }
      done()
    }
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
