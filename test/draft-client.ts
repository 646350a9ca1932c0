/**
 * A client of draft-ietf-httpbis-resumable-upload, revision 12, written from its text alone: it knows nothing of the server that
 * it talks to.
 */
import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

/** "Draft Version Identification". */
export const INTEROP_VERSION = '9'

const WRITE_BYTES = 64 * 1024
const RETRY_MS = 20
/** "Optimistic Upload Creation": a client may wait so long for a 104 before it sends content. */
const INTERIM_MS = 1_000

/** An interim response. */
export interface Interim {
  readonly status: number
  readonly headers: IncomingHttpHeaders
}

export interface DraftAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly interim: readonly Interim[]
}

interface Exchange {
  readonly headers?: OutgoingHttpHeaders
  readonly content?: Uint8Array
  /** Sends the content only after an interim response, or without one after some time. */
  readonly awaitsInterim?: boolean
  readonly onInterim?: (interim: Interim) => void
  /** Bytes that the connection has taken. */
  readonly onSent?: (bytes: number) => void
}

/** One request of a client of the draft, on a connection of its own. Rejects if the connection breaks before the answer ends. */
export async function exchangeDraft(
  method: string,
  url: string,
  { headers = {}, content, awaitsInterim = false, onInterim, onSent }: Exchange = {},
): Promise<DraftAnswer> {
  const isChunked = headers['transfer-encoding'] !== undefined
  const length = content === undefined || isChunked ? {} : { 'content-length': content.byteLength }
  const outgoing = request(url, {
    method,
    agent: false,
    headers: { 'upload-draft-interop-version': INTEROP_VERSION, ...length, ...headers },
  })
  const interim: Interim[] = []
  outgoing.on('information', ({ statusCode, headers: told }) => {
    interim.push({ status: statusCode, headers: told })
    onInterim?.({ status: statusCode, headers: told })
  })
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve).on('error', reject)
  })
  if (awaitsInterim) {
    outgoing.flushHeaders()
    const told = [once(outgoing, 'information'), answered, delay(INTERIM_MS, undefined, { ref: false })]
    await Promise.race(told)
  }
  const written = writeContent(outgoing, content ?? new Uint8Array(), onSent)
  const [answer] = await Promise.all([answered, written])
  let text = ''
  for await (const chunk of answer.setEncoding('utf8')) text += chunk
  return { status: answer.statusCode ?? 0, headers: answer.headers, text, interim }
}

/** Ends early without an error where the answer, or the end of the connection, came before all was taken. */
async function writeContent(
  outgoing: ReturnType<typeof request>,
  content: Uint8Array,
  onSent: (bytes: number) => void = () => undefined,
): Promise<void> {
  const over = new AbortController()
  const stop = () => over.abort()
  outgoing.once('response', stop).once('error', stop).once('close', stop)
  for (let at = 0; at < content.byteLength && !over.signal.aborted; at += WRITE_BYTES) {
    const part = content.subarray(at, at + WRITE_BYTES)
    if (!outgoing.write(part)) await once(outgoing, 'drain', { signal: over.signal }).catch(() => undefined)
    if (!over.signal.aborted) onSent(part.byteLength)
  }
  if (!outgoing.destroyed) outgoing.end()
}

export interface DraftUpload {
  /** Of the request that begins the upload. */
  readonly method?: 'PUT' | 'POST'
  /** Representation metadata, with the request that begins the upload. */
  readonly headers?: OutgoingHttpHeaders
  /** Begins with an empty request, to learn where the upload is before a byte is sent. */
  readonly isCareful?: boolean
  /** Most bytes of one request; undefined: all that are left. */
  readonly requestBytes?: number
  /** Whether the length is told before the last request. */
  readonly tellsLength?: boolean
}

/** A body that was sent: where it began in the upload, and how much of it the connection took. */
interface SentPart {
  readonly offset: number
  bytes: number
}

