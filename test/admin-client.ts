import assert from 'node:assert/strict'
import type { FileBody } from '../src/admin/files/schemas.ts'
import type { TestServer } from './harness.ts'
import { type Answer, exchange, type Headings } from './lightfield-client.ts'
import { BYTES, linkIn, metadataOf, TUS } from './tus-client.ts'

/** An error as it is told (RFC 9457). */
export interface ProblemAnswer {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly field?: string
  readonly requestId: string
}

/** Speaks `/admin/v1`; any answer may be an error, which the test then looks at. */
export class AdminClient {
  readonly #server: Pick<TestServer, 'url' | 'key'>

  get key(): string {
    return this.#server.key
  }

  constructor(server: Pick<TestServer, 'url' | 'key'>) {
    this.#server = server
  }

  /** @param body JSON, as an object or as its text */
  async send<T = ProblemAnswer>(
    method: string,
    path: string,
    body?: unknown,
    headers: Headings = {},
  ): Promise<Answer<T>> {
    const json = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const all = { authorization: `Bearer ${this.#server.key}`, ...type, ...headers }
    return exchange(method, `${this.#server.url}/admin/v1${path}`, json, all)
  }

  get(id: string): Promise<Answer<FileBody>> {
    return this.send('GET', `/files/${id}`)
  }

  change(id: string, change: object): Promise<Answer<FileBody>> {
    return this.send('PATCH', `/files/${id}`, change)
  }

  /** A new file, by tus. */
  async stored(
    content: string | Uint8Array,
    metadata: Readonly<Record<string, string>> = {},
  ): Promise<FileBody> {
    const { url, key } = this.#server
    const length = String(Buffer.byteLength(content))
    const told = metadataOf(metadata) || undefined
    const made = await exchange('POST', `${url}/tus`, content, {
      ...{ ...TUS, ...BYTES, 'upload-offset': '0', 'upload-length': length, 'upload-metadata': told },
      authorization: `Bearer ${key}`,
    })
    const id = made.headers.get('entrepot-file-id') ?? ''
    linkIn(made)
    const { status, body, text } = await this.get(id)
    assert.equal(status, 200, text)
    return body
  }

  /** The ids of all pages of a listing, one after the other. */
  async listAll(query: string): Promise<string[]> {
    const ids: string[] = []
    for (let after = ''; ; ) {
      const { status, body, text } = await this.send<{ files: FileBody[]; next: string | null }>(
        'GET',
        `/files?${query}&after=${after}`,
      )
      assert.equal(status, 200, text)
      ids.push(...body.files.map(({ id }) => id))
      if (body.next === null) return ids
      after = body.next
    }
  }
}
