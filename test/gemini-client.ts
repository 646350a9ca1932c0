import assert from 'node:assert/strict'
import type { FileBody } from '../src/dialects/gemini/wire.ts'
import type { TestServer } from './harness.ts'
import { type Answer, exchange, type Headings } from './lightfield-client.ts'

export type { FileBody }

export interface PageBody {
  readonly files?: readonly FileBody[]
  readonly nextPageToken?: string
}

export interface StatusBody {
  readonly code: number
  readonly message: string
  readonly status: string
  readonly details?: readonly object[]
}

/** What an answer on the URL of an upload may hold. */
export interface UploadBody {
  readonly file: FileBody
  readonly error: StatusBody
}

/** One client of the Gemini dialect, without the vendor's SDK; any answer may be an error. */
export class GeminiClient {
  readonly #server: Pick<TestServer, 'url'>
  readonly key: string

  constructor(server: Pick<TestServer, 'url' | 'key'>, key = server.key) {
    this.#server = server
    this.key = key
  }

  /** A header given as undefined is left out. */
  send<T = FileBody>(method: string, path: string, body?: string | Uint8Array, headers: Headings = {}) {
    const all = { 'x-goog-api-key': this.key, 'content-type': 'application/json', ...headers }
    return exchange<T>(method, this.#server.url + path, body, all)
  }

  get<T = FileBody>(path: string, headers: Headings = {}) {
    return this.send<T>('GET', path, undefined, headers)
  }

  /** @param file of the JSON; the length, too, is told in its header unless that is given as undefined */
  start(file: object = {}, headers: Headings = {}, path = '/upload/v1beta/files') {
    return this.send<UploadBody>('POST', path, JSON.stringify({ file }), {
      'x-goog-upload-protocol': 'resumable',
      'x-goog-upload-command': 'start',
      ...headers,
    })
  }

  /** The URL of a new upload. */
  async started(sizeBytes: number | undefined, file: object = { mimeType: 'text/plain' }): Promise<string> {
    const length = sizeBytes === undefined ? undefined : String(sizeBytes)
    const { status, headers, text } = await this.start(file, {
      'x-goog-upload-header-content-length': length,
    })
    assert.equal(status, 200, text)
    return headers.get('x-goog-upload-url') ?? assert.fail('no URL')
  }

  /** A stored file. */
  async stored(content: string | Uint8Array = 'hello', file?: object): Promise<FileBody> {
    const url = await this.started(Buffer.byteLength(content), file)
    const { body, text } = await command(url, 'upload, finalize', content)
    assert.ok(body.file, text)
    return body.file
  }

  async content(name: string): Promise<string> {
    const { status, text } = await this.get(`/v1/${name}:download?alt=media`)
    assert.equal(status, 200, text)
    return text
  }
}

/** Asks for something on the URL of an upload, as Python's client does: without a key. */
export async function command(
  url: string,
  name: string,
  bytes?: string | Uint8Array,
  offset?: number,
  headers: Headings = {},
): Promise<Answer<UploadBody> & Progress> {
  const at = offset ?? (bytes === undefined ? undefined : 0)
  const answer = await exchange<UploadBody>('POST', url, bytes ?? '', {
    'x-goog-upload-command': name,
    'x-goog-upload-offset': at === undefined ? undefined : String(at),
    ...headers,
  })
  const received = answer.headers.get('x-goog-upload-size-received')
  return {
    ...answer,
    state: answer.headers.get('x-goog-upload-status'),
    received: received === null ? undefined : Number(received),
  }
}

interface Progress {
  readonly state: string | null
  /** In bytes. */
  readonly received: number | undefined
}
