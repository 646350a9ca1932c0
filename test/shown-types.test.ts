import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import {
  type CompoundOptions,
  compoundOf,
  encoded,
  raw,
  SHEET,
  SLIDES,
  samples,
  transportStream,
  WORD,
  workbookOf,
  zipOf,
} from './file-samples.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient } from './lightfield-client.ts'
import { LlamaCloudClient, purposePart } from './llamacloud-client.ts'
import { YandexRest } from './yandex-rest.ts'

// What content shows, through both dialects that look at it.

const HEAD_BYTES = 64 * 1024

let server: TestServer
let llamacloud: LlamaCloudClient
let yandex: YandexRest
let lightfield: LightfieldClient

before(async () => {
  server = await TestServer.start()
  llamacloud = new LlamaCloudClient(server)
  yandex = new YandexRest(server)
  lightfield = new LightfieldClient(server)
})
after(() => server.stop())

/** The type of a file that is sent through LlamaCloud without one. */
async function typeThroughLlamaCloud(content: Buffer, filename = 'file'): Promise<string> {
  const part = { name: 'file', filename, content, type: 'application/octet-stream' }
  const { status, text, body } = await llamacloud.upload([part, purposePart('user_data')])
  assert.equal(status, 201, text)
  return (await lightfield.retrieve(body.id)).body.mimeType
}

async function assertShown(content: Buffer, type: string, what: string): Promise<void> {
  assert.equal((await yandex.stored(content, { name: 'misleading.jpg' })).mimeType, type, `${what}, Yandex`)
  assert.equal(await typeThroughLlamaCloud(content), type, `${what}, LlamaCloud`)
}

test('a workbook whose head ends anywhere in its last entry, or in its directory, is no mere ZIP', async () => {
  const small = workbookOf(Buffer.alloc(0)).length
  const sheets = [0, 900, HEAD_BYTES - small - 40]
  // So that the head ends in the directory, in the content types, and in the entries before.
  for (const behind of [20, 300, 700, 800, 900, 1000, 1100, 1300]) sheets.push(HEAD_BYTES - small + behind)
  for (const bytes of sheets)
    await assertShown(workbookOf(randomBytes(Math.max(0, bytes))), SHEET, `a sheet of ${bytes} bytes`)
})

test('a document is told by its folders where it says its type behind the head, with macros or without', async () => {
  const office = (...names: string[]) =>
    zipOf(
      { name: 'docProps/app.xml', content: '<x/>', packed: true },
      ...names.map((name) => ({ name, content: '<x/>', packed: true })),
      { name: 'media/image1.png', content: randomBytes(HEAD_BYTES) },
      { name: '[Content_Types].xml', content: '<x/>' },
    )
  await assertShown(office('word/document.xml'), WORD, 'Word')
  await assertShown(
    office('word/vbaProject.bin', 'word/document.xml'),
    'application/vnd.ms-word.document.macroenabled.12',
    'Word with macros',
  )
  await assertShown(
    office('xl/workbook.bin'),
    'application/vnd.ms-excel.sheet.binary.macroenabled.12',
    'binary',
  )
  await assertShown(zipOf({ name: 'xl/notes.txt', content: 'x' }), 'application/zip', 'a folder of that name')
})

test('an archive is no document for what is stored in it, nor one document the one that is embedded in it', async () => {
  const macros = zipOf(
    { name: '[Content_Types].xml', content: '<x/>' },
    { name: 'word/vbaProject.bin', content: 'x' },
  )
  const inner = [samples.docx, samples.xlsx, samples.epub, samples.apk, samples.kmz].map(
    ([content]) => content,
  )
  for (const size of ['in front', 'zip64', 'behind', 'behind, unsigned'] as const) {
    const stored = (name: string, content: string | Buffer) => ({ name, content, size })
    for (const content of [...inner, macros]) {
      const archive = zipOf(stored('readme.txt', 'x'), stored('inner', content), stored('end.txt', 'x'))
      await assertShown(archive, 'application/zip', size)
    }
    const marks = [stored('_rels/.rels', '<x/>'), stored('docProps/app.xml', '<x/>')]
    const slides = zipOf(
      ...marks,
      stored('ppt/embeddings/a.xlsx', samples.xlsx[0]),
      stored('ppt/presentation.xml', '<x/>'),
    )
    await assertShown(slides, SLIDES, size)
    const sheet = zipOf(...marks, stored('xl/embeddings/a.docm', macros), stored('xl/workbook.xml', '<x/>'))
    await assertShown(sheet, SHEET, size)
  }
})

