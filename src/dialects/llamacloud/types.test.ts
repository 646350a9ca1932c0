import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { LightfieldClient } from '../../../test/lightfield-client.ts'
import { LlamaCloudClient, purposePart, urlOf } from '../../../test/llamacloud-client.ts'
import type { FileBody } from './wire.ts'

let server: TestServer
let client: LlamaCloudClient
let lightfield: LightfieldClient

before(async () => {
  server = await TestServer.start()
  client = new LlamaCloudClient(server)
  lightfield = new LightfieldClient(server)
})
after(() => server.stop())

const PDF = '%PDF-1.7\n'
const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex')
const JUST_BYTES = 'application/octet-stream'

interface Sent {
  readonly filename: string
  readonly type?: string | undefined
  readonly content: string | Buffer
}

/** The type of the download and `file_type` of a file that was sent like this. */
async function typesOf({ type, ...part }: Sent): Promise<[string | null, string | null]> {
  const typed = { name: 'file', ...part, ...(type === undefined ? {} : { type }) }
  const { status, text, body } = await client.upload([typed, purposePart('user_data')])
  assert.equal(status, 201, text)
  const { headers } = await fetch(urlOf(body).url, { method: 'HEAD' })
  return [headers.get('content-type'), body.file_type]
}

/** What is declared, named and sent; the type of the download and the `file_type`. */
const types: readonly (readonly [
  string,
  string | undefined,
  string,
  string | Buffer,
  string,
  string | null,
])[] = [
  ['a type that is declared', 'text/csv', 'table', 'a,b', 'text/csv', 'csv'],
  ['a type that is declared', 'text/plain', 'report.pdf', PDF, 'text/plain', 'pdf'],
  [
    'a type with a parameter',
    'application/pdf; charset=binary',
    'report',
    PDF,
    'application/pdf; charset=binary',
    'pdf',
  ],
  [
    'a type that is declared, against name and bytes',
    'application/pdf',
    'a.txt',
    PNG,
    'application/pdf',
    'txt',
  ],
  ['the type of the extension', JUST_BYTES, 'a.md', PNG, 'text/markdown', 'md'],
  ['the type of the extension', undefined, 'a.json', '{}', 'application/json', 'json'],
  ['the type of the bytes', JUST_BYTES, 'picture', PNG, 'image/png', 'png'],
  ['the type of the bytes', undefined, 'picture', PNG, 'image/png', 'png'],
  ['the type of text', undefined, 'README', 'text', 'text/plain', 'txt'],
  ['no type', JUST_BYTES, 'data', 'a\0b', JUST_BYTES, null],
  ['no type', JUST_BYTES, 'firmware.bin', PDF, JUST_BYTES, 'bin'],
  ['an extension that no table knows', JUST_BYTES, 'x.unheard-of', 'text', 'text/plain', 'unheard-of'],
  ['an extension that no table knows', JUST_BYTES, 'data.xyz123', PDF, 'application/pdf', 'xyz123'],
  [
    'an extension that is also where names of hosts end',
    JUST_BYTES,
    'graph.net',
    'text',
    'text/plain',
    'net',
  ],
  ['the last of two extensions', 'application/pdf', 'report.pdf.EXE', PDF, 'application/pdf', 'exe'],
  ['the last of two extensions', undefined, 'a.tar.GZ', 'x', 'application/gzip', 'gz'],
]
for (const [what, type, filename, content, mimeType, fileType] of types) {
  test(`a file ${filename} of ${type ?? 'no declared type'} has ${what}`, async () => {
    assert.deepEqual(await typesOf({ filename, type, content }), [mimeType, fileType])
  })
}

/** What programs declare that know no type. */
const nothing = [
  undefined,
  '',
  JUST_BYTES,
  'application/octet-stream; charset=binary',
  'Application/Octet-Stream;charset=utf-8',
  'binary/octet-stream',
  'application/octetstream',
  'application/x-download',
  'application/download',
  'application/force-download',
  'application/x-force-download',
  'application/unknown',
  'application/x-unknown',
  'application/x-unknown-content-type',
  'unknown/unknown',
  'content/unknown',
  'application/binary',
  'application/x-binary',
  'application/data',
  'application/file',
  'application/stream',
  'application/x-empty',
  'inode/x-empty',
  'inode/directory',
  'file/unknown',
  'image/unknown',
  'text/unknown',
  'x-application/octet-stream',
  'multipart/form-data',
  'application/x-www-form-urlencoded',
  'undefined',
  'null',
  'pdf',
  '.pdf',
  '*/*',
  'image/*',
  'application/',
]
test('a type that says nothing is none: the name decides, then the content', async () => {
  for (const type of nothing)
    for (const filename of ['report', 'report.pdf'])
      assert.deepEqual(await typesOf({ filename, type, content: PDF }), ['application/pdf', 'pdf'], `${type}`)
})

