import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import Groq, * as groq from 'groq-sdk'
import * as openai7 from 'openai'
import * as openai6 from 'openai-6'
import { TestServer } from '../harness.ts'
import { newFolder } from '../new-folder.ts'
import { refusal } from './openai-sdk.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

const LINE = '{"custom_id":"1"}\n'

for (const [version, sdk] of [
  ['7.57.0', openai7],
  ['6.49.0', openai6 as unknown as typeof openai7],
] as const) {
  const addresses = {
    'its endpoint': () => ({ endpoint: `${server.url}/` }),
    'the base URL of v1': () => ({ baseURL: `${server.url}/openai/v1` }),
  } as const
  for (const [address, options] of Object.entries(addresses)) {
    const clientWith = (credentials: { apiKey: string } | { azureADTokenProvider: () => Promise<string> }) =>
      new sdk.AzureOpenAI({ apiVersion: '2024-10-21', maxRetries: 0, ...options(), ...credentials })

    test(`AzureOpenAI ${version} by ${address}: every method of files`, async () => {
      const client = clientWith({ apiKey: server.key })
      const file = await client.files.create({
        file: await sdk.toFile(Buffer.from(LINE), 'batch.jsonl'),
        purpose: 'batch',
        expires_after: { anchor: 'created_at', seconds: 3600 },
      })
      assert.deepEqual([file.filename, file.purpose], ['batch.jsonl', 'batch'])
      assert.equal(file.expires_at, file.created_at + 3600)
      const { response } = await client.files
        .create({ file: await sdk.toFile(Buffer.from('x'), 'x.txt'), purpose: 'assistants' })
        .withResponse()
      assert.equal(response.status, address === 'its endpoint' ? 201 : 200)
      assert.equal((await client.files.retrieve(file.id)).id, file.id)
      assert.equal((await client.files.waitForProcessing(file.id)).id, file.id)
      assert.equal(await (await client.files.content(file.id)).text(), LINE)
      const names = (await Array.fromAsync(client.files.list({ limit: 1 }))).map(({ filename }) => filename)
      assert.deepEqual(names.toSorted(), ['batch.jsonl', 'x.txt'])
      for (const { id } of (await client.files.list()).data)
        assert.equal((await client.files.delete(id)).deleted, true)
      const { message } = await refusal(client.files.retrieve(file.id), sdk.NotFoundError)
      assert.equal(message, `404 No such File object: ${file.id}`)
    })

    test(`AzureOpenAI ${version} by ${address}: every method of uploads`, async () => {
      const client = clientWith({ apiKey: server.key })
      const upload = await client.uploads.create({
        ...{ bytes: 4, filename: 'a.txt', mime_type: 'text/plain', purpose: 'assistants' },
      })
      const add = async (text: string) =>
        (await client.uploads.parts.create(upload.id, { data: await sdk.toFile(Buffer.from(text), 'p') })).id
      const part_ids = [await add('ab'), await add('cd')]
      const { file } = await client.uploads.complete(upload.id, { part_ids })
      assert.equal(await (await client.files.content(file?.id ?? '')).text(), 'abcd')
      await client.files.delete(file?.id ?? '')
      const other = await client.uploads.create({
        ...{ bytes: 4, filename: 'a.txt', mime_type: 'text/plain', purpose: 'assistants' },
      })
      assert.equal((await client.uploads.cancel(other.id)).status, 'cancelled')
    })

    test(`AzureOpenAI ${version} by ${address}: a token in place of the key, and a key that is none`, async () => {
      const withToken = clientWith({ azureADTokenProvider: async () => server.key })
      assert.deepEqual((await withToken.files.list()).data, [])
      const error = await refusal(clientWith({ apiKey: 'nobody' }).files.list(), sdk.AuthenticationError)
      assert.equal(error.code, 'invalid_api_key')
    })
  }
}

test('groq-sdk: every method of files, and each way to send one', async () => {
  const client = new Groq({ baseURL: server.url, apiKey: server.key, maxRetries: 0 })
  const path = join(newFolder('entrepot-groq-'), 'path ü.jsonl')
  await writeFile(path, LINE)
  const ways = {
    'path ü.jsonl': createReadStream(path),
    'buffer.jsonl': await groq.toFile(Buffer.from(LINE), 'buffer.jsonl'),
    'file.jsonl': new File([LINE], '/in/a/folder/file.jsonl'),
  }
  for (const [name, file] of Object.entries(ways)) {
    const { id = '', ...made } = await client.files.create({ file, purpose: 'batch' })
    assert.deepEqual([made.filename, made.purpose, made.bytes], [name, 'batch', LINE.length])
    assert.equal(await (await client.files.content(id)).text(), LINE)
    assert.equal((await client.files.info(id)).filename, name)
    const { data, object } = await client.files.list()
    assert.deepEqual([data.map((each) => each.id), object], [[id], 'list'])
    assert.equal((await client.files.delete(id)).deleted, true)
    await refusal(client.files.info(id), Groq.NotFoundError)
  }
})

test('groq-sdk: errors are its own classes', async () => {
  const client = new Groq({ baseURL: server.url, apiKey: 'nobody', maxRetries: 0 })
  await refusal(client.files.list(), Groq.AuthenticationError)
  const file = await groq.toFile(Buffer.from(LINE), 'a.jsonl')
  const known = new Groq({ baseURL: server.url, apiKey: server.key, maxRetries: 0 })
  const { message } = await refusal(
    known.files.create({ file, purpose: 'assistants' as 'batch' }),
    Groq.BadRequestError,
  )
  assert.match(message, /'assistants' is not one of \['batch'\] - 'purpose'/)
})
