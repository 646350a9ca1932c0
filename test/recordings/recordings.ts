import { readdirSync, readFileSync } from 'node:fs'

/** What one client sent, kept in `requests/<language>-<package>-<version>.json` as it came. README.md says how it is made. */
export interface Recording {
  /** The dialect that the client speaks. */
  readonly dialect: string
  readonly language: 'python' | 'javascript'
  readonly package: string
  readonly version: string
  /** `Python 3.11.7`, `Node 26.10.0` */
  readonly runtime: string
  /** `2026-11-27` */
  readonly date: string
  /** JSON Schemas of the client's own models, by kind of answer. */
  readonly models: Readonly<Record<string, object>>
  readonly calls: readonly RecordedCall[]
}

export interface RecordedCall {
  /** The client's source text that led to the requests. */
  readonly call: string
  readonly requests: readonly RecordedRequest[]
}

/**
 * One request, byte by byte. `{{host}}`, `{{key}}` and the names in `gives` of earlier requests stand for what differs from
 * server to server.
 */
export interface RecordedRequest {
  /** The request line and the headers, without their line ends. */
  readonly head: readonly string[]
  /** Joined, these are the body. */
  readonly body: readonly BodyPiece[]
  /** What the recording server answered, as the vendor's documentation has it. */
  readonly answer: {
    readonly status: number
    /** Names one of `models`, if the client reads a body. */
    readonly kind?: string
    /** New names, and where the answer has their values: `data.0.id` of the body, or `header:x-goog-upload-url`. */
    readonly gives?: Readonly<Record<string, string>>
  }
}

export type BodyPiece =
  | string
  | { readonly base64: string }
  | { readonly repeated: string; readonly times: number }

const requestsUrl = new URL('requests/', import.meta.url)

/** All recordings, or those of one dialect or language. */
export function loadRecordings(wanted: { dialect?: string; language?: string } = {}): Recording[] {
  return readdirSync(requestsUrl)
    .sort()
    .map((name): Recording => JSON.parse(readFileSync(new URL(name, requestsUrl), 'utf8')))
    .filter(({ dialect }) => wanted.dialect === undefined || dialect === wanted.dialect)
    .filter(({ language }) => wanted.language === undefined || language === wanted.language)
}

/** `python openai 3.57.0`, and the service if it is not the package's own. */
export function titleOf({ language, package: name, version, calls }: Recording): string {
  const isAzure = calls[0]?.requests[0]?.head.some((line) => line.includes('AzureOpenAI/'))
  return `${language} ${name} ${version}${isAzure ? ' for Azure' : ''}`
}

/**
 * The bytes of a request with its names replaced; one that has no value stays. `Content-Length` is that of the
 * body that results. A prefix is put before paths that are not below it already, but not before that of an upload URL.
 */
export function bytesOf(request: RecordedRequest, values: ReadonlyMap<string, string>, prefix = ''): Buffer {
  const body = Buffer.concat(request.body.map((piece) => pieceBytes(piece, values)))
  const [line = '', ...headers] = request.head
  const lines = headers.map((header) =>
    // Names and their values differ in length.
    /^content-length:/i.test(header) ? header.replace(/\d+/, String(body.byteLength)) : fill(header, values),
  )
  return Buffer.concat([
    Buffer.from(`${[filledLine(line, values, prefix), ...lines].join('\r\n')}\r\n\r\n`),
    body,
  ])
}

function filledLine(line: string, values: ReadonlyMap<string, string>, prefix: string): string {
  const [method = '', target = '', version = ''] = line.split(' ')
  if (target.startsWith('{{')) return `${method} ${fill(target, values)} ${version}`
  const [path = '', query] = target.split('?')
  const encoded = new Map([...values].map(([name, value]) => [name, encodeURIComponent(value)]))
  const before = path.startsWith(`${prefix}/`) ? '' : prefix
  return `${method} ${before}${fill(path, values)}${query === undefined ? '' : `?${fill(query, encoded)}`} ${version}`
}

function fill(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(/\{\{(\w+)\}\}/g, (whole, name) => values.get(name) ?? whole)
}

function pieceBytes(piece: BodyPiece, values: ReadonlyMap<string, string>): Buffer {
  if (typeof piece === 'string') return Buffer.from(fill(piece, values))
  if ('base64' in piece) return Buffer.from(piece.base64, 'base64')
  return Buffer.alloc(piece.times * piece.repeated.length, piece.repeated)
}
