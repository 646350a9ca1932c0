/** One small client per dialect, all of one shape, for tests of what a file looks like from every side. */
import assert from 'node:assert/strict'
import type { FileBody } from '../src/dialects/llamacloud/wire.ts'
import type { TestServer } from './harness.ts'
import { type Answer, exchange, type Headings, LightfieldClient, ok } from './lightfield-client.ts'
import { BOUNDARY, type FormPart, formOf, LlamaCloudClient } from './llamacloud-client.ts'
import { done, YandexRest } from './yandex-rest.ts'

/** What is uploaded, and for how many days: 1 or 2. Dialects take it as far as they have words for it. */
export interface Offered {
  readonly name: string
  readonly mimeType: string
  readonly content: string
  readonly days: number
}

/** What a dialect shows of a file; undefined where it has no word for it. */
export interface Shown {
  /** As this dialect prints it. */
  readonly id: string
  readonly name: string
  readonly mimeType?: string
  readonly sizeBytes?: number
  readonly purpose?: string | null
  /** Unix milliseconds; null: never. */
  readonly endsAt?: number | null
}

export interface DialectClient {
  readonly dialect: string
  /** The purpose that its files are created for; null: the vendor knows none, or does not keep it. */
  readonly purpose: string | null
  /** How it prints the purpose of a file of any dialect whose name ends in `.jsonl`, if it prints one. */
  readonly printPurpose?: (purpose: string | null) => string | null
  /** Days that a file of `days` lives; null: for ever. */
  lifeOf(days: number): number | null
  /** @returns the id as this dialect prints it */
  create(file: Offered): Promise<string>
  /** All, if they fit on the first page. */
  list(): Promise<readonly Shown[]>
  /** By an id in any form. Undefined: it answers that there is no such file. */
  read(id: string): Promise<Shown | undefined>
  /** As for `read`. */
  bytes(id: string): Promise<string | undefined>
  /** Undefined: the vendor has no way to delete a file. */
  readonly delete?: (id: string) => Promise<void>
}

const HOURS_PER_DAY = 24
const SECONDS_PER_DAY = 24 * 60 * 60

/** In the order of the list of dialects. */
export function dialectClients(server: Pick<TestServer, 'url' | 'key'>): readonly DialectClient[] {
  return [lightfield, gemini, anthropic, mistral, llamacloud, yandex, openai].map((of) => of(server))
}

type Server = Pick<TestServer, 'url' | 'key'>

/** What an answer says of a file; undefined if it is a refusal of this status. */
function unless<T, R>(missing: number, answer: Answer<T>, read: (body: T) => R): R | undefined {
  return answer.status === missing ? undefined : read(ok(answer))
}

/** The bytes of an answer; undefined if it is a refusal of this status. */
function textUnless(missing: number, { status, text }: Answer<unknown>): string | undefined {
  if (status === missing) return undefined
  assert.equal(status, 200, text)
  return text
}

async function textAt(url: string): Promise<string> {
  return textUnless(404, await exchange('GET', url)) ?? assert.fail(`nothing at ${url}`)
}

function instant(text: string | null): number | null {
  return text === null ? null : Date.parse(text)
}

function atSeconds(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1000
}

function filePart({ name, mimeType, content }: Offered): FormPart {
  return { name: 'file', filename: name, type: mimeType, content }
}

function field(name: string, value: string | number): FormPart {
  return { name, content: String(value) }
}

/** Requests below the prefix of a dialect. */
function below(server: Server, dialect: string, credentials: Headings) {
  const send = <T>(method: string, path: string, body?: string | Uint8Array, headers: Headings = {}) =>
    exchange<T>(method, `${server.url}/${dialect}${path}`, body, { ...credentials, ...headers })
  return {
    send,
    post: async <T>(path: string, parts: readonly FormPart[]) =>
      ok(
        await send<T>('POST', path, formOf(parts), {
          'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
        }),
      ),
  }
}

function lightfield(server: Server): DialectClient {
  const client = new LightfieldClient(server)
  const shown = ({
    id,
    filename,
    mimeType,
    sizeBytes,
  }: Awaited<ReturnType<typeof client.stored>>): Shown => ({
    id,
    name: filename,
    mimeType,
    sizeBytes,
  })
  return {
    dialect: 'lightfield',
    purpose: null,
    lifeOf: () => null,
    create: async ({ name, mimeType, content }) =>
      (await client.stored(content, { filename: name, mimeType })).id,
    list: async () => ok(await client.list()).data.map(shown),
    read: async (id) => unless(404, await client.retrieve(id), shown),
    bytes: async (id) => {
      const url = unless(404, await client.url(id), (link) => link.url)
      return url === undefined ? undefined : textAt(url)
    },
  }
}