const compounds: readonly (readonly [string, readonly string[], CompoundOptions, string])[] = [
  ['Word', ['WordDocument', '1Table'], {}, 'application/msword'],
  ['Excel', ['Workbook'], {}, 'application/vnd.ms-excel'],
  ['Excel 95', ['Book'], {}, 'application/vnd.ms-excel'],
  ['PowerPoint', ['Current User', 'PowerPoint Document'], {}, 'application/vnd.ms-powerpoint'],
  ['Outlook', ['__nameid_version1.0', '__properties_version1.0'], {}, 'application/vnd.ms-outlook'],
  ['Visio', ['VisioDocument'], {}, 'application/vnd.visio'],
  ['a class', ['Data'], { classId: '0b0d020000000000c000000000000046' }, 'application/vnd.ms-outlook'],
  ['an embedded object', ['WordDocument'], { embedded: ['Workbook'] }, 'application/msword'],
  ['an embedded object alone', ['Data'], { embedded: ['Workbook'] }, 'application/x-cfb'],
  ['nothing known', ['Data'], {}, 'application/x-cfb'],
]
test('files of old Office are told apart by their directory, be it in the head or far behind', async () => {
  for (const [what, streams, options, type] of compounds)
    for (const sizeBytes of [4096, HEAD_BYTES - 2560, HEAD_BYTES, 300_000])
      await assertShown(compoundOf(streams, { ...options, sizeBytes }), type, `${what}, ${sizeBytes} bytes`)
})

test('a file of old Office that was cut is known by its first stream, a broken one is read to no end', async () => {
  const cut = (start: string) => compoundOf(['Data'], { start: Buffer.from(start, 'hex') }).subarray(0, 2048)
  // The allocation table is in front of the streams here, as it may be.
  const withStream = (start: string) =>
    Buffer.concat([cut('').subarray(0, 512), Buffer.from(start, 'hex'), Buffer.alloc(512)])
  await assertShown(withStream('eca5c100'), 'application/msword', 'Word')
  await assertShown(withStream('0908100000060500'), 'application/vnd.ms-excel', 'Excel')
  const circle = compoundOf(['A', 'B'])
  const directory = circle.length - 512
  circle.writeUInt32LE(1, directory + 2 * 128 + 68)
  circle.writeUInt32LE(2, directory + 1 * 128 + 68)
  await assertShown(circle, 'application/x-cfb', 'a circle')
  for (const at of [30, 48]) {
    const broken = compoundOf(['Workbook'])
    broken.writeUInt16LE(0xffff, at)
    assert.match((await yandex.stored(broken)).mimeType, /^application\/(x-cfb|vnd\.ms-excel)$/)
  }
})

const texts: readonly (readonly [encoding: string, text: string])[] = [
  ['windows-1251', 'Договор поставки №5 от 12 мая.\r\nСтороны: «Рога и копыта» и Ёлкин.'],
  // Begins like a frame of MP3.
  ['windows-1251', 'явка с повинной'],
  ['windows-1251', 'ПРИКАЗ'],
  ['koi8-r', 'Привет, мир!'],
  ['ibm866', 'Привет, мир!'],
  ['windows-1252', 'Café crème à la carte – “señor”'],
  ['windows-1252', 'Größe: 5 m²'],
  ['windows-1250', 'Příliš žluťoučký kůň'],
  ['windows-1253', 'Ελληνικό κείμενο'],
  ['windows-1254', 'Türkçe şiğı'],
  ['windows-1255', 'שלום עולם'],
  ['windows-1256', 'مرحبا بالعالم'],
  ['windows-874', 'สวัสดีชาวโลก'],
  ['gb18030', '新建文本文档，你好！abc\r\n'],
  ['big5', '繁體中文測試'],
  ['shift_jis', 'こんにちは、世界'],
  ['euc-jp', '日本語のテキスト'],
  ['euc-kr', '안녕하세요 세계'],
]
test('a text is text in the encodings of before Unicode, and no charset is told that could only be guessed', async () => {
  for (const [encoding, text] of texts)
    await assertShown(encoded(text, encoding), 'text/plain', `${encoding}: ${text}`)
  const long = encoded('Длинный текст, который не помещается. '.repeat(3000), 'windows-1251')
  await assertShown(long, 'text/plain', 'long')
  const page = Buffer.concat([raw('<html><body>'), encoded('Привет', 'windows-1251')])
  await assertShown(page, 'text/html', 'a page')
})

