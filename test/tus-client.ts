import assert from 'node:assert/strict'
import type { TestServer } from './harness.ts'
import { type Answer, exchange, type Headings } from './lightfield-client.ts'

export const TUS = { 'tus-resumable': '1.0.0' } as const
export const BYTES = { ...TUS, 'content-type': 'application/offset+octet-stream' } as const

/** `Upload-Metadata` of these values. */
export function metadataOf(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',')
}

/** Speaks tus; any answer may be an error, which the test then looks at. A header given as undefined is left out. */
export class TusClient {
  readonly #server: Pick<TestServer, 'url' | 'key'>

  constructor(server: Pick<TestServer, 'url' | 'key'>) {
    this.#server = server
  }

  async create(headers: Headings, body?: string | Uint8Array): Promise<Answer<undefined>> {
    const all = { ...TUS, authorization: `Bearer ${this.#server.key}`, ...headers }
    return exchange('POST', `${this.#server.url}/tus`, body, all)
  }

  /** The link of a new upload. */
  async created(sizeBytes: number, metadata: Readonly<Record<string, string>> = {}): Promise<string> {
    const told = metadataOf(metadata) || undefined
    return linkIn(await this.create({ 'upload-length': String(sizeBytes), 'upload-metadata': told }))
  }
}

/** The link of a creation that must be a success. */
export function linkIn({ status, text, headers }: Answer<unknown>): string {
  assert.equal(status, 201, text)
  return headers.get('location') ?? assert.fail('no Location')
}

export async function patch(
  link: string,
  offset: number,
  body: string | Uint8Array,
  headers: Headings = {},
): Promise<Answer<undefined>> {
  return exchange('PATCH', link, body, { ...BYTES, 'upload-offset': String(offset), ...headers })
}

export async function head(link: string): Promise<Answer<undefined>> {
  return exchange('HEAD', link, undefined, TUS)
}

/** Where the upload goes on. */
export async function offsetAt(link: string): Promise<number> {
  const { status, headers } = await head(link)
  assert.equal(status, 200)
  return Number(headers.get('upload-offset'))
}
