import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { assertRefusal, LightfieldClient, ok, type Refusal } from '../../../test/lightfield-client.ts'

let server: TestServer
let client: LightfieldClient

before(async () => {
  server = await TestServer.start()
  client = new LightfieldClient(server)
})
after(() => server.stop())

const good = { filename: 'x', mimeType: 'mimeType', sizeBytes: 1 }
const without = (field: string) => ({ ...good, [field]: undefined })
const missing = (param: string): Refusal => [400, 'bad_request', 'parameter_missing', param]
const invalid = (param?: string): Refusal => [400, 'bad_request', 'invalid_type', param]
const unknown = (param: string): Refusal => [400, 'bad_request', 'unknown_field', param]

const badCreates: readonly (readonly [string, unknown, Refusal])[] = [
  ['no filename', without('filename'), missing('filename')],
  ['no mimeType', without('mimeType'), missing('mimeType')],
  ['no sizeBytes', without('sizeBytes'), missing('sizeBytes')],
  ['nothing', {}, missing('filename')],
  ['a field that is not known', { ...good, size: 1 }, unknown('size')],
  ['the id of a file', { ...good, id: 'fil_0000000000000000000000000' }, unknown('id')],
  ['a status', { ...good, status: 'COMPLETED' }, unknown('status')],
  ['a filename in the spelling of Python', { ...good, file_name: 'x' }, unknown('file_name')],
  ['a filename that is null', { ...good, filename: null }, invalid('filename')],
  ['a filename that is a number', { ...good, filename: 1 }, invalid('filename')],
  ['a filename that is an array', { ...good, filename: ['x'] }, invalid('filename')],
  ['an empty filename', { ...good, filename: '' }, invalid('filename')],
  ['a filename of 256 characters', { ...good, filename: '€'.repeat(256) }, invalid('filename')],
  ['a filename with a line end', { ...good, filename: 'a\r\nb' }, invalid('filename')],
  ['a filename with NUL', { ...good, filename: 'a\0b' }, invalid('filename')],
  ['a filename with DEL', { ...good, filename: 'a\u007fb' }, invalid('filename')],
  ['a filename with half a character', { ...good, filename: 'a\ud800' }, invalid('filename')],
  ['a mimeType that is an object', { ...good, mimeType: {} }, invalid('mimeType')],
  ['a mimeType that is a boolean', { ...good, mimeType: true }, invalid('mimeType')],
  ['a mimeType with a line end', { ...good, mimeType: 'text/plain\nx: y' }, invalid('mimeType')],
  ['a mimeType that no header can carry', { ...good, mimeType: 'text/plän' }, invalid('mimeType')],
  ['an empty mimeType', { ...good, mimeType: '' }, invalid('mimeType')],
  ['a size of 0', { ...good, sizeBytes: 0 }, invalid('sizeBytes')],
  ['a negative size', { ...good, sizeBytes: -1 }, invalid('sizeBytes')],
  ['one byte more than 512 MiB', { ...good, sizeBytes: 536_870_913 }, invalid('sizeBytes')],
  ['a broken size', { ...good, sizeBytes: 1.5 }, invalid('sizeBytes')],
  ['a size that is a string', { ...good, sizeBytes: '1' }, invalid('sizeBytes')],
  ['a size that is null', { ...good, sizeBytes: null }, invalid('sizeBytes')],
  ['a purpose that is not known', { ...good, purpose: 'assistants' }, invalid('purpose')],
  ['a purpose in capitals', { ...good, purpose: 'KNOWLEDGE_USER' }, invalid('purpose')],
  ['a purpose that is null', { ...good, purpose: null }, invalid('purpose')],
  ['a purpose that is an array', { ...good, purpose: [] }, invalid('purpose')],
  ['a purpose named like a property of all objects', { ...good, purpose: 'constructor' }, invalid('purpose')],
]

for (const [name, body, refusal] of badCreates) {
  test(`create refuses ${name}`, async () => {
    const before = ok(await client.list()).totalCount
    assertRefusal(await client.post('/v1/files', body), refusal)
    assert.equal(ok(await client.list()).totalCount, before)
  })
}

test('the largest size of all is taken', async () => {
  assert.equal(ok(await client.create({ sizeBytes: 536_870_912 })).sizeBytes, 536_870_912)
})

const badMd5s: readonly (readonly [string, unknown])[] = [
  ['in capitals', 'A'.repeat(32)],
  ['that is too short', 'a'.repeat(31)],
  ['that is too long', 'a'.repeat(33)],
  ['with a line end', `${'a'.repeat(32)}\n`],
  ['that is empty', ''],
  ['that is null', null],
  ['that is a number', 1],
  ['that is no hex', 'g'.repeat(32)],
]

for (const [name, md5] of badMd5s) {
  test(`complete refuses an md5 ${name}`, async () => {
    const { id } = await client.pending()
    assertRefusal(await client.complete(id, { md5 }), invalid('md5'))
  })
}

test('complete and cancel refuse fields that they do not know', async () => {
  const { id } = await client.pending()
  assertRefusal(await client.post(`/v1/files/${id}/complete`, { sha256: 'x' }), unknown('sha256'))
  assertRefusal(await client.post(`/v1/files/${id}/cancel`, { md5: 'a'.repeat(32) }), unknown('md5'))
})

const badBodies: readonly (readonly [string, string | Uint8Array])[] = [
  ['that is not JSON', '{"filename": "x"'],
  ['with a comma too many', '{"filename":"x",}'],
  ['of two values', '{} {}'],
  ['that is a string', '"filename"'],
  ['that is a number', '1'],
  ['that is null', 'null'],
  ['that is true', 'true'],
  ['that is an array', '[{"filename":"x","mimeType":"y","sizeBytes":1}]'],
  ['of spaces', '   '],
  ['in UTF-16', Buffer.from('{"filename":"x"}', 'utf16le')],
  ['that is not valid UTF-8', Buffer.from('{"filename":"\xff","mimeType":"y","sizeBytes":1}', 'latin1')],
  ['that names __proto__', '{"__proto__":{"filename":"x"},"filename":"x","mimeType":"y","sizeBytes":1}'],
  ['that names constructor.prototype', '{"constructor":{"prototype":{"filename":"x"}}}'],
  ['of a hundred thousand arrays', '['.repeat(100_000)],
]

for (const [name, body] of badBodies) {
  test(`create, complete and cancel refuse a body ${name}`, async () => {
    const { id } = await client.pending()
    for (const path of ['', `/${id}/complete`, `/${id}/cancel`]) {
      const headers = { 'content-type': 'application/json' }
      assertRefusal(await client.send('POST', `/v1/files${path}`, body, headers), invalid())
    }
    assert.equal(ok(await client.retrieve(id)).status, 'PENDING')
  })
}

test('a body of more than a mebibyte is refused', async () => {
  const answer = await client.create({ filename: 'x'.repeat(1024 * 1024) })
  assertRefusal(answer, invalid())
})