test('a text is text in UTF-32 with its mark, and in UTF-16 without one', async () => {
  const words = 'Quarterly report, 2026\r\n'
  for (const text of [words, 'Привет, мир!\n', 'Ελληνικό κείμενο', words.repeat(3000)]) {
    const little = Buffer.from(text, 'utf16le')
    await assertShown(little, 'text/plain', `UTF-16LE: ${text.slice(0, 30)}`)
    await assertShown(Buffer.from(little).swap16(), 'text/plain', `UTF-16BE: ${text.slice(0, 30)}`)
    const wide = Buffer.from(
      Uint32Array.from([...`\ufeff${text}`], (letter) => letter.codePointAt(0) ?? 0).buffer,
    )
    await assertShown(wide, 'text/plain', `UTF-32LE: ${text.slice(0, 30)}`)
    await assertShown(Buffer.from(wide).swap32(), 'text/plain', `UTF-32BE: ${text.slice(0, 30)}`)
  }
})

test('numbers of two bytes or four are no text', async () => {
  const numbers = Uint16Array.from({ length: 300 }, (_, index) => index * 37)
  await assertShown(Buffer.from(numbers.buffer), 'application/octet-stream', 'numbers of two bytes')
  await assertShown(Buffer.from('00010000ffff', 'hex'), 'application/octet-stream', 'few of them')
  await assertShown(
    Buffer.from('fffe0000ffffffff', 'hex'),
    'application/octet-stream',
    'none that Unicode has',
  )
})

test('a Targa image is no icon', async () => {
  const targa = (size: string, bits: string) =>
    Buffer.from(`00000200000000000000${'0000'}${size}${bits}00ffeedd`, 'hex')
  await assertShown(targa('08000400', '18'), 'image/x-tga', 'true colour')
  await assertShown(targa('00010001', '20'), 'image/x-tga', '256 by 256 with transparency')
  await assertShown(targa('00000000', '18'), 'application/octet-stream', 'no size')
  await assertShown(raw('\0\0\x02\0\x01\0\x20\x20\0\0'), 'image/vnd.microsoft.icon', 'a cursor')
})

test('a text is text though it begins as some format does', async () => {
  for (const text of [
    'BMW, a list',
    'MZ is a surname',
    'ID3 tags',
    'GIF or PNG?',
    'BZh, said he',
    'MAC addresses',
    'FORM 27',
  ])
    await assertShown(Buffer.from(text), 'text/plain', text)
})

test('what is neither a text nor a known format stays unknown', async () => {
  const noise = Buffer.from(randomBytes(400).map((byte) => byte | 0x80))
  for (const content of [
    Buffer.alloc(100, 0xff),
    Buffer.of(0xc3, 0x28),
    raw('caf\xe9\0'),
    raw('\x01\x02 text \xe9'),
    noise,
  ])
    await assertShown(content, 'application/octet-stream', content.toString('hex', 0, 20))
})

test('a few bytes are of no format whose header they do not fill', async () => {
  const few = '00 0001 00010000 0001000000 000001 424d00 424d0000ff 4d5a00 1f9d 1fa0 c771 60ea ff0a fff1 fffb'
  for (const hex of few.split(' '))
    await assertShown(Buffer.from(hex, 'hex'), 'application/octet-stream', hex)
  const whole: readonly (readonly [string, string])[] = [
    ['0061736d01000000', 'application/wasm'],
    ['1f9d90', 'application/x-compress'],
    ['000100000001001000000000', 'font/ttf'],
    ['424d1a0000000000000016000000' + '0c00000001000100' + '01001800', 'image/bmp'],
    ['ffd8ffe0', 'image/jpeg'],
  ]
  for (const [hex, type] of whole) await assertShown(Buffer.from(hex, 'hex'), type, type)
})