/** Uploads one content, whatever happens to its connections. */
export class DraftClient {
  readonly #content: Uint8Array
  #resource: string | undefined
  /** What the server has told that it has. It never has to be sent again. */
  acknowledgedBytes = 0
  /** How often the offset was asked for after an interruption. */
  resumptions = 0
  readonly sent: SentPart[] = []

  constructor(content: Uint8Array) {
    this.#content = content
  }

  /** The upload resource, as soon as it is known. */
  get resource(): string | undefined {
    return this.#resource
  }

  /** Bytes that were sent although an earlier request had sent them. */
  get sentTwiceBytes(): number {
    return this.sent.reduce((sum, { bytes }) => sum + bytes, 0) - this.#content.byteLength
  }

  /** @returns the answer that ended the upload. @throws Error if the server refuses, or goes back behind what it acknowledged */
  async upload(target: string, options: DraftUpload = {}): Promise<DraftAnswer> {
    for (;;) {
      const answer = await this.#step(target, options).catch(() => undefined)
      if (answer?.headers['upload-complete'] === '?1') return answer
      if (answer !== undefined && answer.status >= 400 && answer.status < 500)
        throw new Error(`refused with ${answer.status}: ${answer.text}`)
      if (answer === undefined || answer.status >= 500) await this.#resume()
    }
  }

  async #step(target: string, options: DraftUpload): Promise<DraftAnswer> {
    const { isCareful = false, requestBytes = Number.POSITIVE_INFINITY, tellsLength = true } = options
    const offset = this.acknowledgedBytes
    const begins = this.#resource === undefined
    const size = begins && isCareful ? 0 : requestBytes
    const content = this.#content.subarray(offset, Math.min(offset + size, this.#content.byteLength))
    const isLast = offset + content.byteLength === this.#content.byteLength && !(begins && isCareful)
    const headers = {
      'upload-complete': isLast ? '?1' : '?0',
      ...(tellsLength ? { 'upload-length': this.#content.byteLength } : {}),
      ...(begins
        ? options.headers
        : { 'upload-offset': offset, 'content-type': 'application/partial-upload' }),
    }
    const part = { offset, bytes: 0 }
    this.sent.push(part)
    const answer = await exchangeDraft(
      begins ? (options.method ?? 'POST') : 'PATCH',
      this.#resource ?? target,
      {
        headers,
        content,
        awaitsInterim: begins && !isCareful,
        onInterim: (interim) => this.#noteInterim(interim, target),
        onSent: (bytes) => {
          part.bytes += bytes
        },
      },
    )
    if (answer.status >= 200 && answer.status < 300) {
      this.acknowledgedBytes = offset + content.byteLength
      if (!isLast) this.#resource ??= this.#locationIn(answer.headers, target)
    }
    return answer
  }

  /** A 104 of another version, or none, is ignored. */
  #noteInterim({ status, headers }: Interim, target: string): void {
    if (status !== 104 || headers['upload-draft-interop-version'] !== INTEROP_VERSION) return
    if (headers.location !== undefined) this.#resource = this.#locationIn(headers, target)
    if (headers['upload-offset'] !== undefined) this.acknowledgedBytes = Number(headers['upload-offset'])
  }

  #locationIn({ location }: IncomingHttpHeaders, target: string): string {
    if (location === undefined) throw new Error('the answer does not tell where the upload is')
    return new URL(location, target).href
  }

  /** Asks for the offset until somebody answers. An upload whose resource is not known begins again. */
  async #resume(): Promise<void> {
    for (;;) {
      await delay(RETRY_MS)
      if (this.#resource === undefined) return
      const answer = await exchangeDraft('HEAD', this.#resource).catch(() => undefined)
      if (answer === undefined || answer.status >= 500) continue
      if (answer.status >= 300) throw new Error(`no offset: ${answer.status}`)
      const offset = Number(answer.headers['upload-offset'] ?? Number.NaN)
      if (!(offset >= this.acknowledgedBytes))
        throw new Error(`the offset is ${offset}, ${this.acknowledgedBytes} was acknowledged`)
      this.acknowledgedBytes = offset
      this.resumptions += 1
      return
    }
  }
}
