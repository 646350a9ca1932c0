import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { formOf, OpenAIClient, refusalIn } from '../../../test/openai-client.ts'
import { ServiceError } from '../../core/errors.ts'
import { toErrorAnswer } from './errors.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

const form = (purpose: string) => formOf({ file: new File(['{}'], 'a.jsonl'), purpose })

test('the header api-key is Azure’s: its own path without a version answers a create 201', async () => {
  const nobody = new OpenAIClient(server, 'nobody')
  const azure = { 'api-key': server.key }
  const made = await nobody.send<{ id: string }>(
    'POST',
    '/files?api-version=2024-10-21',
    form('batch'),
    azure,
  )
  assert.equal(made.status, 201, made.text)
  for (const base of ['/v1', '']) {
    const { status } = await nobody.send(
      'GET',
      `${base}/files/${made.body.id}?api-version=preview`,
      undefined,
      azure,
    )
    assert.equal(status, 200)
  }
  assert.equal((await nobody.send('POST', '/v1/files', form('evals'), azure)).status, 200)
  assert.equal(
    refusalIn(await nobody.send('GET', '/v1/files', undefined, { 'api-key': 'x' }), 401).code,
    'invalid_api_key',
  )
  assert.equal((await fetch(`${server.url}/files?api-version=2024-10-21`, { headers: azure })).status, 404)
})

test('Groq’s client is known by its user agent, and knows one purpose', async () => {
  const groq = { 'user-agent': 'Groq/JS 1.6.0' }
  const client = new OpenAIClient(server)
  assert.equal((await client.send('POST', '/v1/files', form('batch'), groq)).status, 200)
  const { message } = refusalIn(await client.send('POST', '/v1/files', form('evals'), groq))
  assert.equal(message, "'evals' is not one of ['batch'] - 'purpose'")
})

test('nobody is told to wait for longer than a minute, and a conflict is no 409', () => {
  const limited = new ServiceError('rate-limited', 'x', { retryAfterSeconds: 90 })
  assert.equal(toErrorAnswer(limited).headers['retry-after'], '60')
  const soon = new ServiceError('rate-limited', 'x', { retryAfterSeconds: 7 })
  assert.equal(toErrorAnswer(soon).headers['retry-after'], '7')
  for (const code of ['state-conflict', 'name-taken', 'idempotency-running'] as const)
    assert.equal(toErrorAnswer(new ServiceError(code, 'x')).status, 400)
  const full = toErrorAnswer(new ServiceError('storage-full', 'x'))
  assert.deepEqual([full.status, full.headers['x-should-retry']], [507, 'false'])
})

test('a strict key gets the refusals of the vendor, an open one its bytes', async () => {
  const strict = new OpenAIClient(server, await server.newKey({ fidelity: 'strict' }))
  const open = new OpenAIClient(server)
  for (const purpose of ['user_data', 'assistants', 'vision']) {
    const { id } = await strict.stored('x', 'a.png', { purpose })
    const { message } = refusalIn(await strict.send('GET', `/v1/files/${id}/content`))
    assert.equal(message, `Not allowed to download files of purpose: ${purpose}`)
    assert.equal((await open.send('GET', `/v1/files/${id}/content`)).text, 'x')
  }
  for (const purpose of ['evals', 'batch', 'fine-tune']) {
    const { id } = await strict.stored('x', 'a.jsonl', { purpose })
    assert.equal((await strict.send('GET', `/v1/files/${id}/content`)).text, 'x')
  }
  const batch = refusalIn(await strict.create('x', 'a.txt', { purpose: 'batch' }))
  assert.equal(batch.message, 'Invalid file format for Batch API. Must be .jsonl')
  assert.equal((await open.create('x', 'a.txt', { purpose: 'fine-tune' })).status, 200)
  const large = { bytes: 200 * 1024 ** 2 + 1, filename: 'a.jsonl', mime_type: 'text/jsonl', purpose: 'batch' }
  refusalIn(await strict.send('POST', '/v1/uploads', large), 413)
  assert.equal((await open.send('POST', '/v1/uploads', large)).status, 200)
})
