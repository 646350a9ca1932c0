import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { until } from './until.ts'

export interface ReceivedSpan {
  readonly name: string
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string | undefined
  readonly traceState: string
  /** Nanoseconds of Unix time. */
  readonly start: bigint
  readonly end: bigint
  readonly attributes: Readonly<Record<string, string | number>>
  readonly isError: boolean
}

/** How a collector answers: with this status, or never. */
type Mood = number | 'hangs'

/** A collector of traces by OTLP over HTTP on a free port, which reads protobuf as the specification has it. */
export class OtlpCollector {
  readonly #server: Server
  readonly spans: ReceivedSpan[] = []
  readonly resources: Record<string, string | number>[] = []
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = []
  mood: Mood = 200

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<OtlpCollector> {
    const server = createServer(async (request, response) => {
      const body = Buffer.concat(await request.toArray())
      collector.requests.push({ path: request.url ?? '', headers: request.headers })
      if (collector.mood === 'hangs') return
      if (collector.mood === 200) collector.#read(body)
      response.writeHead(collector.mood, { 'content-type': 'application/x-protobuf' }).end()
    })
    const collector = new OtlpCollector(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return collector
  }

  get url(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the collector does not listen')
    return `http://127.0.0.1:${address.port}`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** The spans of a trace once there are so many. */
  async traceOf(traceId: string, spans: number): Promise<readonly ReceivedSpan[]> {
    const found = () => this.spans.filter((span) => span.traceId === traceId)
    await until(10_000, async () => found().length >= spans)
    return found()
  }

  #read(request: Buffer): void {
    for (const resourceSpans of messages(read(request), 1)) {
      const [resource] = messages(resourceSpans, 1)
      this.resources.push(attributesOf(resource ?? new Map(), 1))
      for (const scopeSpans of messages(resourceSpans, 2))
        for (const span of messages(scopeSpans, 2)) this.spans.push(spanOf(span))
    }
  }
}

type Fields = ReadonlyMap<number, readonly (Uint8Array | bigint | number)[]>

/** A message of which nothing is known, by its fields. */
function read(bytes: Uint8Array): Fields {
  const reader = new BinaryReader(bytes)
  const fields = new Map<number, (Uint8Array | bigint | number)[]>()
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    const values = fields.get(field) ?? []
    fields.set(field, values)
    if (type === WireType.LengthDelimited) values.push(reader.bytes())
    else if (type === WireType.Bit64) values.push(BigInt(reader.fixed64()))
    else if (type === WireType.Bit32) values.push(reader.fixed32())
    else values.push(Number(reader.int64()))
  }
  return fields
}

function messages(fields: Fields, field: number): readonly Fields[] {
  return (fields.get(field) ?? []).map((bytes) => read(bytes as Uint8Array))
}

function bytesOf(fields: Fields, field: number): Buffer {
  const [value] = fields.get(field) ?? []
  return Buffer.from((value as Uint8Array | undefined) ?? [])
}

function attributesOf(fields: Fields, field: number): Record<string, string | number> {
  const entries = messages(fields, field).map((attribute) => {
    const [value] = messages(attribute, 2)
    const [integer] = value?.get(3) ?? []
    const told = integer === undefined ? bytesOf(value ?? new Map(), 1).toString() : Number(integer)
    return [bytesOf(attribute, 1).toString(), told] as const
  })
  return Object.fromEntries(entries)
}

function spanOf(fields: Fields): ReceivedSpan {
  const [status] = messages(fields, 15)
  return {
    traceId: bytesOf(fields, 1).toString('hex'),
    spanId: bytesOf(fields, 2).toString('hex'),
    traceState: bytesOf(fields, 3).toString(),
    parentId: bytesOf(fields, 4).toString('hex') || undefined,
    name: bytesOf(fields, 5).toString(),
    kind: Number(fields.get(6)?.[0]),
    start: fields.get(7)?.[0] as bigint,
    end: fields.get(8)?.[0] as bigint,
    attributes: attributesOf(fields, 9),
    isError: status?.get(3)?.[0] === 2,
  }
}
