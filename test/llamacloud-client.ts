import assert from 'node:assert/strict'
import { collectBlobs } from '../src/core/upkeep/collect-blobs.ts'
import type { FileBody, PresignedUrl } from '../src/dialects/llamacloud/wire.ts'
import type { TestServer } from './harness.ts'
import { keptBodies } from './kept-bodies.ts'
import { type Answer, exchange, type Headings } from './lightfield-client.ts'

export const FILES = '/api/v1/beta/files'
export const BOUNDARY = 'entrepot-test-boundary'
export const PARSE_ERROR = 'There was an error parsing the body'

export interface PageBody {
  readonly items: readonly FileBody[]
  readonly next_page_token: string | null
  readonly total_size: number | null
}

/** One entry of a 422. */
export interface ProblemBody {
  readonly type: string
  readonly loc: readonly (string | number)[]
  readonly msg: string
  readonly input?: unknown
  readonly ctx?: Readonly<Record<string, unknown>>
}

export interface Detail {
  readonly detail: string | readonly ProblemBody[]
}

/** A part with a filename is a file. Header texts go out as they are. */
export interface FormPart {
  readonly name: string
  readonly filename?: string
  readonly type?: string
  readonly content: string | Uint8Array
}

/** The bytes of a form, in the order given. */
export function formOf(parts: readonly FormPart[], boundary = BOUNDARY): Buffer {
  const pieces = parts.flatMap(({ name, filename, type, content }) => {
    const file = filename === undefined ? '' : `; filename="${filename}"`
    const typed = type === undefined ? '' : `Content-Type: ${type}\r\n`
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n${typed}\r\n`
    return [Buffer.from(head), Buffer.from(content), Buffer.from('\r\n')]
  })
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)])
}

export function filePart(content: string | Uint8Array = 'hello', filename = 'notes.txt'): FormPart {
  return { name: 'file', filename, type: 'text/plain', content }
}

export function purposePart(purpose = 'parse'): FormPart {
  return { name: 'purpose', content: purpose }
}

/** One client of the LlamaCloud dialect, without the vendor's SDK; any answer may be an error. */
export class LlamaCloudClient {
  readonly #server: Pick<TestServer, 'url'>
  readonly #key: string | undefined

  /** With the admin's key unless told otherwise; `undefined` sends none. */
  constructor(server: Pick<TestServer, 'url' | 'key'>, ...keys: readonly [key?: string | undefined]) {
    this.#server = server
    this.#key = keys.length === 0 ? server.key : keys[0]
  }

  /** Any request at the root of the server. A header given as undefined is left out. */
  async send<T>(method: string, path: string, body?: string | Uint8Array, headers: Headings = {}) {
    const authorization = this.#key === undefined ? undefined : `Bearer ${this.#key}`
    return exchange<T>(method, this.#server.url + path, body, { authorization, ...headers })
  }

  /** A create with exactly these bytes. */
  async sendForm<T = FileBody>(body: string | Uint8Array, headers: Headings = {}, query = '') {
    const type = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }
    return this.send<T>('POST', FILES + query, body, { ...type, ...headers })
  }

  async upload<T = FileBody>(parts: readonly FormPart[], headers: Headings = {}, query = '') {
    return this.sendForm<T>(formOf(parts), headers, query)
  }

  /** A file that is sure to be stored. */
  async stored(
    content: string | Uint8Array = 'hello',
    filename = 'notes.txt',
    fields: Readonly<Record<string, string>> = {},
  ): Promise<FileBody> {
    const more = Object.entries(fields).map(([name, value]) => ({ name, content: value }))
    const answer = await this.upload([purposePart('user_data'), ...more, filePart(content, filename)])
    assert.equal(answer.status, 201, answer.text)
    return answer.body
  }

  async get<T = FileBody>(path: string) {
    return this.send<T>('GET', FILES + path)
  }

  async query<T = PageBody>(body: unknown = {}, query = '') {
    const type = { 'content-type': 'application/json' }
    return this.send<T>('POST', `${FILES}/query${query}`, JSON.stringify(body), type)
  }

  async delete<T = Detail>(id: string) {
    return this.send<T>('DELETE', `${FILES}/${id}`)
  }

  /** How many files there are, as the API tells. */
  async count(): Promise<number> {
    const { status, text, body } = await this.query()
    assert.equal(status, 200, text)
    return body.total_size ?? Number.NaN
  }
}

export function detailOf({ body }: Answer<unknown>): Detail['detail'] {
  return (body as Detail).detail
}

/** What is told at which place: `query.page_size less_than_equal`. */
export function problemsOf(answer: Answer<unknown>): string[] {
  const detail = detailOf(answer)
  assert.ok(Array.isArray(detail), answer.text)
  return (detail as readonly ProblemBody[]).map(({ loc, type }) => `${loc.join('.')} ${type}`)
}

export function urlOf({ download_url }: FileBody): PresignedUrl {
  assert.ok(download_url)
  return download_url
}

/** How many bodies are on their way, and how many are kept, wherever, once all that may go has gone. */
export async function bodiesIn(server: TestServer): Promise<{ arriving: number; kept: number }> {
  await collectBlobs(server.app.services)
  const { staging, blobs, inline } = await keptBodies(server)
  return { arriving: staging.length, kept: blobs.length + inline.length }
}

/** No row, no byte and no reservation more than of `files` files; and the server answers. */
export async function assertKeeps(server: TestServer, files: number): Promise<void> {
  assert.equal(await new LlamaCloudClient(server).count(), files)
  assert.deepEqual(await bodiesIn(server), { arriving: 0, kept: files })
  const organization = await server.app.services.metadata.findOrganization('default')
  const usage = await server.app.services.metadata.usage('organization', organization?.id ?? '')
  assert.equal(usage.files, files)
}
