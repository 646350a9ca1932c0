import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { assertKeeps, filePart } from '../../../test/llamacloud-client.ts'
import { MistralClient, placesOf } from '../../../test/mistral-client.ts'
import { sendRaw } from '../../../test/raw-http.ts'

/** Name, declared type, purpose, and what the vendor takes; true: it takes the file. */
const cases: readonly (readonly [string, string, string, true | string])[] = [
  ['a.pdf', 'application/pdf', 'ocr', true],
  ['a.png', 'image/png', 'ocr', true],
  ['a.zip', 'application/zip', 'ocr', 'application/pdf, image/.*, and documents of Word and PowerPoint'],
  ['a.jsonl', 'application/octet-stream', 'fine-tune', true],
  ['a.txt', 'text/plain', 'fine-tune', 'application/jsonl'],
  ['a.jsonl', 'application/jsonl', 'batch', true],
  ['a.csv', 'text/csv', 'batch', 'application/jsonl'],
  ['a.mp3', 'audio/mpeg', 'audio', true],
  ['a.pdf', 'application/pdf', 'audio', 'audio/.*'],
  ['a.zip', 'application/zip', 'agentic_safety', true],
]

let server: TestServer
let strict: MistralClient

before(async () => {
  server = await TestServer.start({ ENTREPOT_FIDELITY: 'strict' })
  strict = new MistralClient(server)
})
after(() => server.stop())

test('a strict key is refused what the vendor refuses, and nothing of it is kept', async () => {
  for (const [name, type, purpose, takes] of cases) {
    const parts = [
      { ...filePart('x', name), type },
      { name: 'purpose', content: purpose },
    ]
    const { status, text, body } = await strict.upload(parts)
    if (takes === true) {
      assert.equal(status, 200, `${name} ${purpose}: ${text}`)
      await strict.delete(body.id)
      continue
    }
    assert.equal(status, 422, `${name} ${purpose}`)
    assert.deepEqual(JSON.parse(text), {
      detail: 'Invalid file format.',
      message: `Received file with mimetype ${type}, only ${takes} are currently supported`,
    })
  }
  await assertKeeps(server, 0)
})

test('a strict key may send no empty file, and none above 512 MiB', async () => {
  assert.deepEqual(placesOf(await strict.upload([filePart('', 'a.pdf')])), ['body.file value_error'])
  const announced = [
    'POST /mistral/v1/files HTTP/1.1',
    'Host: x',
    `Authorization: Bearer ${server.key}`,
    'Content-Type: multipart/form-data; boundary=x',
    `Content-Length: ${514 * 1024 * 1024}`,
  ]
  const { status, body } = await sendRaw(server.url, `${announced.join('\r\n')}\r\n\r\n`)
  assert.deepEqual([status, body], [413, '{"detail":"Request Entity Too Large"}'])
  await assertKeeps(server, 0)
})

test('an open key may do all of that', async (t) => {
  const own = await TestServer.start()
  t.after(() => own.stop())
  const open = new MistralClient(own)
  for (const [name, type, purpose] of cases) {
    const parts = [
      { ...filePart('x', name), type },
      { name: 'purpose', content: purpose },
    ]
    assert.equal((await open.upload(parts)).status, 200)
  }
  assert.equal((await open.stored('', 'empty.pdf', { purpose: 'ocr' })).bytes, 0)
})
