import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import Groq from 'groq-sdk'
import { AzureOpenAI, toFile } from 'openai'
import { TestServer } from '../harness.ts'
import { clientOf, sdks, textOf } from './openai-sdk.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

for (const [version, sdk] of sdks)
  test(`openai ${version} stores, lists, reads and deletes a file, and makes one of parts`, async () => {
    const client = clientOf(sdk, server, { baseURL: `${server.url}/v1` })
    const file = await client.files.create({
      file: await sdk.toFile(Buffer.from('hello'), 'hello.txt'),
      purpose: 'user_data',
    })
    assert.match(file.id, /^file-[0-9a-f]{32}$/)
    const created_at = Math.floor(server.clock.now() / 1000)
    const expected = {
      id: file.id,
      object: 'file',
      bytes: 5,
      created_at,
      expires_at: null,
      filename: 'hello.txt',
      purpose: 'user_data',
      status: 'processed',
      status_details: null,
    }
    assert.deepEqual({ ...file }, expected)
    assert.deepEqual({ ...(await client.files.retrieve(file.id)) }, expected)
    assert.deepEqual({ ...(await client.files.waitForProcessing(file.id)) }, expected)
    assert.equal(await textOf(client, file.id), 'hello')
    const listed = await Array.fromAsync(client.files.list({ purpose: 'user_data' }))
    assert.deepEqual(
      listed.map(({ id }) => id),
      [file.id],
    )
    const upload = await client.uploads.create({
      ...{ bytes: 4, filename: 'parts.txt', mime_type: 'text/plain', purpose: 'user_data' },
    })
    const parts = await Promise.all(
      ['ab', 'cd'].map(async (text) =>
        client.uploads.parts.create(upload.id, { data: await sdk.toFile(Buffer.from(text), 'part') }),
      ),
    )
    const whole = await client.uploads.complete(upload.id, { part_ids: parts.map(({ id }) => id).reverse() })
    assert.equal(whole.status, 'completed')
    assert.equal(await textOf(client, whole.file?.id ?? ''), 'cdab')
    for (const id of [file.id, whole.file?.id ?? ''])
      assert.deepEqual({ ...(await client.files.delete(id)) }, { id, object: 'file', deleted: true })
  })

test('AzureOpenAI and groq-sdk store and read a file', async () => {
  const azure = new AzureOpenAI({ endpoint: server.url, apiKey: server.key, apiVersion: '2024-10-21' })
  const file = await azure.files.create({
    file: await toFile(Buffer.from('{}'), 'a.jsonl'),
    purpose: 'batch',
  })
  assert.equal(await (await azure.files.content(file.id)).text(), '{}')
  server.clock.advance({ seconds: 1 })
  const groq = new Groq({ baseURL: server.url, apiKey: server.key })
  const { id } = await groq.files.create({
    file: await toFile(Buffer.from('{}'), 'b.jsonl'),
    purpose: 'batch',
  })
  assert.equal(await (await groq.files.content(id ?? '')).text(), '{}')
  assert.deepEqual(
    (await groq.files.list()).data.map(({ filename }) => filename),
    ['b.jsonl', 'a.jsonl'],
  )
})
