import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { BodyPiece, RecordedCall, RecordedRequest } from './recordings.ts'
import type { Ask, Reply, Vendor } from './vendors.ts'

/** Where the calling program says what it does next: the body of a PUT is the source text of the call. */
const CALL_PATH = '/-/call'
/** Where it says which models it reads answers with: the body of a PUT is JSON, schemas by kind of answer. */
const MODELS_PATH = '/-/models'

/** The key that clients are given. */
export const RECORDED_KEY = 'recorded-key'

/** Answers as one vendor does, on loopback, and keeps every request byte by byte. */
export class RecordingServer {
  readonly #server: Server
  readonly #vendor: Vendor
  readonly #calls: { call: string; requests: RecordedRequest[] }[] = []
  /** Texts of answers that later requests repeat, and the name that stands for each; longer texts first. */
  readonly #names = new Map<string, string>()
  models: Record<string, object> = {}

  private constructor(vendor: Vendor) {
    this.#vendor = vendor
    this.#server = createServer((socket) => void this.#serve(socket).catch(() => socket.destroy()))
  }

  static async start(vendor: (url: string) => Vendor): Promise<RecordingServer> {
    let answer: Vendor = () => ({ status: 500 })
    const recording = new RecordingServer((ask) => answer(ask))
    recording.#server.listen(0, '127.0.0.1')
    await once(recording.#server, 'listening')
    answer = vendor(recording.url)
    return recording
  }

  get url(): string {
    const address = this.#server.address()
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  }

  /** Those that sent something. */
  get calls(): readonly RecordedCall[] {
    return this.#calls.filter(({ requests }) => requests.length > 0)
  }

  /** The requests that follow belong to this call. */
  begin(call: string): void {
    this.#calls.push({ call, requests: [] })
  }

  stop(): void {
    this.#server.close()
  }

  async #serve(socket: Socket): Promise<void> {
    let unread = Buffer.alloc(0)
    for await (const chunk of socket) {
      unread = Buffer.concat([unread, chunk])
      for (let raw = takeRequest(unread); raw !== undefined; raw = takeRequest(unread)) {
        unread = unread.subarray(raw.head.length + 4 + raw.body.length)
        this.#answer(socket, raw)
      }
    }
  }

  #answer(socket: Socket, raw: RawRequest): void {
    const ask = asAsk(raw)
    if (ask.path === CALL_PATH) this.begin(ask.body.toString())
    else if (ask.path === MODELS_PATH) this.models = JSON.parse(ask.body.toString())
    else return void socket.write(replyBytes(this.#record(raw, ask)))
    socket.write(replyBytes({ status: 200 }))
  }

  #record(raw: RawRequest, ask: Ask): Reply {
    const reply = this.#vendor(ask)
    const { status, kind, gives } = reply
    const request: RecordedRequest = {
      head: raw.head.split('\r\n').map((line) => this.#named(line)),
      body: piecesOf(raw.body).map((piece) => (typeof piece === 'string' ? this.#named(piece) : piece)),
      answer: { status, ...(kind && { kind }), ...(gives && { gives: { ...placesOf(gives) } }) },
    }
    for (const [name, [text]] of Object.entries(gives ?? {})) this.#names.set(text, name)
    this.#calls.at(-1)?.requests.push(request)
    return reply
  }

  #named(line: string): string {
    const { host } = new URL(this.url)
    let named = line.replaceAll(RECORDED_KEY, '{{key}}')
    for (const [given, name] of this.#names)
      for (const text of [given, encodeURIComponent(given)]) named = named.replaceAll(text, `{{${name}}}`)
    return named.replaceAll(host, '{{host}}')
  }
}

interface RawRequest {
  readonly head: string
  readonly body: Buffer
}

/** The first whole request of what came in. */
function takeRequest(unread: Buffer): RawRequest | undefined {
  const end = unread.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = unread.toString('latin1', 0, end)
  const rest = unread.subarray(end + 4)
  const length = /^transfer-encoding: *chunked/im.test(head)
    ? chunkedLength(rest)
    : Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
  if (length === undefined || rest.length < length) return undefined
  return { head, body: Buffer.from(rest.subarray(0, length)) }
}

function chunkedLength(rest: Buffer): number | undefined {
  const end = rest.indexOf('0\r\n\r\n')
  // What the recorded bodies contain never looks like a last chunk.
  return end < 0 ? undefined : end + 5
}

function asAsk({ head, body }: RawRequest): Ask {
  const [line = '', ...fields] = head.split('\r\n')
  const [method = '', target = ''] = line.split(' ')
  const { pathname, searchParams } = new URL(target, 'http://recording')
  const headers = new Map(
    fields.map((field) => [
      field.slice(0, field.indexOf(':')).toLowerCase(),
      field.slice(field.indexOf(':') + 1).trim(),
    ]),
  )
  return { method, path: decodeURIComponent(pathname), query: searchParams, headers, body }
}

function replyBytes({ status, headers = {}, body = '' }: Reply): Buffer {
  const bytes = Buffer.isBuffer(body)
    ? body
    : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const type =
    typeof body === 'object' && !Buffer.isBuffer(body) ? { 'content-type': 'application/json' } : {}
  const fields = Object.entries({ ...type, ...headers, 'content-length': String(bytes.byteLength) })
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Recorded\r\n${head}\r\n`), bytes])
}

function placesOf(gives: Record<string, readonly [text: string, place: string]>): Record<string, string> {
  return Object.fromEntries(Object.entries(gives).map(([name, [, place]]) => [name, place]))
}

const LONG_LINE_BYTES = 1000

/** Lines that are text stay text, so that a reviewer reads them. */
function piecesOf(body: Buffer): BodyPiece[] {
  const pieces: BodyPiece[] = []
  for (let from = 0; from < body.length; ) {
    const newline = body.indexOf(10, from)
    const to = newline < 0 ? body.length : newline + 1
    pieces.push(...lineOf(body.subarray(from, to)))
    from = to
  }
  return pieces
}

function lineOf(line: Buffer): BodyPiece[] {
  const first = line.subarray(0, 1)
  let same = line.length
  if (line.length > LONG_LINE_BYTES) for (same = 1; line[same] === first[0]; same++);
  if (same > LONG_LINE_BYTES) {
    const rest = line.subarray(same)
    return [{ repeated: first.toString('latin1'), times: same }, ...(rest.length > 0 ? lineOf(rest) : [])]
  }
  const text = line.toString('utf8')
  return [Buffer.from(text).equals(line) ? text : { base64: line.toString('base64') }]
}
