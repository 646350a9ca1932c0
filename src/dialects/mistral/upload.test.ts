import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { assertKeeps, filePart } from '../../../test/llamacloud-client.ts'
import { MistralClient, placesOf } from '../../../test/mistral-client.ts'

const HOUR_SECONDS = 3600
const LIMIT = 100_000

let server: TestServer
let client: MistralClient

before(async () => {
  server = await TestServer.start({ ENTREPOT_MISTRAL_MAX_FILE_BYTES: String(LIMIT) })
  client = new MistralClient(server)
})
after(() => server.stop())

const nowSeconds = () => Math.floor(server.clock.now() / 1000)

test('a file is shown with every field, and no null where the SDKs refuse it', async () => {
  const parts = [
    { name: 'visibility', content: 'workspace' },
    { name: 'purpose', content: 'ocr' },
    filePart('%PDF-1.7', 'scan.pdf'),
  ]
  const answer = await client.upload(parts)
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.headers.get('content-type')?.split(';')[0], 'application/json')
  const { id } = answer.body
  const expected = {
    id,
    object: 'file',
    bytes: 8,
    created_at: nowSeconds(),
    filename: 'scan.pdf',
    purpose: 'ocr',
    sample_type: 'ocr_input',
    num_lines: 0,
    mimetype: 'text/plain',
    source: 'upload',
    signature: hash('md5', '%PDF-1.7'),
    expires_at: null,
    visibility: 'workspace',
  }
  assert.deepEqual(answer.body, expected)
  assert.match(id, /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/)
  assert.deepEqual((await client.get(`/${id}`)).body, { ...expected, deleted: false })
})

test('any purpose is printed, and one that is left out is told by the name', async () => {
  const shown = async (filename: string, parts: Record<string, string>) => {
    const { purpose, sample_type } = await client.stored('x', filename, parts)
    return [purpose, sample_type]
  }
  assert.deepEqual(await shown('a.txt', { purpose: 'fine-tune' }), ['fine-tune', 'instruct'])
  assert.deepEqual(await shown('a.txt', { purpose: 'batch' }), ['batch', 'batch_request'])
  assert.deepEqual(await shown('a.mp3', { purpose: 'audio' }), ['audio', 'audio'])
  assert.deepEqual(await shown('a.txt', { purpose: 'agentic_safety' }), ['agentic_safety', 'ocr_input'])
  assert.deepEqual(await shown('a.txt', {}), ['ocr', 'ocr_input'])
  assert.deepEqual(await shown('a.jsonl', {}), ['fine-tune', 'instruct'])
  assert.deepEqual(await shown('a.jsonl', { purpose: '' }), ['fine-tune', 'instruct'])
})

test('lines are counted while JSON Lines come in, wherever the chunks are cut, and nowhere else', async () => {
  const lines = '{"a":1}\n'.repeat(9_000)
  const linesOf = async (name: string, content: string) => (await client.stored(content, name)).num_lines
  assert.equal(await linesOf('train.jsonl', lines), 9_000)
  assert.equal(await linesOf('train.JSONL', '{}\n{}'), 1)
  assert.equal(await linesOf('notes.txt', lines), 0)
  assert.equal(await linesOf('empty.jsonl', ''), 0)
  const typed = { ...filePart('{}\n{}\n', 'train'), type: 'application/x-ndjson' }
  assert.equal((await client.upload([typed])).body.num_lines, 2)
})

test('a file ends its hours after it was made, to the second, and is gone then', async () => {
  const file = await client.stored('x', 'a.txt', { expiry: '2' })
  assert.equal(file.expires_at, file.created_at + 2 * HOUR_SECONDS)
  server.clock.advance({ hours: 2, ms: -1 })
  assert.equal((await client.get(`/${file.id}`)).status, 200)
  server.clock.advance({ ms: 1 })
  const { status, text } = await client.get(`/${file.id}`)
  assert.deepEqual([status, text], [404, '{"detail":"File not found"}'])
  assert.ok((await client.list()).data.every(({ id }) => id !== file.id))
})