test('a document is found behind blanks, for its readers do', async () => {
  for (const blanks of [' ', '\n', '\r\n\r\n', '\t  ', ' '.repeat(1000)]) {
    await assertShown(raw(`${blanks}%PDF-1.4\n%\xe2\xe3\xcf\xd3\0\n`), 'application/pdf', 'PDF')
    await assertShown(raw(`${blanks}%PDF-1.4\n1 0 obj\n`), 'application/pdf', 'PDF of text')
    await assertShown(raw(`${blanks}{\\rtf1\\ansi}`), 'application/rtf', 'RTF')
    await assertShown(raw(`${blanks}BEGIN:VCARD\r\n`), 'text/vcard', 'vCard')
  }
  await assertShown(raw('The mark of a PDF is %PDF-1.4.'), 'text/plain', 'a text about PDF')
  await assertShown(raw(' BM\0\0\0\0'), 'application/octet-stream', 'a bitmap has no blanks in front')
})

test('markup is known by its first element, behind declarations and comments', async () => {
  const types: readonly (readonly [string, string])[] = [
    ['<!-- a --><!DOCTYPE html><p>', 'text/html'],
    ['<svg xmlns="http://www.w3.org/2000/svg"/>', 'image/svg+xml'],
    ['<?xml version="1.0"?>\n<!-- a -->\n<!DOCTYPE svg PUBLIC "a" "b">\n<svg/>', 'image/svg+xml'],
    ['<?xml version="1.0"?><!DOCTYPE html PUBLIC "a" "b"><html/>', 'application/xhtml+xml'],
    ['<?xml version="1.0"?><feed/>', 'application/xml'],
    ['<p>A fragment</p>', 'text/plain'],
    ['html is what pages are made of', 'text/plain'],
  ]
  for (const [content, type] of types) await assertShown(Buffer.from(content), type, content)
})

test('an extension of two formats is the one that the content is', async () => {
  const cases: readonly (readonly [string, Buffer, string])[] = [
    ['a.ts', Buffer.from('export const a: number = 1\n'), 'application/typescript'],
    ['a.ts', transportStream, 'video/mp2t'],
    ['00001.MTS', transportStream, 'video/mp2t'],
    ['index.mts', Buffer.from('export {}\n'), 'application/typescript'],
    ['a.tsx', Buffer.from('<a/>'), 'application/typescript'],
    ['talk.key', zipOf({ name: 'Index/Document.iwa', content: 'x' }), 'application/vnd.apple.keynote'],
    ['server.key', Buffer.from('-----BEGIN PRIVATE KEY-----\n'), 'text/plain'],
    ['id_rsa.pub', Buffer.from('ssh-ed25519 AAAA me@host\n'), 'text/plain'],
    ['flyer.pub', compoundOf(['Quill']), 'application/x-mspublisher'],
    ['graph.dot', Buffer.from('digraph {}\n'), 'text/plain'],
    ['letter.dot', compoundOf(['WordDocument']), 'application/msword'],
  ]
  for (const [name, content, type] of cases)
    assert.equal(await typeThroughLlamaCloud(content, name), type, name)
})

test('a format is known though its end is missing', async () => {
  const cut = async (hex: string, type: string) =>
    assertShown(Buffer.concat([Buffer.from(hex, 'hex'), Buffer.alloc(HEAD_BYTES, 7)]), type, type)
  // The pages are described behind the head; a picture of the album is in front of the sound; so is a profile of colours.
  await cut('49492a0000000200', 'image/tiff')
  await cut('4d4d002a00020000', 'image/tiff')
  await cut('49443303000000050000', 'audio/mpeg')
  await cut('89504e470d0a1a0a0000000d4948445200000001000000010806000000000000000000fa0069434350', 'image/png')
})
