import assert from 'node:assert/strict'
import * as openai7 from 'openai'
import * as openai6 from 'openai-6'
import type { TestServer } from '../harness.ts'

type Openai = typeof openai7

/** The vendor's clients as published; what both have of types is the newer one's. */
export const sdks: readonly (readonly [version: string, sdk: Openai])[] = [
  ['7.57.0', openai7],
  ['6.49.0', openai6 as unknown as Openai],
]

export type Client = openai7.OpenAI
type Options = ConstructorParameters<Openai['OpenAI']>[0]

/** No retries unless a test asks, so that what is answered first is what is seen. */
export function clientOf(
  { OpenAI }: Openai,
  server: Pick<TestServer, 'url' | 'key'>,
  options: Options = {},
): Client {
  return new OpenAI({ apiKey: server.key, baseURL: `${server.url}/openai/v1`, maxRetries: 0, ...options })
}

/** The refusal of a call, which must be of this class. */
export async function refusal<E extends Error>(
  call: PromiseLike<unknown>,
  kind: abstract new (...args: never[]) => E,
): Promise<E> {
  try {
    await call
  } catch (error) {
    assert.ok(error instanceof kind, `not ${kind.name}: ${error}`)
    return error
  }
  throw new Error('the call was not refused')
}

export async function textOf(client: Client, id: string): Promise<string> {
  return (await client.files.content(id)).text()
}