function llamacloud(server: Server): DialectClient {
  const client = new LlamaCloudClient(server)
  const shown = ({ id, name, purpose, expires_at }: FileBody): Shown => ({
    id,
    name,
    purpose,
    endsAt: instant(expires_at),
  })
  return {
    dialect: 'llamacloud',
    purpose: 'parse',
    printPurpose: (purpose) => purpose,
    // By the purpose, which is `parse`.
    lifeOf: () => 2,
    create: async (file) => {
      const answer = await client.upload([field('purpose', 'parse'), filePart(file)])
      assert.equal(answer.status, 201, answer.text)
      return answer.body.id
    },
    list: async () => ok(await client.query()).items.map(shown),
    read: async (id) => unless(404, await client.get(`/${id}`), shown),
    bytes: async (id) => {
      const url = unless(404, await client.get<{ url: string }>(`/${id}/content`), (link) => link.url)
      return url === undefined ? undefined : textAt(url)
    },
    delete: async (id) => assert.equal((await client.delete(id)).status, 204),
  }
}

function yandex(server: Server): DialectClient {
  const client = new YandexRest(server)
  const shown = ({ id, name, mimeType, expiresAt }: Awaited<ReturnType<typeof client.stored>>): Shown => ({
    id,
    name,
    mimeType,
    endsAt: instant(expiresAt),
  })
  return {
    dialect: 'yandex',
    purpose: null,
    lifeOf: (days) => days,
    create: async ({ name, mimeType, content, days }) =>
      (
        await client.stored(content, {
          name,
          mimeType,
          expirationConfig: { expirationPolicy: 'STATIC', ttlDays: String(days) },
        })
      ).id,
    list: async () => done(await client.list()).files.map(shown),
    read: async (id) => unless(404, await client.get(id), shown),
    bytes: async (id) => {
      const answer = await client.ask<{ url: string }>('GET', `/files/v1/files:getUrl?fileId=${id}`)
      const url = unless(404, answer, (link) => link.url)
      return url === undefined ? undefined : textAt(url)
    },
    delete: async (id) => void done(await client.delete(id)),
  }
}

interface OpenAiFile {
  readonly id: string
  readonly filename: string
  readonly bytes: number
  readonly purpose: string
  readonly expires_at: number | null
}

function openai(server: Server): DialectClient {
  const { send, post } = below(server, 'openai', { authorization: `Bearer ${server.key}` })
  const shown = ({ id, filename, bytes, purpose, expires_at }: OpenAiFile): Shown => ({
    id,
    name: filename,
    sizeBytes: bytes,
    purpose,
    endsAt: atSeconds(expires_at),
  })
  return {
    dialect: 'openai',
    purpose: 'user_data',
    printPurpose: (purpose) => (purpose === 'batch' ? 'batch' : 'user_data'),
    lifeOf: (days) => days,
    create: async (file) => {
      const life = [
        field('expires_after[anchor]', 'created_at'),
        field('expires_after[seconds]', file.days * SECONDS_PER_DAY),
      ]
      const parts = [filePart(file), field('purpose', 'user_data'), ...life]
      return (await post<OpenAiFile>('/v1/files', parts)).id
    },
    list: async () => ok(await send<{ data: OpenAiFile[] }>('GET', '/v1/files')).data.map(shown),
    read: async (id) => unless(404, await send<OpenAiFile>('GET', `/v1/files/${id}`), shown),
    bytes: async (id) => textUnless(404, await send('GET', `/v1/files/${id}/content`)),
    delete: async (id) =>
      assert.equal(ok(await send<{ deleted: boolean }>('DELETE', `/v1/files/${id}`)).deleted, true),
  }
}

interface AnthropicFile {
  readonly id: string
  readonly filename: string
  readonly mime_type: string
  readonly size_bytes: number
  readonly expires_at: string | null
}

