import assert from 'node:assert/strict'
import * as mistral2 from '@mistralai/mistralai'
import * as errors2 from '@mistralai/mistralai/models/errors'
import * as mistral1 from 'mistralai-1'
import * as errors1 from 'mistralai-1/models/errors/index.js'
import type { TestServer } from '../harness.ts'

type Mistral = mistral2.Mistral
type Options = NonNullable<ConstructorParameters<typeof mistral2.Mistral>[0]>

/** One release of the vendor's client, as published. Of types, the newer one's stand for both. */
export interface Sdk {
  readonly version: string
  /** Whether it sends `expiry`, `visibility`, `include_total` and `mimetypes`. */
  readonly isNew: boolean
  readonly errors: typeof errors2
  clientOf(server: Pick<TestServer, 'url' | 'key'>, options?: Options): Mistral
}

export const sdks: readonly Sdk[] = [
  {
    version: '2.7.0',
    isNew: true,
    errors: errors2,
    clientOf: (server, options) => new mistral2.Mistral(optionsFor(server, options)),
  },
  {
    version: '1.10.0',
    isNew: false,
    errors: errors1 as unknown as typeof errors2,
    clientOf: (server, options) =>
      new mistral1.Mistral(optionsFor(server, options) as object) as unknown as Mistral,
  },
]

function optionsFor(server: Pick<TestServer, 'url' | 'key'>, options: Options = {}): Options {
  return { apiKey: server.key, serverURL: `${server.url}/mistral`, ...options }
}

/** The refusal of a call, which must be of the SDK's class for answers of an error status. */
export async function refusal({ errors }: Sdk, call: PromiseLike<unknown>) {
  try {
    await call
  } catch (error) {
    assert.ok(error instanceof errors.SDKError, `not an SDKError: ${error}`)
    return error
  }
  throw new Error('the call was not refused')
}

export async function bytesOf(client: Mistral, fileId: string): Promise<Buffer> {
  const response = new Response(await client.files.download({ fileId }))
  return Buffer.from(await response.arrayBuffer())
}