/** Types with the extension that people use for them, whatever tables list first. */
const usual: Readonly<Record<string, string>> = {
  'application/epub+zip': 'epub',
  'application/gzip': 'gz',
  'application/msword': 'doc',
  'application/pdf': 'pdf',
  'application/postscript': 'ps',
  'application/vnd.apache.parquet': 'parquet',
  'application/vnd.ms-excel': 'xls',
  'application/vnd.ms-outlook': 'msg',
  'application/vnd.ms-powerpoint': 'ppt',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation': 'pptx',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.oasis.opendocument.text': 'odt',
  'application/vnd.rar': 'rar',
  'application/vnd.sqlite3': 'sqlite',
  'application/x-7z-compressed': '7z',
  'application/x-mobipocket-ebook': 'mobi',
  'application/x-pdf': 'pdf',
  'application/x-sqlite3': 'sqlite',
  'application/x-x509-ca-cert': 'crt',
  'application/x-yaml': 'yaml',
  'application/x-zip-compressed': 'zip',
  'application/zstd': 'zst',
  'audio/aac': 'aac',
  'audio/aiff': 'aiff',
  'audio/flac': 'flac',
  'audio/midi': 'mid',
  'audio/mp3': 'mp3',
  'audio/mpeg': 'mp3',
  'audio/mp4': 'm4a',
  'audio/ogg': 'ogg',
  'audio/x-flac': 'flac',
  'audio/x-wav': 'wav',
  'image/jpeg': 'jpg',
  'image/jpg': 'jpg',
  'image/svg+xml': 'svg',
  'image/tiff': 'tif',
  'message/rfc822': 'eml',
  'text/html; charset=utf-8': 'html',
  'text/markdown': 'md',
  'text/plain': 'txt',
  'text/vcard': 'vcf',
  'text/x-python': 'py',
  'text/x-vcard': 'vcf',
  'video/mp2t': 'ts',
  'video/mp4': 'mp4',
  'video/mpeg': 'mpg',
  'video/matroska': 'mkv',
  'video/quicktime': 'mov',
  'video/vnd.avi': 'avi',
  'video/x-matroska': 'mkv',
  'video/x-msvideo': 'avi',
}
test('a file without an extension has the one that people use for its type', async () => {
  for (const [type, extension] of Object.entries(usual))
    assert.deepEqual(
      await typesOf({ filename: 'file', type, content: 'x' }).then(([, of]) => of),
      extension,
      type,
    )
})

const notExtensions = [
  'Report v1.2 final',
  'supplemental Letter (H.K.) Limited',
  'Dr. Smith notes',
  'Letter to J.R',
  'Contract U.S.',
  'Meeting 12.05.2024',
  'invoice №5. Договор',
  'Акт.сверки',
  'Letter from Dr.Smith',
  `a.${'x'.repeat(500)}`,
  'https://host.example/v1.2/report',
  'S.A.',
  'S.A',
  'www.example.com',
  'www.example.de',
  'WWW.EXAMPLE.COM',
  'Learning ASP.NET',
  'ASP.NET',
]
const withExtension = [
  'a.pdf?X-Amz-Expires=3.6',
  'report.pdf?sig=1',
  'report.pdf?file=setup.exe',
  'report.pdf#page=2',
  'report.pdf#section',
  'report.pdf;v=1',
  'report.pdf ',
  'report.pdf\u00a0',
  'report.pdf\u3000',
  'report.pdf\u200b',
  'report.pdf\u200e',
  'report.pdf\ufeff',
  'report.pdf.',
  'report.pdf (1)',
  'report.pdf(2) ',
  'report.pdf~',
  'report.pdf.part',
  'report.pdf.crdownload',
  'report.pdf.bak',
  'REPORT.PDF',
  'What is 2.5?.pdf',
  'C#.pdf',
  'x.pdf%3Fsig=1',
  'x.pdf%3fsig%3D1',
  'x.pdf%23page',
  'report.pdf - Copy',
  'report.pdf - Copy (2)',
  'report.pdf - Kopie',
  'report.pdf copy',
  'report.pdf copy 2',
  'report.pdf - копия',
  'report.pdf[1]',
  'report.pdf_1',
  'www.example.com.pdf',
]
test('a tail that is no extension leaves the type to what is declared', async () => {
  for (const filename of notExtensions)
    assert.deepEqual(
      await typesOf({ filename, type: 'application/pdf', content: PDF }),
      ['application/pdf', 'pdf'],
      filename,
    )
})

test('an extension is found with blanks, marks, a number or the rest of a URL behind it, and the name stays', async () => {
  for (const filename of withExtension) {
    const { body } = await client.upload([{ name: 'file', filename, content: PNG }, purposePart('user_data')])
    assert.equal(body.name, filename)
    assert.equal(body.file_type, 'pdf', filename)
  }
})

test('a file of another dialect has the extension of its name, or of its type, too', async () => {
  const about = async (filename: string, mimeType: string): Promise<FileBody> => {
    const { id } = await lightfield.stored('x', { filename, mimeType })
    return (await client.get<FileBody>(`/${id}`)).body
  }
  assert.equal((await about('https://h.example/d/report.pdf?sig=1', 'text/plain')).file_type, 'pdf')
  assert.equal((await about('Report v1.2 final', 'audio/mpeg')).file_type, 'mp3')
  assert.equal((await about('song', 'Audio/MPEG; rate=1')).file_type, 'mp3')
  assert.equal((await about('data', 'application/octet-stream; charset=binary')).file_type, null)
})
