import assert from 'node:assert/strict'
import type { FileBody } from '../src/dialects/anthropic/wire.ts'
import type { TestServer } from './harness.ts'
import { type Answer, exchange, type Headings } from './lightfield-client.ts'
import { BOUNDARY, type FormPart, filePart, formOf } from './llamacloud-client.ts'

export const ANTHROPIC_FILES = '/v1/files'
export const ANTHROPIC_VERSION = '2026-10-21'
export const FILES_BETA = { 'anthropic-beta': 'files-api-2025-04-14' }
export const MANAGED_AGENTS = { 'anthropic-beta': 'managed-agents-2026-04-01' }

export interface AnthropicList {
  readonly data: readonly FileBody[]
  readonly next_page?: string | null
  readonly has_more?: boolean
  readonly first_id?: string | null
  readonly last_id?: string | null
}

interface AnthropicError {
  readonly type: 'error'
  readonly error: {
    readonly type: string
    readonly message: string
    readonly details?: { readonly error_code: string }
  }
  readonly request_id: string
}

/** One client of the Anthropic dialect, without the vendor's SDK; any answer may be an error. */
export class AnthropicClient {
  readonly #server: Pick<TestServer, 'url'>
  readonly #headers: Headings

  constructor(server: Pick<TestServer, 'url' | 'key'>, key = server.key, headers: Headings = {}) {
    this.#server = server
    this.#headers = { 'x-api-key': key, 'anthropic-version': ANTHROPIC_VERSION, ...headers }
  }

  /** Any request at the root of the server. A header given as undefined is left out. */
  async send<T>(method: string, path: string, body?: string | Uint8Array, headers: Headings = {}) {
    return exchange<T>(method, this.#server.url + path, body, { ...this.#headers, ...headers })
  }

  async upload<T = FileBody>(parts: readonly FormPart[], headers: Headings = {}) {
    const type = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }
    return this.send<T>('POST', ANTHROPIC_FILES, formOf(parts), { ...type, ...headers })
  }

  /** A file that is sure to be stored. */
  async stored(
    content: string | Uint8Array = 'hello',
    filename = 'notes.txt',
    fields: Readonly<Record<string, string>> = {},
  ): Promise<FileBody> {
    const more = Object.entries(fields).map(([name, value]) => ({ name, content: value }))
    const answer = await this.upload([...more, filePart(content, filename)])
    assert.equal(answer.status, 200, answer.text)
    return answer.body
  }

  async get<T = FileBody>(path: string, headers: Headings = {}) {
    return this.send<T>('GET', ANTHROPIC_FILES + path, undefined, headers)
  }

  /** A page that is sure to be there. */
  async list(query = '', headers: Headings = {}): Promise<AnthropicList> {
    const answer = await this.get<AnthropicList>(query, headers)
    assert.equal(answer.status, 200, answer.text)
    return answer.body
  }

  async delete<T = { id: string; type: string }>(id: string, headers: Headings = {}) {
    return this.send<T>('DELETE', `${ANTHROPIC_FILES}/${id}`, undefined, headers)
  }
}

/** Status, type, code and message of a refusal, whose envelope is complete. */
export function refusalOf({ status, headers, body, text }: Answer<unknown>) {
  const { type, error, request_id: id, ...more } = body as AnthropicError
  assert.deepEqual([type, more], ['error', {}], text)
  assert.match(id, /^req_[0-9a-f]{32}$/)
  assert.equal(headers.get('request-id'), id)
  return { status, type: error.type, code: error.details?.error_code, message: error.message }
}
