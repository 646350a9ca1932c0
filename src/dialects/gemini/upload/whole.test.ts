import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { type FileBody, GeminiClient, type UploadBody } from '../../../../test/gemini-client.ts'
import { TestServer } from '../../../../test/harness.ts'
import { settledUsage } from '../../../../test/usage.ts'

const MAX_FILE_BYTES = 1_000_000

let server: TestServer
let client: GeminiClient

before(async () => {
  server = await TestServer.start({ ENTREPOT_GEMINI_MAX_FILE_BYTES: String(MAX_FILE_BYTES) })
  client = new GeminiClient(server)
})
after(() => server.stop())

const PATH = '/upload/v1beta/files'

function related(metadata: string, bytes: string | Uint8Array, type = 'image/png'): Buffer {
  const head = `--b\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n${metadata}\r\n--b\r\nContent-Type: ${type}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), Buffer.from(bytes), Buffer.from('\r\n--b--\r\n')])
}

const send = (body: string | Uint8Array, headers: Record<string, string> = {}, path = PATH) =>
  client.send<UploadBody>('POST', path, body, headers)
const MULTIPART = { 'content-type': 'multipart/related; boundary=b' }

async function bytesOf({ downloadUri = '' }: FileBody): Promise<Buffer> {
  const answer = await fetch(downloadUri, { headers: { 'x-goog-api-key': server.key } })
  return Buffer.from(await answer.arrayBuffer())
}

test('multipart/related brings the metadata and the file in one request', async () => {
  const bytes = randomBytes(500_000)
  const body = related('{"file":{"display_name":"ü.png","name":"files/whole"}}', bytes)
  const byHeader = await send(body, { ...MULTIPART, 'x-goog-upload-protocol': 'Multipart' })
  assert.equal(byHeader.status, 200, byHeader.text)
  const { file } = byHeader.body
  assert.deepEqual([file.name, file.displayName, file.mimeType], ['files/whole', 'ü.png', 'image/png'])
  assert.deepEqual(await bytesOf(file), bytes)
  const byQuery = await send(related('{}', 'x', 'text/plain'), MULTIPART, `${PATH}?uploadType=multipart`)
  assert.deepEqual([byQuery.body.file.mimeType, byQuery.body.file.sizeBytes], ['text/plain', '1'])
  const typed = await send(
    related('{"file":{"mimeType":"text/x-own"}}', 'x'),
    MULTIPART,
    `${PATH}?uploadType=multipart`,
  )
  assert.equal(typed.body.file.mimeType, 'text/x-own')
})

test('raw bytes are a file, of the name and type in the headers', async () => {
  const raw = { 'x-goog-upload-protocol': 'raw' }
  const named = { ...raw, 'x-goog-upload-file-name': 'folder/notes.md', 'content-type': 'text/markdown' }
  const { file } = (await send('hello', named)).body
  assert.deepEqual([file.displayName, file.mimeType, file.sizeBytes], ['notes.md', 'text/markdown', '5'])
  const typed = { ...raw, 'content-type': 'mimeType', 'x-goog-upload-header-content-type': 'audio/x-own' }
  assert.equal((await send('hello', typed)).body.file.mimeType, 'audio/x-own')
  const shown = await send(
    '%PDF-1.7\n',
    { 'content-type': 'application/x-www-form-urlencoded' },
    `${PATH}?uploadType=media`,
  )
  assert.equal(shown.body.file.mimeType, 'application/pdf')
  assert.equal((await send('', raw)).body.file.sizeBytes, '0')
})

test('a file that came whole has the length that was announced, or it is refused', async () => {
  const before = await settledUsage(server)
  const raw = { 'x-goog-upload-protocol': 'raw' }
  const told = (sizeBytes: string) => related(`{"file":{"sizeBytes":"${sizeBytes}"}}`, 'hello')
  for (const sizeBytes of ['3', '7', '0']) {
    const query = `${PATH}?uploadType=multipart`
    const length = { 'x-goog-upload-header-content-length': sizeBytes }
    for (const answer of [
      await send(told(sizeBytes), MULTIPART, query),
      await send('hello', { ...raw, ...length }),
    ])
      assert.deepEqual([answer.status, answer.body.error?.status], [400, 'INVALID_ARGUMENT'], sizeBytes)
  }
  assert.deepEqual(await settledUsage(server), before)
  assert.equal((await send(told('5'), MULTIPART, `${PATH}?uploadType=multipart`)).status, 200)
})

test('what is malformed or too large is refused, and nothing of it stays', async () => {
  const before = await settledUsage(server)
  const whole = related('{"file":{}}', 'hello')
  const onlyJson = '--b\r\n\r\n{}\r\n--b--'
  const three = `${whole.toString('latin1').slice(0, -4)}\r\n\r\nmore\r\n--b--`
  const wrong: readonly (readonly [string | Uint8Array, string, number])[] = [
    [whole.subarray(0, -10), 'multipart/related; boundary=b', 400],
    [whole, 'multipart/related; boundary=c', 400],
    [whole, 'multipart/related', 400],
    [whole, 'application/json', 400],
    [onlyJson, 'multipart/related; boundary=b', 400],
    [three, 'multipart/related; boundary=b', 400],
    [related('{', 'hello'), 'multipart/related; boundary=b', 400],
    [related('{"file":{"name":"-"}}', 'hello'), 'multipart/related; boundary=b', 400],
    [related(`{"x":"${'x'.repeat(70_000)}"}`, 'hello'), 'multipart/related; boundary=b', 400],
    [related('{}', Buffer.alloc(MAX_FILE_BYTES + 1)), 'multipart/related; boundary=b', 413],
  ]
  for (const [body, type, status] of wrong) {
    const answer = await send(body, { 'content-type': type, 'x-goog-upload-protocol': 'multipart' })
    assert.deepEqual([answer.status, answer.body.error.code], [status, status], answer.text)
  }
  const raw = { 'x-goog-upload-protocol': 'raw' }
  assert.equal((await send(Buffer.alloc(MAX_FILE_BYTES + 1), raw)).status, 413)
  for (const headers of [{ 'x-goog-upload-protocol': 'ftp' }, { 'x-goog-upload-protocol': '' }])
    assert.equal((await send('{}', headers)).status, 400)
  for (const type of ['resumable', 'x']) {
    const none = { 'x-goog-upload-protocol': '' }
    assert.equal((await send('{}', none, `${PATH}?uploadType=${type}`)).status, 400)
  }
  assert.deepEqual(await settledUsage(server), before)
  assert.equal((await send(Buffer.alloc(MAX_FILE_BYTES), raw)).status, 200)
})
