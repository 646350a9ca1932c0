import assert from 'node:assert/strict'
import { ApiError, type File, GoogleGenAI, type HttpOptions, type Pager } from '@google/genai'
import { ApiError as ApiError2, GoogleGenAI as GoogleGenAI2 } from 'google-genai-2'
import type { TestServer } from '../harness.ts'

export interface Sdk {
  readonly version: string
  /** The path that its uploads start at, as it sends them by default. */
  readonly uploadPath: string
  client(server: Pick<TestServer, 'url' | 'key'>, httpOptions?: HttpOptions): GoogleGenAI
  readonly ApiError: typeof ApiError
}

/** The vendor's clients as published. The older one has the same files under another version of the API. */
export const sdks: readonly Sdk[] = [
  {
    version: '3.3.0',
    uploadPath: '/upload/v1/files',
    client: ({ url, key }, httpOptions) =>
      new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url, ...httpOptions } }),
    ApiError,
  },
  {
    version: '2.32.0',
    uploadPath: '/upload/v1beta/files',
    client: ({ url, key }, httpOptions) =>
      new GoogleGenAI2({
        apiKey: key,
        httpOptions: { baseUrl: url, ...httpOptions },
      }) as unknown as GoogleGenAI,
    ApiError: ApiError2 as unknown as typeof ApiError,
  },
]

export interface Refusal {
  readonly status: number
  readonly error: { readonly code: number; readonly message: string; readonly status: string }
}

/** The refusal of a call: the SDK's own class, whose message is the body of the answer. */
export async function refusal(sdk: Sdk, call: PromiseLike<unknown>): Promise<Refusal> {
  try {
    await call
  } catch (error) {
    assert.ok(error instanceof sdk.ApiError, `not an ApiError: ${error}`)
    return { status: error.status, error: JSON.parse(error.message).error }
  }
  throw new Error('the call was not refused')
}

/** Every file of a listing, page by page as the SDK asks for them. */
export async function namesIn(pager: PromiseLike<Pager<File>>): Promise<(string | undefined)[]> {
  const names: (string | undefined)[] = []
  for await (const file of await pager) names.push(file.name)
  return names
}
