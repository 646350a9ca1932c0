import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the proxy says instead of passing a request on. */
export interface CannedAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** Stands before a server: answers the next requests itself, passes the others on, and remembers the tries. */
export class AnsweringProxy {
  readonly #target: string
  readonly #server = createServer((incoming, outgoing) => this.#handle(incoming, outgoing))
  readonly #canned: CannedAnswer[] = []
  /** The `x-stainless-retry-count` of each request, in order. */
  readonly tries: (string | undefined)[] = []

  private constructor(target: string) {
    this.#target = target
  }

  static async start(target: string): Promise<AnsweringProxy> {
    const proxy = new AnsweringProxy(target)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Forgets the tries so far. */
  answerNext(...answers: readonly CannedAnswer[]): void {
    this.tries.length = 0
    this.#canned.splice(0, Number.POSITIVE_INFINITY, ...answers)
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #handle(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const count = incoming.headers['x-stainless-retry-count']
    this.tries.push(Array.isArray(count) ? count[0] : count)
    const canned = this.#canned.shift()
    if (canned === undefined) {
      this.#pass(incoming, outgoing)
      return
    }
    incoming.resume()
    incoming.once('end', () => {
      outgoing.writeHead(canned.status, { 'content-type': 'application/json', ...canned.headers })
      outgoing.end(JSON.stringify(canned.body ?? { detail: 'from the proxy' }))
    })
  }

  #pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method, url, headers } = incoming
    const passed = request(new URL(url ?? '/', this.#target), { method, headers, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    passed.on('error', () => outgoing.destroy())
    incoming.pipe(passed)
  }
}
