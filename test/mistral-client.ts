import assert from 'node:assert/strict'
import type { FileBody } from '../src/dialects/mistral/wire.ts'
import type { TestServer } from './harness.ts'
import { type Answer, exchange, type Headings } from './lightfield-client.ts'
import { BOUNDARY, type Detail, type FormPart, filePart, formOf } from './llamacloud-client.ts'

export const MISTRAL_FILES = '/mistral/v1/files'

export interface RetrievedFile extends FileBody {
  readonly deleted: boolean
}

export interface MistralPage {
  readonly object: string
  readonly data: readonly FileBody[]
  readonly total: number | null
}

/** The flat shape of errors; the other one is `Detail`. */
export interface MistralError {
  readonly object: string
  readonly message: string
  readonly type: string
  readonly param: string | null
  readonly code: string | null
}

/** Parts of a form that are no file, by name. */
export type Parts = Readonly<Record<string, string>>

/** One client of the Mistral dialect, without the vendor's SDK; any answer may be an error. */
export class MistralClient {
  readonly #server: Pick<TestServer, 'url'>
  readonly #key: string | undefined

  /** With the admin's key unless told otherwise; `undefined` sends none. */
  constructor(server: Pick<TestServer, 'url' | 'key'>, ...keys: readonly [key?: string | undefined]) {
    this.#server = server
    this.#key = keys.length === 0 ? server.key : keys[0]
  }

  /** Any request below the prefix of the dialect's files. A header given as undefined is left out. */
  async send<T>(method: string, path: string, body?: string | Uint8Array, headers: Headings = {}) {
    const authorization = this.#key === undefined ? undefined : `Bearer ${this.#key}`
    return exchange<T>(method, this.#server.url + MISTRAL_FILES + path, body, { authorization, ...headers })
  }

  async upload<T = FileBody>(parts: readonly FormPart[], headers: Headings = {}) {
    const type = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }
    return this.send<T>('POST', '', formOf(parts), { ...type, ...headers })
  }

  /** A file that is sure to be stored; the parts stand behind it, as the TypeScript SDK has them. */
  async stored(
    content: string | Uint8Array = 'hello',
    filename = 'notes.txt',
    parts: Parts = {},
  ): Promise<FileBody> {
    const more = Object.entries(parts).map(([name, value]) => ({ name, content: value }))
    const answer = await this.upload([filePart(content, filename), ...more])
    assert.equal(answer.status, 200, answer.text)
    return answer.body
  }

  async get<T = RetrievedFile>(path: string, headers: Headings = {}) {
    return this.send<T>('GET', path, undefined, headers)
  }

  async list(query = ''): Promise<MistralPage> {
    const answer = await this.get<MistralPage>(query)
    assert.equal(answer.status, 200, answer.text)
    return answer.body
  }

  /** Names of the files that a list with this query finds, the newest first. */
  async names(query: string): Promise<string[]> {
    return (await this.list(query)).data.map(({ filename }) => filename)
  }

  async url(id: string, query = ''): Promise<string> {
    const answer = await this.get<{ url: string }>(`/${id}/url${query}`)
    assert.equal(answer.status, 200, answer.text)
    return answer.body.url
  }

  async delete<T = Detail>(id: string) {
    return this.send<T>('DELETE', `/${id}`)
  }
}

/** What is told at which place: `query.page_size less_than_equal`. */
export function placesOf(answer: Answer<unknown>): string[] {
  assert.equal(answer.status, 422, answer.text)
  const { detail } = answer.body as Detail
  assert.ok(Array.isArray(detail), answer.text)
  return detail.map(({ loc, type }) => `${loc.join('.')} ${type}`)
}
