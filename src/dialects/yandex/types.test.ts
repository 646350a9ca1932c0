import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { TestServer } from '../../../test/harness.ts'
import { YandexRest } from '../../../test/yandex-rest.ts'

let server: TestServer
let client: YandexRest
before(async () => {
  server = await TestServer.start()
  client = new YandexRest(server)
})
after(() => server.stop())

/** An archive that begins with one entry, not packed. */
function zipOf(name: string, content: string): Buffer {
  const head = Buffer.alloc(30)
  head.write('PK\u0003\u0004', 'latin1')
  head.writeUInt16LE(20, 4)
  head.writeUInt32LE(content.length, 18)
  head.writeUInt32LE(content.length, 22)
  head.writeUInt16LE(name.length, 26)
  return Buffer.concat([head, Buffer.from(name + content)])
}

const WORD = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'
const SHEET = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'
const contentTypes = (type: string) =>
  zipOf('[Content_Types].xml', `<Types><Override ContentType="${type}.main+xml"/></Types>`)
const utf16 = Buffer.from('\ufefftext', 'utf16le')

/** Content by the type that is seen from it, whatever the name says. */
const contents: readonly [type: string, ...contents: (string | Buffer)[]][] = [
  ['application/pdf', '%PDF-1.7\n'],
  ['image/png', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')],
  ['image/jpeg', Buffer.from('ffd8ffe000104a46494600', 'hex')],
  ['image/gif', 'GIF89a\u0001'],
  ['image/webp', 'RIFF\u0010\u0000\u0000\u0000WEBPVP8 '],
  ['application/zip', zipOf('a.txt', 'text')],
  [WORD, contentTypes(WORD)],
  [SHEET, contentTypes(SHEET)],
  ['application/x-cfb', Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(512)])],
  ['application/rtf', '{\\rtf1\\ansi text}'],
  ['application/gzip', gzipSync('text')],
  ['text/html', '<!DOCTYPE html><p>text', '\n  <html><body>'],
  ['application/xml', '<?xml version="1.0"?><a/>'],
  // What has no mark of its own is text: a type is for the caller to name.
  ['text/plain', 'test file', '# Heading', 'a,b\n1,2', '{"a":1}', 'Текст', '€'.repeat(70_000)],
  ['text/plain', utf16, Buffer.from(utf16).swap16()],
  ['application/octet-stream', 'a\u0000b', Buffer.of(0xc3, 0x28), Buffer.alloc(100, 0xff)],
]

for (const [type, ...examples] of contents)
  test(`content is seen to be ${type}`, async () => {
    for (const example of examples) {
      const { mimeType } = await client.stored(example, { name: 'misleading.jpg' })
      assert.equal(mimeType, type, Buffer.from(example).subarray(0, 20).toString('latin1'))
    }
  })

test('a type that is given is kept as it is, and is the type of the download', async () => {
  const file = await client.stored('%PDF-1.7\n', { mimeType: 'text/Markdown; charset=UTF-8' })
  assert.equal(file.mimeType, 'text/Markdown; charset=UTF-8')
  const { headers } = await fetch(await client.url(file.id))
  assert.equal(headers.get('content-type'), 'text/Markdown; charset=UTF-8')
})
