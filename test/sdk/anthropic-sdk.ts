import * as today from '@anthropic-ai/sdk'
import * as older from 'anthropic-sdk-0'
import type { TestServer } from '../harness.ts'

export interface SdkFile {
  readonly id: string
  readonly type: string
  readonly filename: string
  readonly mime_type: string
  readonly size_bytes: number
  readonly created_at: string
  readonly downloadable?: boolean
  readonly expires_at?: string | null
}

export interface SdkPage extends AsyncIterable<SdkFile> {
  readonly data: readonly SdkFile[]
  iterPages(): AsyncIterable<SdkPage>
}

/** What a call takes besides the parameters of its operation. */
interface Call {
  readonly workspace_id?: string
}

export interface UploadCall extends Call {
  readonly file: unknown
  readonly expires_in_seconds?: number
}

/** The methods of `client.files`, which are those of `client.beta.files`. */
export interface FilesApi {
  upload(call: UploadCall): PromiseLike<SdkFile>
  list(call?: object): PromiseLike<SdkPage> & AsyncIterable<SdkFile>
  retrieveMetadata(id: string, call?: object): PromiseLike<SdkFile>
  download(id: string, call?: object): PromiseLike<Response>
  delete(id: string, call?: object): PromiseLike<{ id: string; type?: string }>
}

export interface SdkOptions {
  readonly apiKey?: string | null
  readonly authToken?: string
  readonly baseURL?: string
  readonly maxRetries?: number
  readonly timeout?: number
  readonly dangerouslyAllowBrowser?: boolean
  readonly fetch?: typeof fetch
}

type Client = InstanceType<typeof today.default>

/** One way to call the API by an SDK as published. */
export interface Way {
  readonly name: string
  readonly isBeta: boolean
  /** Classes of errors, by name. */
  readonly classes: Readonly<Record<string, unknown>>
  readonly toFile: typeof today.toFile
  open(server: Pick<TestServer, 'url' | 'key'>, options?: SdkOptions): FilesApi
}

const BETAS = ['files-api-2025-04-14']

/** Adds the beta to every call, as callers of today's SDK have to. */
function withBetas(files: FilesApi): FilesApi {
  const betas = { betas: BETAS }
  return {
    upload: (call) => files.upload({ ...call, ...betas }),
    list: (call) => files.list({ ...call, ...betas }),
    retrieveMetadata: (id, call) => files.retrieveMetadata(id, { ...call, ...betas }),
    download: (id, call) => files.download(id, { ...call, ...betas }),
    delete: (id, call) => files.delete(id, { ...call, ...betas }),
  }
}

function wayOf(
  name: string,
  sdk: typeof today | typeof older,
  pick: (client: Client) => unknown,
  isBeta = false,
): Way {
  return {
    name,
    isBeta,
    classes: { ...sdk.default, ...sdk },
    toFile: sdk.toFile as typeof today.toFile,
    // No retries unless a test asks, so that what is answered first is what is seen.
    open({ url, key }, options = {}) {
      const Sdk = sdk.default as typeof today.default
      const client = new Sdk({ apiKey: key, baseURL: url, maxRetries: 0, ...options })
      return pick(client) as FilesApi
    },
  }
}

export const ways: readonly Way[] = [
  wayOf('@anthropic-ai/sdk 1.14.0, files', today, (client) => client.files),
  wayOf('@anthropic-ai/sdk 1.14.0, beta.files', today, (client) => client.beta.files),
  wayOf(
    '@anthropic-ai/sdk 1.14.0, beta.files with the beta',
    today,
    (client) => withBetas(client.beta.files as unknown as FilesApi),
    true,
  ),
  wayOf('@anthropic-ai/sdk 0.71.2, beta.files', older, (client) => client.beta.files, true),
]

/** The class of that name, or undefined if this SDK does not have it. */
export function classOf(
  { classes }: Way,
  name: string,
): (abstract new (...args: never[]) => Error) | undefined {
  return classes[name] as (abstract new (...args: never[]) => Error) | undefined
}
