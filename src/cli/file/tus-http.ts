import { once } from 'node:events'
import type { Agent, IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { text as readAll } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import type { HttpRequest, HttpResponse, HttpStack } from 'tus-js-client'
import { Failure } from '../failure.ts'
import { refusalOf, unreachable } from '../remote/refusals.ts'

const http = process.getBuiltinModule('node:http')
const https = process.getBuiltinModule('node:https')

/** A server may be slow to answer the last part; a dead network never answers. */
const SILENT_MS = 120_000
/** The client takes a failed HEAD for the end of the upload, and would begin again. These pass. */
const PASSING = [408, 425, 429, 500, 502, 503, 504]
const LINKS = '/transfer/'

/**
 * How tus-js-client makes its requests: with errors as sentences, backpressure from the socket to the file, and all of them to the
 * address that the operator gave, because the server may not know it (ENTREPOT_PUBLIC_URL).
 */
export class TusHttp implements HttpStack {
  /** Whether an answer has come, of whatever request. */
  wasReached = false
  readonly #server: string
  readonly #agents = {
    http: new http.Agent({ keepAlive: true }),
    https: new https.Agent({ keepAlive: true }),
  }

  /** @param server address, without a slash at its end */
  constructor(server: string) {
    this.#server = server
  }

  createRequest(method: string, url: string): HttpRequest {
    const { pathname } = new URL(url)
    const link = pathname.lastIndexOf(LINKS)
    const target = link < 0 ? url : this.#server + pathname.slice(link)
    const agent = target.startsWith('https:') ? this.#agents.https : this.#agents.http
    return new TusRequest({ http: this, server: this.#server, method, url: target, agent })
  }

  getName(): string {
    return 'entrepot'
  }
}

interface Target {
  readonly http: TusHttp
  readonly server: string
  readonly method: string
  readonly url: string
  readonly agent: Agent
}

class TusRequest implements HttpRequest {
  readonly #target: Target
  readonly #headers: Record<string, string> = {}
  readonly #controller = new AbortController()

  constructor(target: Target) {
    this.#target = target
  }

  getMethod(): string {
    return this.#target.method
  }

  getURL(): string {
    return this.#target.url
  }

  setHeader(header: string, value: string): void {
    this.#headers[header] = value
  }

  getHeader(header: string): string | undefined {
    return this.#headers[header]
  }

  /** Sources count for themselves. */
  setProgressHandler(): void {}

  /** @throws Failure if no answer came, or one of HEAD that does not say how the upload is */
  async send(body?: (Readable & { readonly size: number }) | null): Promise<HttpResponse> {
    let answer: TusResponse
    try {
      answer = await this.#send(body ?? undefined)
    } catch (error) {
      // What the source could not read is told as it is; it also has the errors of the connection.
      throw body?.errored instanceof Failure ? body.errored : unreachable(this.#target.server, error)
    }
    const status = answer.getStatus()
    if (this.#target.method === 'HEAD' && PASSING.includes(status))
      throw refusalOf(this.#target.server, {
        status,
        body: '{"detail":"The server is busy","code":""}',
        retryAfter: answer.getHeader('retry-after'),
      })
    return answer
  }

  async #send(body: (Readable & { readonly size: number }) | undefined): Promise<TusResponse> {
    const request = (this.#target.url.startsWith('https:') ? https : http).request(this.#target.url, {
      method: this.#target.method,
      headers: { ...this.#headers, 'content-length': body?.size ?? 0 },
      agent: this.#target.agent,
      signal: this.#controller.signal,
    })
    request.setTimeout(SILENT_MS, () =>
      request.destroy(new Error(`it was silent for ${SILENT_MS / 1000} seconds`)),
    )
    const answered = once(request, 'response') as Promise<[IncomingMessage]>
    // An answer may come before the body is sent, and then counts.
    const sent = pipeline(body ?? Readable.from([]), request)
    const [response] = await Promise.race([answered, sent.then(() => answered)])
    this.#target.http.wasReached = true
    sent.catch(() => undefined)
    const text = await readAll(response)
    if (!request.writableFinished) request.destroy()
    return new TusResponse(response, text)
  }

  async abort(): Promise<void> {
    this.#controller.abort()
  }

  getUnderlyingObject(): undefined {
    return undefined
  }
}

class TusResponse implements HttpResponse {
  readonly #response: IncomingMessage
  readonly #text: string

  constructor(response: IncomingMessage, text: string) {
    this.#response = response
    this.#text = text
  }

  getStatus(): number {
    return this.#response.statusCode ?? 0
  }

  getHeader(header: string): string | undefined {
    return this.#response.headers[header.toLowerCase()]?.toString()
  }

  getBody(): string {
    return this.#text
  }

  getUnderlyingObject(): IncomingMessage {
    return this.#response
  }
}
