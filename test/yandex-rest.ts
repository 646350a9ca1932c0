import assert from 'node:assert/strict'
import type { TestServer } from './harness.ts'
import { type Answer, exchange, type Headings } from './lightfield-client.ts'

export const YANDEX_FILES = '/files/v1/files'

/** A File as REST prints it, in camelCase. */
export interface YandexFile {
  readonly id: string
  readonly folderId: string
  readonly name: string
  readonly description: string
  readonly mimeType: string
  readonly createdBy: string
  readonly createdAt: string
  readonly updatedBy: string
  readonly updatedAt: string
  readonly expirationConfig: { readonly expirationPolicy: string; readonly ttlDays: string }
  readonly expiresAt: string | null
  readonly labels: Readonly<Record<string, string>>
}

export interface YandexPage {
  readonly files: readonly YandexFile[]
  readonly nextPageToken: string
}

/** `google.rpc.Status`. */
export interface StatusBody {
  readonly code: number
  readonly message: string
  readonly details: readonly Readonly<Record<string, unknown>>[]
}

/** One client of the REST side; any answer may be an error. */
export class YandexRest {
  readonly #server: Pick<TestServer, 'url'>
  readonly #authorization: string | undefined

  /** The admin, unless told otherwise; `undefined` sends no credentials. */
  constructor(
    server: Pick<TestServer, 'url' | 'key'>,
    ...authorization: readonly [authorization?: string | undefined]
  ) {
    this.#server = server
    this.#authorization = authorization.length === 0 ? `Api-Key ${server.key}` : authorization[0]
  }

  /** A body of text or bytes goes out as it is, anything else as JSON; no content type unless it is named. */
  async ask<T = StatusBody>(
    method: string,
    path: string,
    body?: unknown,
    headers: Headings = {},
  ): Promise<Answer<T>> {
    const isRaw = body === undefined || typeof body === 'string' || body instanceof Uint8Array
    return exchange<T>(method, this.#server.url + path, isRaw ? body : JSON.stringify(body), {
      authorization: this.#authorization,
      ...headers,
    })
  }

  async create<T = YandexFile>(fields: object = {}, headers: Headings = {}): Promise<Answer<T>> {
    const body = { folderId: 'default', content: base64Of('test file'), ...fields }
    return this.ask<T>('POST', YANDEX_FILES, body, headers)
  }

  /** A file that is sure to be stored. */
  async stored(content: string | Uint8Array = 'test file', fields: object = {}): Promise<YandexFile> {
    return done(await this.create({ content: base64Of(content), ...fields }))
  }

  async get<T = YandexFile>(id: string): Promise<Answer<T>> {
    return this.ask<T>('GET', `${YANDEX_FILES}/${id}`)
  }

  async update<T = YandexFile>(id: string, body: object): Promise<Answer<T>> {
    return this.ask<T>('PATCH', `${YANDEX_FILES}/${id}`, body)
  }

  async delete(id: string): Promise<Answer<StatusBody>> {
    return this.ask('DELETE', `${YANDEX_FILES}/${id}`)
  }

  async list<T = YandexPage>(query = 'folderId=default'): Promise<Answer<T>> {
    return this.ask<T>('GET', `${YANDEX_FILES}?${query}`)
  }

  async url(id: string): Promise<string> {
    return done(await this.ask<{ url: string }>('GET', `${YANDEX_FILES}:getUrl?fileId=${id}`)).url
  }

  async download(id: string): Promise<string> {
    const answer = await fetch(await this.url(id))
    assert.equal(answer.status, 200)
    return answer.text()
  }
}

/** The body of an answer that must be a success: each is a 200. */
export function done<T>({ status, text, body }: Answer<T>): T {
  assert.equal(status, 200, text)
  return body
}

export function base64Of(content: string | Uint8Array): string {
  return Buffer.from(content).toString('base64')
}
