import assert from 'node:assert/strict'
import { LlamaCloud } from '@llamaindex/llama-cloud'
import type { TestServer } from '../harness.ts'

export type SdkOptions = ConstructorParameters<typeof LlamaCloud>[0]

/** The vendor's client as published; no retries unless a test asks, so that what is answered first is what is seen. */
export function sdkFor(server: Pick<TestServer, 'url' | 'key'>, options: SdkOptions = {}): LlamaCloud {
  return new LlamaCloud({ apiKey: server.key, baseURL: server.url, maxRetries: 0, ...options })
}

/** The refusal of a call, which must be of this class and status. */
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

export function idsOf(files: readonly { readonly id: string }[]): string[] {
  return files.map(({ id }) => id)
}

export async function collect<T>(pages: AsyncIterable<T>): Promise<T[]> {
  return Array.fromAsync(pages)
}
