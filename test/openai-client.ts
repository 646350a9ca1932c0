import assert from 'node:assert/strict'
import type { TestServer } from './harness.ts'

export interface FileBody {
  readonly id: string
  readonly bytes: number
  readonly created_at: number
  readonly expires_at: number | null
  readonly filename: string
  readonly purpose: string
}

export interface UploadBody {
  readonly id: string
  readonly status: string
  readonly created_at: number
  readonly expires_at: number
  readonly file: FileBody | null
}

export interface ErrorBody {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly param: string | null
    readonly code: string | null
  }
}

export interface Answer<T> {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly body: T
}

/** The parts of a form: a text, or a file by its name and content. */
export type Parts = Readonly<Record<string, string | File>>

export function formOf(parts: Parts): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(parts)) form.append(name, value)
  return form
}

/** Speaks OpenAI's API without its SDK. */
export class OpenAIClient {
  readonly #server: Pick<TestServer, 'url'>
  readonly #key: string

  constructor(server: Pick<TestServer, 'url' | 'key'>, key = server.key) {
    this.#server = server
    this.#key = key
  }

  async send<T = ErrorBody>(
    method: string,
    path: string,
    body?: FormData | object,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer<T>> {
    const isForm = body instanceof FormData
    const json = body === undefined || isForm ? {} : { 'content-type': 'application/json' }
    const response = await fetch(`${this.#server.url}/openai${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#key}`, ...json, ...headers },
      body: body === undefined ? null : isForm ? body : JSON.stringify(body),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: text.startsWith('{"') ? JSON.parse(text) : undefined,
    }
  }

  /** A file, with further parts or others. */
  create<T = FileBody>(content: string, name = 'a.txt', more: Parts = {}): Promise<Answer<T>> {
    const parts = { purpose: 'user_data', ...more, file: new File([content], name) }
    return this.send<T>('POST', '/v1/files', formOf(parts))
  }

  async stored(content = 'hello', name = 'a.txt', more: Parts = {}): Promise<FileBody> {
    const { status, text, body } = await this.create(content, name, more)
    assert.equal(status, 200, text)
    return body
  }

  async list(query = ''): Promise<{ readonly data: readonly FileBody[]; readonly has_more: boolean }> {
    const answer = await this.send<{ data: readonly FileBody[]; has_more: boolean }>(
      'GET',
      `/v1/files${query}`,
    )
    assert.equal(answer.status, 200, answer.text)
    return answer.body
  }

  async upload(bytes: number, more: object = {}): Promise<UploadBody> {
    const asked = { bytes, filename: 'a.txt', mime_type: 'text/plain', purpose: 'user_data', ...more }
    const { status, text, body } = await this.send<UploadBody>('POST', '/v1/uploads', asked)
    assert.equal(status, 200, text)
    return body
  }

  async part(uploadId: string, content: string): Promise<string> {
    const form = formOf({ data: new File([content], 'part') })
    const { status, text, body } = await this.send<{ id: string }>(
      'POST',
      `/v1/uploads/${uploadId}/parts`,
      form,
    )
    assert.equal(status, 200, text)
    return body.id
  }
}

/** The refusal of a request: its status must be this one. */
export function refusalIn({ status, text, body }: Answer<unknown>, expected = 400): ErrorBody['error'] {
  assert.equal(status, expected, text)
  return (body as ErrorBody).error
}
