/** Base URLs that contain what the client adds itself, or lack what it does not: the 404 says so. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import LlamaCloud from '@llamaindex/llama-cloud'
import OpenAI from 'openai'
import { TestServer } from './harness.ts'
import { VERSION } from './lightfield-client.ts'

let server: TestServer

before(async () => {
  server = await TestServer.start()
})

after(() => server.stop())

/** By path: what the base URL must not contain, and where the reason stands in the answer. */
const mistaken: Readonly<
  Record<string, readonly [extra: string, form: 'lightfield' | 'llamacloud' | 'yandex' | 'openai']>
> = {
  '/v1/v1/files': ['/v1', 'openai'],
  '/v1/v1/files/file-x/content?a=b': ['/v1', 'openai'],
  '/openai/v1/v1/uploads/upload_x/parts': ['/v1', 'openai'],
  '/openai/openai/v1/files': ['/openai', 'openai'],
  '/lightfield/v1/v1/files': ['/v1', 'lightfield'],
  '/lightfield/lightfield/v1/files': ['/lightfield', 'lightfield'],
  '/api/v1/v1/files': ['/api/v1', 'llamacloud'],
  '/v1/api/v1/beta/files': ['/v1', 'openai'],
  '/api/v1/api/v1/beta/files': ['/api/v1', 'llamacloud'],
  '/api/api/v1/beta/files/dfl-x': ['/api', 'llamacloud'],
  '/api/v1/api/v1/files': ['/api/v1', 'llamacloud'],
  '/llamacloud/api/v1/api/v1/beta/files': ['/api/v1', 'llamacloud'],
  '/lightfield/api/v1/beta/files': ['/lightfield', 'lightfield'],
  '/openai/api/v1/beta/files': ['/openai', 'openai'],
  '/openai/v1/upload/v1/files': ['/openai/v1', 'openai'],
  '/files/v1/files/v1/files': ['/files/v1', 'yandex'],
  '/yandex/files/v1/files/v1/files': ['/files/v1', 'yandex'],
  '/yandex/files/v1/v1/files': ['/yandex/files/v1', 'yandex'],
  '/v1/files/v1/files:getUrl': ['/v1', 'openai'],
}

test('a base URL that contains a part of the path is told, in the form of the dialect in front', async () => {
  for (const [path, [extra, form]] of Object.entries(mistaken)) {
    const headers = form === 'lightfield' ? { 'lightfield-version': VERSION } : {}
    const response = await fetch(`${server.url}${path}`, { headers })
    assert.equal(response.status, 404, path)
    const { error, detail, message } = (await response.json()) as {
      error?: { type: string; message: string }
      detail?: string
      message?: string
    }
    const reasons = {
      lightfield: error?.message,
      openai: error?.message,
      llamacloud: detail,
      yandex: message,
    }
    const reason = path.includes(`${extra}${extra}/`)
      ? `it has "${extra}" twice. Take one out of the base URL.`
      : `the base URL must not contain "${extra}". Clients add the path of the API themselves.`
    assert.equal(reasons[form], `There is nothing at this address: ${reason}`, path)
  }
})

test('a base URL without the version that an SDK does not add is told', async () => {
  const openai = new OpenAI({ apiKey: server.key, baseURL: server.url, maxRetries: 0 })
  const reason = /404 There is nothing at this address: the base URL must end in "\/v1"\.$/
  await assert.rejects(async () => openai.files.list(), reason)
  const file = new File(['hello'], 'hello.txt')
  await assert.rejects(async () => openai.files.create({ file, purpose: 'user_data' }), reason)
  const upload = { bytes: 5, filename: 'a', mime_type: 'text/plain', purpose: 'user_data' } as const
  await assert.rejects(async () => openai.uploads.create(upload), reason)
})

test('an SDK whose base URL ends in its path shows the reason', async () => {
  const client = new LlamaCloud({ apiKey: server.key, baseURL: `${server.url}/api/v1`, maxRetries: 0 })
  await assert.rejects(async () => client.files.list(), /404.*it has ."\/api\/v1." twice/)
})

test('other addresses at which nothing is stay as they were', async () => {
  for (const path of [
    '/upload/v1/files',
    '/v1/nothing',
    '/v1',
    '/v1/v1',
    '/x/v1/files',
    '/api/v1/pipelines/p/files',
    '/chat/completions',
    '/files/x',
  ])
    assert.doesNotMatch(await (await fetch(`${server.url}${path}`)).text(), /base URL must|twice/, path)
  const long = await fetch(`${server.url}${'/v1'.repeat(5000)}`)
  assert.equal(long.status, 404)
})
