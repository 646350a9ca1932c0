import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { openAsBlob } from 'node:fs'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { TestServer } from '../harness.ts'
import { bytesOf, refusal, sdks } from './mistral-sdk.ts'

const LIMIT = 3_000_000
const CONTENT = 'some bytes of a report'
const BYTES = new TextEncoder().encode(CONTENT)

let server: TestServer
let folder: string
let path: string

before(async () => {
  server = await TestServer.start({ ENTREPOT_MISTRAL_MAX_FILE_BYTES: String(LIMIT) })
  folder = await mkdtemp(join(tmpdir(), 'entrepot-sdk-'))
  path = join(folder, 'q3 report.pdf')
  await writeFile(path, CONTENT)
})
after(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

type Named = { fileName: string; content: ReadableStream<Uint8Array> | Blob | Uint8Array | ArrayBuffer }

/** What is sent, and the name and type that come of it. */
const ways: readonly (readonly [
  what: string,
  file: () => Promise<Named | Blob>,
  name: string,
  type: string,
])[] = [
  ['bytes', async () => ({ fileName: 'a.csv', content: BYTES }), 'a.csv', 'text/csv'],
  ['a Buffer', async () => ({ fileName: 'a.txt', content: Buffer.from(CONTENT) }), 'a.txt', 'text/plain'],
  [
    'an ArrayBuffer',
    async () => ({ fileName: 'a.json', content: new Uint8Array(BYTES).buffer }),
    'a.json',
    'application/json',
  ],
  [
    'a stream',
    async () => ({ fileName: 'stream.md', content: new Blob([CONTENT]).stream() }),
    'stream.md',
    'text/markdown',
  ],
  [
    'the stream of a file on disk',
    async () => {
      const handle = await open(path)
      return { fileName: 'q3 report.pdf', content: handle.readableWebStream({ autoClose: true }) as never }
    },
    'q3 report.pdf',
    'application/pdf',
  ],
  ['a Blob', async () => new Blob([CONTENT], { type: 'text/plain' }), 'blob', 'text/plain'],
  [
    'a File',
    async () => new File([CONTENT], 'notes.txt', { type: 'text/markdown' }),
    'notes.txt',
    'text/markdown',
  ],
  ['a File of no type', async () => new File([CONTENT], 'scan.png'), 'scan.png', 'image/png'],
  ['a file on disk as a Blob', () => openAsBlob(path), 'blob', 'text/plain'],
]

for (const sdk of sdks) {
  const what = (text: string) => `${sdk.version}: ${text}`

  test(what('every way to hand over a file keeps its bytes, its name and its type'), async () => {
    const client = sdk.clientOf(server)
    for (const [way, file, name, type] of ways) {
      const made = await client.files.upload({ file: await file(), purpose: 'ocr' })
      assert.deepEqual([made.filename, made.mimetype], [name, type], way)
      assert.equal(made.sizeBytes, BYTES.length)
      assert.equal(made.signature, hash('md5', CONTENT))
      assert.equal(String(await bytesOf(client, made.id)), CONTENT, way)
    }
  })

  test(what('names in any script are kept'), async () => {
    const client = sdk.clientOf(server)
    const names = [
      'отчёт 第3四半期 📄.pdf',
      'cafe\u0301.txt',
      '100%25 sure%.txt',
      'a; filename=b.txt',
      '.env',
      'README',
    ]
    for (const fileName of names) {
      const { id, filename } = await client.files.upload({ file: { fileName, content: BYTES } })
      assert.equal(filename, fileName)
      assert.equal((await client.files.retrieve({ fileId: id })).filename, fileName)
      const { data } = await client.files.list({ search: fileName })
      assert.deepEqual(data[0]?.id, id)
      const { url } = await client.files.getSignedUrl({ fileId: id })
      assert.equal(await (await fetch(url)).text(), CONTENT)
    }
  })

  test(what('an empty file, a small one, and one of exactly the limit come back as they were'), async () => {
    const client = sdk.clientOf(server)
    for (const size of [0, 1, 65_536, LIMIT]) {
      const content = randomBytes(size)
      const { id, sizeBytes } = await client.files.upload({
        file: { fileName: 'a.bin', content },
        purpose: 'ocr',
      })
      assert.equal(sizeBytes, size)
      assert.deepEqual(await bytesOf(client, id), content)
    }
  })

  test(what('one byte more than the limit is refused, and nothing of it is there'), async () => {
    const client = sdk.clientOf(server)
    const before = (await client.files.list({})).total
    for (const size of [LIMIT + 1, LIMIT + 2_000_000]) {
      const content = new Uint8Array(size)
      const error = await refusal(sdk, client.files.upload({ file: { fileName: 'large.bin', content } }))
      assert.deepEqual([error.statusCode, error.body], [413, '{"detail":"Request Entity Too Large"}'])
    }
    assert.equal((await client.files.list({})).total, before)
  })

  test(what('any purpose is taken and printed, and none is told by the name'), async () => {
    const client = sdk.clientOf(server)
    const upload = async (fileName: string, purpose?: string) =>
      client.files.upload({
        file: { fileName, content: new TextEncoder().encode('{"a":1}\n{"a":2}\n') },
        ...(purpose === undefined ? {} : { purpose: purpose as 'ocr' }),
      })
    const shown = async (fileName: string, purpose?: string) => {
      const { purpose: printed, sampleType, numLines } = await upload(fileName, purpose)
      return [printed, sampleType, numLines]
    }
    assert.deepEqual(await shown('a.jsonl', 'fine-tune'), ['fine-tune', 'instruct', 2])
    assert.deepEqual(await shown('a.jsonl', 'batch'), ['batch', 'batch_request', 2])
    assert.deepEqual(await shown('a.pdf', 'ocr'), ['ocr', 'ocr_input', 0])
    assert.deepEqual(await shown('a.mp3', 'audio'), ['audio', 'audio', 0])
    assert.deepEqual(await shown('a.txt', 'anything'), ['anything', 'ocr_input', 0])
    assert.deepEqual(await shown('a.jsonl'), ['fine-tune', 'instruct', 2])
    assert.deepEqual(await shown('a.txt'), ['ocr', 'ocr_input', 0])
  })

  if (!sdk.isNew) continue

  test(what('expiry and visibility are kept; null and absence are no expiry'), async () => {
    const client = sdk.clientOf(server)
    const file = { fileName: 'a.txt', content: BYTES }
    const kept = await client.files.upload({ file, expiry: 5, visibility: 'user' })
    assert.deepEqual([kept.expiresAt, kept.visibility], [kept.createdAt + 5 * 3600, 'user'])
    for (const more of [{}, { expiry: null }]) {
      const { expiresAt, visibility } = await client.files.upload({ file, ...more })
      assert.deepEqual([expiresAt, visibility], [null, 'workspace'])
    }
    server.clock.advance({ hours: 5 })
    const error = await refusal(sdk, client.files.retrieve({ fileId: kept.id }))
    assert.equal(error.statusCode, 404)
  })

  test(what('a URL lives as long as was asked for'), async () => {
    const client = sdk.clientOf(server)
    const { id } = await client.files.upload({ file: { fileName: 'a.txt', content: BYTES } })
    const { url } = await client.files.getSignedUrl({ fileId: id, expiry: 2 })
    server.clock.advance({ hours: 1 })
    assert.equal((await fetch(url)).status, 200)
    server.clock.advance({ hours: 1, seconds: 1 })
    assert.equal((await fetch(url)).status, 403)
    const deleted = await client.files.getSignedUrl({ fileId: id, expiry: 168 })
    await client.files.delete({ fileId: id })
    assert.equal((await fetch(deleted.url)).status, 404)
  })
}
