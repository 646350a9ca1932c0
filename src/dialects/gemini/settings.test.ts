import assert from 'node:assert/strict'
import { test } from 'node:test'
import { command, GeminiClient } from '../../../test/gemini-client.ts'
import { TestServer } from '../../../test/harness.ts'
import { loadConfig } from '../../app/settings.ts'

test('files can stay for good, be shown as processing first, and uploads end sooner', async (t) => {
  const server = await TestServer.start({
    ENTREPOT_GEMINI_RETENTION_HOURS: 'never',
    ENTREPOT_GEMINI_PROCESSING_SECONDS: '5',
    ENTREPOT_GEMINI_UPLOAD_SECONDS: '60',
    ENTREPOT_GEMINI_MAX_FILE_BYTES: '1000',
  })
  t.after(() => server.stop())
  const client = new GeminiClient(server)
  const { name, expirationTime, state } = await client.stored()
  assert.deepEqual([expirationTime, state], [undefined, 'PROCESSING'])
  server.clock.advance({ seconds: 5 })
  assert.equal((await client.get(`/v1/${name}`)).body.state, 'ACTIVE')
  const tooLarge = await client.start({ sizeBytes: 1001 })
  assert.deepEqual([tooLarge.status, tooLarge.body.error.message], [413, 'File exceeds 1000 bytes.'])
  const beyond = await command(await client.started(undefined), 'upload', 'x'.repeat(1001))
  assert.deepEqual([beyond.status, beyond.state], [413, 'cancelled'])
  const url = await client.started(5)
  server.clock.advance({ seconds: 60 })
  assert.equal((await command(url, 'query')).status, 404)
})

test('a URL of an upload begins with the public address, whatever a proxy takes off', async (t) => {
  const server = await TestServer.start({ ENTREPOT_PUBLIC_URL: 'https://files.example/entrepot' })
  t.after(() => server.stop())
  const client = new GeminiClient(server)
  const url = await client.started(5)
  assert.ok(url.startsWith('https://files.example/entrepot/upload/v1beta/files?upload_id='))
  const { body } = await command(
    url.replace('https://files.example/entrepot', server.url),
    'upload, finalize',
    'hello',
  )
  assert.ok(body.file.uri.startsWith('https://files.example/entrepot/v1beta/files/'))
})

test('a number of hours is told apart from a mistake', () => {
  const wrong = () => loadConfig({ ENTREPOT_GEMINI_RETENTION_HOURS: 'forever' })
  assert.throws(wrong, /ENTREPOT_GEMINI_RETENTION_HOURS must be never or a whole number of hours from 1/)
})