function anthropic(server: Server): DialectClient {
  const { send, post } = below(server, 'anthropic', {
    'x-api-key': server.key,
    'anthropic-version': '2026-10-21',
  })
  const shown = ({ id, filename, mime_type, size_bytes, expires_at }: AnthropicFile): Shown => ({
    id,
    name: filename,
    mimeType: mime_type,
    sizeBytes: size_bytes,
    endsAt: instant(expires_at),
  })
  return {
    dialect: 'anthropic',
    purpose: null,
    lifeOf: (days) => days,
    create: async (file) => {
      const parts = [filePart(file), field('expires_in_seconds', file.days * SECONDS_PER_DAY)]
      return (await post<AnthropicFile>('/v1/files', parts)).id
    },
    list: async () =>
      ok(await send<{ data: AnthropicFile[] }>('GET', '/v1/files?limit=1000')).data.map(shown),
    read: async (id) => unless(404, await send<AnthropicFile>('GET', `/v1/files/${id}`), shown),
    bytes: async (id) => textUnless(404, await send('GET', `/v1/files/${id}/content`)),
    delete: async (id) => void ok(await send('DELETE', `/v1/files/${id}`)),
  }
}

interface MistralFile {
  readonly id: string
  readonly filename: string
  readonly mimetype: string
  readonly bytes: number
  readonly purpose: string
  readonly expires_at: number | null
}

function mistral(server: Server): DialectClient {
  const { send, post } = below(server, 'mistral', { authorization: `Bearer ${server.key}` })
  const shown = ({ id, filename, mimetype, bytes, purpose, expires_at }: MistralFile): Shown => ({
    id,
    name: filename,
    mimeType: mimetype,
    sizeBytes: bytes,
    purpose,
    endsAt: atSeconds(expires_at),
  })
  return {
    dialect: 'mistral',
    purpose: 'batch',
    printPurpose: (purpose) => purpose ?? 'fine-tune',
    lifeOf: (days) => days,
    create: async (file) => {
      const parts = [filePart(file), field('purpose', 'batch'), field('expiry', file.days * HOURS_PER_DAY)]
      return (await post<MistralFile>('/v1/files', parts)).id
    },
    list: async () => ok(await send<{ data: MistralFile[] }>('GET', '/v1/files')).data.map(shown),
    read: async (id) => unless(404, await send<MistralFile>('GET', `/v1/files/${id}`), shown),
    bytes: async (id) => textUnless(404, await send('GET', `/v1/files/${id}/content`)),
    delete: async (id) =>
      assert.equal(ok(await send<{ deleted: boolean }>('DELETE', `/v1/files/${id}`)).deleted, true),
  }
}

interface GeminiFile {
  /** `files/` and the id. */
  readonly name: string
  readonly displayName: string
  readonly mimeType: string
  readonly sizeBytes: string
  readonly expirationTime?: string
}

function gemini(server: Server): DialectClient {
  const { send } = below(server, 'gemini', { 'x-goog-api-key': server.key })
  const shown = ({ name, displayName, mimeType, sizeBytes, expirationTime }: GeminiFile): Shown => ({
    id: name,
    name: displayName,
    mimeType,
    sizeBytes: Number(sizeBytes),
    endsAt: instant(expirationTime ?? null),
  })
  const bare = (id: string) => id.replace(/^files\//, '')
  return {
    dialect: 'gemini',
    purpose: null,
    // The vendor's own, which clients cannot change.
    lifeOf: () => 2,
    create: async ({ name, mimeType, content }) => {
      const metadata = JSON.stringify({ file: { displayName: name, mimeType } })
      const start = await send('POST', '/upload/v1beta/files', metadata, {
        'content-type': 'application/json',
        'x-goog-upload-protocol': 'resumable',
        'x-goog-upload-command': 'start',
        'x-goog-upload-header-content-length': String(Buffer.byteLength(content)),
        'x-goog-upload-header-content-type': mimeType,
      })
      assert.equal(start.status, 200, start.text)
      const url = start.headers.get('x-goog-upload-url') ?? assert.fail('no upload URL')
      const upload = { 'x-goog-upload-command': 'upload, finalize', 'x-goog-upload-offset': '0' }
      return ok(await exchange<{ file: GeminiFile }>('POST', url, content, upload)).file.name
    },
    list: async () =>
      (ok(await send<{ files?: GeminiFile[] }>('GET', '/v1beta/files?pageSize=100')).files ?? []).map(shown),
    read: async (id) => unless(403, await send<GeminiFile>('GET', `/v1beta/files/${bare(id)}`), shown),
    bytes: async (id) => textUnless(403, await send('GET', `/v1beta/files/${bare(id)}:download?alt=media`)),
    delete: async (id) => void ok(await send('DELETE', `/v1beta/files/${bare(id)}`)),
  }
}
