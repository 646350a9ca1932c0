import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import type { FileBody } from '../src/dialects/lightfield/schemas.ts'
import type { TestServer } from './harness.ts'

export const VERSION = '2026-03-01'

/** What create answers. */
export interface CreatedFile extends FileBody {
  readonly uploadUrl: string
  readonly uploadHeaders: Record<string, string>
}

export interface ListBody {
  readonly object: string
  readonly data: readonly FileBody[]
  readonly totalCount: number
}

export interface ErrorBody {
  readonly error: {
    readonly type: string
    readonly message: string
    readonly code?: string
    readonly param?: string
  }
}

/** An answer, read to its end. `body` is what the test expects it to be; `error` is the same, as an error. */
export interface Answer<T> {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly body: T
  readonly error: ErrorBody['error']
}

export interface CreateFields {
  readonly filename?: unknown
  readonly mimeType?: unknown
  readonly sizeBytes?: unknown
  readonly purpose?: unknown
}

export type Headings = Record<string, string | undefined>

export const CONTENT = 'hello'

/** One client of the Lightfield dialect; any answer may be an error, which the test then looks at. */
export class LightfieldClient {
  readonly #server: Pick<TestServer, 'url'>
  readonly #key: string

  constructor(server: Pick<TestServer, 'url' | 'key'>, key = server.key) {
    this.#server = server
    this.#key = key
  }

  /** Any request below the dialect's prefix. A header given as undefined is left out. */
  async send<T>(method: string, path: string, body?: string | Uint8Array, headers: Headings = {}) {
    const all = { authorization: `Bearer ${this.#key}`, 'lightfield-version': VERSION, ...headers }
    return exchange<T>(method, `${this.#server.url}/lightfield${path}`, body, all)
  }

  async post<T = FileBody>(path: string, body: unknown = {}, headers: Headings = {}) {
    const type = { 'content-type': 'application/json' }
    return this.send<T>('POST', path, JSON.stringify(body), { ...type, ...headers })
  }

  /** Opens a session for the five bytes of `CONTENT`, unless told otherwise. */
  async create(fields: CreateFields = {}, headers: Headings = {}) {
    const body = { filename: 'notes.txt', mimeType: 'text/plain', sizeBytes: CONTENT.length, ...fields }
    return this.post<CreatedFile>('/v1/files', body, headers)
  }

  async complete(id: string, body: { md5?: unknown } = {}, headers: Headings = {}) {
    return this.post(`/v1/files/${id}/complete`, body, headers)
  }

  async cancel(id: string, headers: Headings = {}) {
    return this.post(`/v1/files/${id}/cancel`, {}, headers)
  }

  async retrieve(id: string) {
    return this.send<FileBody>('GET', `/v1/files/${id}`)
  }

  async url(id: string) {
    return this.send<{ url: string; expiresAt: string }>('GET', `/v1/files/${id}/url`)
  }

  async list(query = '') {
    return this.send<ListBody>('GET', `/v1/files${query}`)
  }

  /** A session that is sure to be open. */
  async pending(fields: CreateFields = {}): Promise<CreatedFile> {
    return ok(await this.create(fields))
  }

  /** A session with its bytes put. */
  async staged(content: string | Uint8Array = CONTENT, fields: CreateFields = {}): Promise<CreatedFile> {
    const upload = await this.pending({ sizeBytes: Buffer.byteLength(content), ...fields })
    assert.equal((await putBytes(upload, content)).status, 200)
    return upload
  }

  /** A file that is COMPLETED. */
  async stored(content: string | Uint8Array = CONTENT, fields: CreateFields = {}): Promise<FileBody> {
    return ok(await this.complete((await this.staged(content, fields)).id))
  }

  async cancelled(): Promise<FileBody> {
    return ok(await this.cancel((await this.pending()).id))
  }

  /** The download link of a stored file. */
  async link(id: string): Promise<string> {
    return ok(await this.url(id)).url
  }
}

/** The body of an answer that must be a success. */
export function ok<T>({ status, text, body }: Answer<T>): T {
  assert.equal(status, 200, text)
  return body
}

/** Sends the bytes with exactly the headers that create told. */
export async function putBytes(
  { uploadUrl, uploadHeaders }: CreatedFile,
  content: string | Uint8Array = CONTENT,
  headers: Headings = {},
): Promise<Answer<undefined>> {
  return exchange('PUT', uploadUrl, content, { ...uploadHeaders, ...headers })
}

/** One request without any header that is not named (a body gets no content type by itself). */
export async function exchange<T>(
  method: string,
  url: string,
  body?: string | Uint8Array,
  headings: Headings = {},
): Promise<Answer<T>> {
  const headers = Object.fromEntries(
    Object.entries(headings).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
  const response = await fetch(url, {
    method,
    headers,
    redirect: 'manual',
    ...(body === undefined ? {} : { body: Buffer.from(body) }),
  })
  const text = await response.text()
  const type = response.headers.get('content-type') ?? ''
  const isJson = /^application\/(problem\+)?json/.test(type) && text !== ''
  const parsed = isJson ? JSON.parse(text) : undefined
  return { status: response.status, headers: response.headers, text, body: parsed, error: parsed?.error }
}

export function md5Of(content: string | Uint8Array): string {
  return hash('md5', content)
}

/** The header by which a create announces that these bytes will come and no others. */
export function announcing(content: string | Uint8Array): Headings {
  return { 'Entrepot-Content-Sha256': hash('sha256', content) }
}

/** Status, `type`, and where the vendor has them `code` and `param`. */
export type Refusal = readonly [status: number, type: string, code?: string, param?: string]

/** The whole form of an error: nothing beside `error`, nothing in it but what the table of errors allows. */
export function assertRefusal(answer: Answer<unknown>, [status, type, code, param]: Refusal): void {
  assert.equal(answer.status, status, answer.text)
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json\b/)
  const { message } = answer.error
  assert.ok(message.length > 0)
  const expected = { error: { type, message, ...(code && { code }), ...(param && { param }) } }
  assert.deepEqual(answer.body, expected)
  assert.match(answer.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/)
}
