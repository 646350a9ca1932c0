import { createReadStream, mkdtempSync, openAsBlob, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Anthropic, { toFile } from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import { Mistral } from '@mistralai/mistralai'
import OldAnthropic from 'anthropic-sdk-0'
import { GoogleGenAI as OldGoogleGenAI } from 'google-genai-2'
import Groq from 'groq-sdk'
import { Mistral as OldMistral } from 'mistralai-1'
import OpenAI, { AzureOpenAI } from 'openai'
import OldOpenAI, { AzureOpenAI as OldAzureOpenAI } from 'openai-6'

// What the packages of npm are asked to do. Each call's source text goes into the recording.

/** Makes one call; a refusal is no failure of the recording. */
type Play = <T>(call: () => PromiseLike<T>) => Promise<T>

export interface NpmClient {
  readonly dialect: string
  readonly package: string
  readonly version: string
  calls(url: string, key: string, begin: (text: string) => void): Promise<void>
}

export const npmClients: readonly NpmClient[] = [
  client('openai', 'openai', openaiCalls(OpenAI, AzureOpenAI)),
  client('openai', 'openai-6', openaiCalls(OldOpenAI as never, OldAzureOpenAI as never)),
  client('openai', 'groq-sdk', groqCalls),
  client('anthropic', '@anthropic-ai/sdk', anthropicCalls(Anthropic)),
  client('anthropic', 'anthropic-sdk-0', anthropicCalls(OldAnthropic as never)),
  client('gemini', '@google/genai', geminiCalls(GoogleGenAI)),
  client('gemini', 'google-genai-2', geminiCalls(OldGoogleGenAI as never)),
  client('mistral', '@mistralai/mistralai', mistralCalls(Mistral)),
  client('mistral', 'mistralai-1', mistralCalls(OldMistral as never)),
]

type Calls = (play: Play, url: string, key: string) => Promise<void>

function client(dialect: string, alias: string, calls: Calls): NpmClient {
  const url = new URL(`../../../node_modules/${alias}/package.json`, import.meta.url)
  const { name, version } = JSON.parse(readFileSync(url, 'utf8'))
  return {
    dialect,
    package: name,
    version,
    calls: (serverUrl, key, begin) => {
      const play: Play = (call) => {
        begin(
          String(call)
            .replace(/\s+/g, ' ')
            .replace(/^(async )?\(\) => /, ''),
        )
        return Promise.resolve(call())
      }
      return calls(play, serverUrl, key)
    },
  }
}

/** Files of one recording, removed with it. */
function newFiles(contents: Record<string, string | Buffer>) {
  const folder = mkdtempSync(join(tmpdir(), 'recording-'))
  for (const [name, content] of Object.entries(contents)) writeFileSync(join(folder, name), content)
  return { at: (name: string) => join(folder, name), remove: () => rmSync(folder, { recursive: true }) }
}

const BINARY = Buffer.from([0, 255, 254, 13, 10, 13, 10, 45, 45])
const refused = (): undefined => undefined

function openaiCalls(Client: typeof OpenAI, Azure: typeof AzureOpenAI): Calls {
  return async (play, url, apiKey) => {
    const files = newFiles({ 'notes.txt': 'content\n', 'requests.jsonl': '{"custom_id": "1"}\n' })
    const client = new Client({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 })
    const at = files.at
    const file = await play(() =>
      client.files.create({ file: new File(['content\n'], 'Überblick – 要約.txt'), purpose: 'user_data' }),
    )
    await play(() => client.files.create({ file: createReadStream(at('notes.txt')), purpose: 'assistants' }))
    await play(() =>
      client.files.create({ file: new Blob(['content\n']), purpose: 'user_data' }).catch(refused),
    )
    await play(async () =>
      client.files.create({ purpose: 'user_data', file: await toFile(BINARY, 'a "quoted" name.bin') }),
    )
    await play(async () =>
      client.files.create({
        file: await toFile(openAsBlob(at('requests.jsonl')), 'requests.jsonl'),
        purpose: 'batch',
        expires_after: { anchor: 'created_at', seconds: 3600 },
      }),
    )
    await play(() => client.files.create({ file: new File([], 'empty.txt'), purpose: 'user_data' }))
    await play(() => client.files.retrieve(file.id))
    await play(() => client.files.waitForProcessing(file.id))
    await play(async () => (await client.files.content(file.id)).text())
    await play(() => client.files.list())
    await play(async () =>
      (await client.files.list({ limit: 1, order: 'asc', purpose: 'batch' })).getNextPage().catch(refused),
    )
    await play(() => client.files.delete(file.id))
    await play(() => client.files.retrieve('file-missing').catch(refused))
    const upload = await play(() =>
      client.uploads.create({
        bytes: 8,
        filename: 'notes.txt',
        mime_type: 'text/plain',
        purpose: 'user_data',
      }),
    )
    const first = await play(() => client.uploads.parts.create(upload.id, { data: new File(['cont'], '1') }))
    const second = await play(() =>
      client.uploads.parts.create(upload.id, { data: new File(['ent\n'], '2') }),
    )
    await play(() =>
      client.uploads.complete(upload.id, {
        part_ids: [first.id, second.id],
        md5: 'f75b8179e4bbe7e2b4a074dcef62de95',
      }),
    )
    const kept = await play(() =>
      client.uploads.create({
        bytes: 4,
        filename: 'a.jsonl',
        mime_type: 'text/jsonl',
        purpose: 'batch',
        expires_after: { anchor: 'created_at', seconds: 7200 },
      }),
    )
    await play(() => client.uploads.cancel(kept.id))
    const azure = new Azure({ endpoint: url, apiKey, apiVersion: '2025-03-01-preview', maxRetries: 0 })
    const other = await play(() =>
      azure.files.create({ file: new File(['{}\n'], 'requests.jsonl'), purpose: 'batch' }),
    )
    await play(() => azure.files.retrieve(other.id))
    await play(() => azure.files.list())
    await play(async () => (await azure.files.content(other.id)).text())
    await play(() => azure.files.delete(other.id))
    files.remove()
  }
}

async function groqCalls(play: Play, url: string, apiKey: string): Promise<void> {
  const client = new Groq({ baseURL: url, apiKey, maxRetries: 0 })
  const file = await play(() =>
    client.files.create({ file: new File(['{}\n'], 'requests.jsonl'), purpose: 'batch' }),
  )
  await play(() => client.files.info(file.id ?? ''))
  await play(() => client.files.list())
  await play(async () => (await client.files.content(file.id ?? '')).text())
  await play(() => client.files.delete(file.id ?? ''))
  await play(() => client.files.info('file-missing').catch(refused))
}

function anthropicCalls(Client: typeof Anthropic): Calls {
  return async (play, baseURL, apiKey) => {
    const files = newFiles({ 'notes.txt': 'content\n' })
    const client = new Client({ baseURL, apiKey, maxRetries: 0 })
    const at = files.at
    const { beta } = client
    // The older client knows these calls as beta alone.
    const api = client.files ?? beta.files
    const file = await play(() =>
      api.upload({ file: new File(['content\n'], 'Überblick – 要約.txt', { type: 'text/plain' }) }),
    )
    await play(() => api.upload({ file: createReadStream(at('notes.txt')) }))
    await play(() => api.upload({ file: new Blob([BINARY]) as never }).catch(refused))
    await play(async () =>
      api.upload({
        file: await toFile(BINARY, 'in/a "quoted"/name.bin', { type: 'application/octet-stream' }),
      }),
    )
    await play(() => api.upload({ file: new File([], 'empty.txt', { type: 'text/plain' }) }))
    await play(() => api.upload({ file: new File(['content\n'], 'short.txt'), expires_in_seconds: 3600 }))
    await play(() => api.retrieveMetadata(file.id))
    await play(async () => (await api.download(file.id)).text())
    await play(() => api.list())
    await play(async () => (await api.list({ limit: 1 })).getNextPage())
    await play(() => api.list({ ids: [file.id, 'file_missing'] }).then(undefined, refused))
    await play(() => api.delete(file.id))
    await play(() => api.retrieveMetadata('file_missing').catch(refused))
    const other = await play(() =>
      beta.files.upload({
        file: new File(['content\n'], 'notes.txt', { type: 'text/plain' }),
        betas: ['files-api-2025-04-14'],
      }),
    )
    await play(() => beta.files.list({ limit: 1, betas: ['files-api-2025-04-14'] }))
    await play(() => beta.files.delete(other.id))
    files.remove()
  }
}

function geminiCalls(Client: typeof GoogleGenAI): Calls {
  return async (play, baseUrl, apiKey) => {
    const files = newFiles({ 'notes.txt': 'content\n', 'large.bin': Buffer.alloc(8_388_613, 'x') })
    const at = files.at
    const httpOptions = { baseUrl }
    for (const apiVersion of [undefined, 'v1', 'v1beta']) {
      const client = new Client({ apiKey, httpOptions, ...(apiVersion && { apiVersion }) })
      const name = `my-notes-${apiVersion ?? 0}`
      const file = await play(() => client.files.upload({ file: at('notes.txt') }))
      await play(() =>
        client.files.upload({
          file: new Blob([BINARY]),
          config: { name, displayName: 'Überblick – 要約', mimeType: 'application/octet-stream' },
        }),
      )
      await play(() =>
        client.files.upload({ file: at('large.bin'), config: { mimeType: 'application/octet-stream' } }),
      )
      await play(() => client.files.get({ name: file.name ?? '' }))
      await play(() => client.files.get({ name }))
      await play(() => client.files.download({ file, downloadPath: at('downloaded.txt') }))
      await play(() => client.files.list())
      await play(async () => (await client.files.list({ config: { pageSize: 1 } })).nextPage())
      await play(() => client.files.delete({ name: file.name ?? '' }))
      await play(() => client.files.get({ name: 'missing' }).catch(refused))
    }
    const client = new Client({ apiKey, httpOptions })
    await play(() => client.files.upload({ file: at('notes.txt'), config: { httpOptions } }))
    files.remove()
  }
}

function mistralCalls(Client: typeof Mistral): Calls {
  return async (play, serverURL, apiKey) => {
    const files = newFiles({ 'requests.jsonl': '{"custom_id": "1"}\n' })
    const { files: api } = new Client({ serverURL, apiKey })
    const at = files.at
    const file = await play(async () =>
      api.upload({ file: await openAsBlob(at('requests.jsonl')), purpose: 'batch' }),
    )
    await play(() =>
      api.upload({ file: { fileName: 'Überblick – 要約.pdf', content: BINARY }, purpose: 'ocr' }),
    )
    await play(() => api.upload({ file: new File(['content\n'], 'a "quoted" name.txt') }))
    await play(() =>
      api.upload({ file: { fileName: 'empty.txt', content: Buffer.alloc(0) }, purpose: 'ocr' }),
    )
    await play(() => api.upload({ file: new File(['{}\n'], 'mine.jsonl'), expiry: 24, visibility: 'user' }))
    await play(() => api.retrieve({ fileId: file.id }))
    await play(async () => new Response((await api.download({ fileId: file.id })) as never).text())
    await play(() => api.getSignedUrl({ fileId: file.id }))
    await play(() => api.getSignedUrl({ fileId: file.id, expiry: 168 }))
    await play(() => api.list())
    await play(() => api.list({}))
    await play(() =>
      api.list({ page: 0, pageSize: 1, includeTotal: false, mimetypes: ['application/pdf', 'image/png'] }),
    )
    await play(() =>
      api.list({
        page: 1,
        pageSize: 100,
        sampleType: ['batch_request'],
        source: ['upload', 'mistral'],
        search: 'a b&c',
        purpose: 'batch',
      }),
    )
    await play(() => api.delete({ fileId: file.id }))
    await play(() => api.retrieve({ fileId: '00000000-0000-0000-0000-000000000000' }).catch(refused))
    files.remove()
  }
}