test('a name is the last part of what was sent, in any script; without one it is made of id and type', async () => {
  assert.equal((await client.stored('x', '../../отчёт 📄.pdf')).filename, 'отчёт 📄.pdf')
  assert.equal((await client.stored('x', 'C:\\Users\\me\\a b.txt')).filename, 'a b.txt')
  assert.equal((await client.stored('x', 'README')).filename, 'README')
  const { id, filename } = (await client.upload([{ name: 'file', content: 'no name' }])).body
  assert.equal(filename, `${id}.txt`)
})

test('a file is hidden and ends as asked, also if those parts have filenames', async () => {
  const answer = await client.upload([
    filePart(),
    { name: 'visibility', filename: 'blob', content: 'user' },
    { name: 'expiry', filename: 'blob', content: '1' },
  ])
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.body.visibility, 'user')
  assert.equal(answer.body.expires_at, nowSeconds() + HOUR_SECONDS)
})

test('all that is wrong with the fields is told at once, and nothing is kept', async (t) => {
  const small = await TestServer.start()
  t.after(() => small.stop())
  const other = new MistralClient(small)
  const wrong = [
    { name: 'expiry', content: '0' },
    { name: 'visibility', content: 'nobody' },
    { name: 'purpose', content: 'x'.repeat(257) },
  ]
  assert.deepEqual(placesOf(await other.upload([filePart(), ...wrong])), [
    'body.purpose value_error',
    'body.expiry greater_than_equal',
    'body.visibility enum',
  ])
  const numbers = ['1.5', 'soon', '-1', '876001', '1e3']
  for (const expiry of numbers)
    assert.equal(placesOf(await other.upload([filePart(), { name: 'expiry', content: expiry }])).length, 1)
  const none = await other.upload([{ name: 'purpose', content: 'ocr' }])
  assert.deepEqual(JSON.parse(none.text), {
    detail: [{ type: 'missing', loc: ['body', 'file'], msg: 'Field required', input: null }],
  })
  const long = `${'ü'.repeat(511)}.txt`
  assert.deepEqual(placesOf(await other.upload([filePart('x', long)])), ['body.file value_error'])
  await assertKeeps(small, 0)
})

test('what is no form has no file', async () => {
  for (const type of ['application/json', 'text/plain', undefined]) {
    const answer = await client.send('POST', '', '{"file":"x"}', { 'content-type': type })
    assert.deepEqual(placesOf(answer), ['body.file missing'])
  }
  assert.deepEqual(placesOf(await client.send('POST', '')), ['body.file missing'])
})

test('a file of the limit fits; one byte more is refused, announced or not', async () => {
  assert.equal((await client.stored('x'.repeat(LIMIT))).bytes, LIMIT)
  for (const bytes of [LIMIT + 1, LIMIT + 2 * 1024 * 1024]) {
    const { status, text } = await client.upload([filePart('x'.repeat(bytes))])
    assert.deepEqual([status, text], [413, '{"detail":"Request Entity Too Large"}'])
  }
})

test('the empty cookie that the SDK sends is no credential and no mistake', async () => {
  const { status } = await client.get('', { cookie: '' })
  assert.equal(status, 200)
})

test('the operator decides what a unit of expiry is, and when files end that name none', async (t) => {
  const own = await TestServer.start({
    ENTREPOT_MISTRAL_EXPIRY_UNIT_SECONDS: '86400',
    ENTREPOT_MISTRAL_RETENTION_HOURS: '720',
  })
  t.after(() => own.stop())
  const other = new MistralClient(own)
  const days = await other.stored('x', 'a.txt', { expiry: '3' })
  assert.equal(days.expires_at, days.created_at + 3 * 24 * HOUR_SECONDS)
  const kept = await other.stored()
  assert.equal(kept.expires_at, kept.created_at + 720 * HOUR_SECONDS)
})
