import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { TestServer } from '../harness.ts'
import { assertKeeps } from '../llamacloud-client.ts'
import { classOf, type FilesApi, ways } from './anthropic-sdk.ts'
import { refusal } from './llamacloud-sdk.ts'

const LIMIT = 1000
/** What parsers of text would alter. */
const BYTES = Buffer.from([0, 13, 10, 45, 45, 255, 254, 13, 10, 13, 10, 0])

let server: TestServer
let small: TestServer
let folder: string

before(async () => {
  server = await TestServer.start()
  small = await TestServer.start({ ENTREPOT_ANTHROPIC_MAX_FILE_BYTES: String(LIMIT) })
  folder = await mkdtemp(join(tmpdir(), 'entrepot-sdk-'))
})
after(async () => {
  await Promise.all([server.stop(), small.stop()])
  await rm(folder, { recursive: true, force: true })
})

async function contentOf(files: FilesApi, id: string): Promise<Buffer> {
  return Buffer.from(await (await files.download(id)).arrayBuffer())
}

for (const way of ways) {
  const { toFile } = way

  test(`${way.name}: every field is there, in the shape that was asked for`, async () => {
    const files = way.open(server)
    const file = await files.upload({ file: await toFile(BYTES, 'a.bin'), expires_in_seconds: 7200 })
    const now = server.clock.now()
    const timeOf = (ms: number) => new Date(ms).toISOString().replace('Z', '000Z')
    assert.deepEqual(
      { ...file },
      {
        type: 'file',
        id: file.id,
        filename: 'a.bin',
        mime_type: 'application/octet-stream',
        size_bytes: BYTES.length,
        created_at: timeOf(now),
        downloadable: true,
        ...(way.isBeta ? {} : { expires_at: timeOf(now + 7_200_000) }),
      },
    )
    assert.deepEqual({ ...(await files.retrieveMetadata(file.id)) }, { ...file })
    const answer = await files.download(file.id)
    assert.equal(answer.headers.get('content-type'), 'application/octet-stream')
  })

  test(`${way.name}: a file may come as any kind of source`, async () => {
    const files = way.open(server)
    const path = join(folder, 'q3 report.pdf')
    await writeFile(path, BYTES)
    const origin = await way.open(server).upload({ file: await toFile(BYTES, 'source.csv') })
    const fetched = await fetch(`${server.url}/anthropic/v1/files/${origin.id}/content`, {
      headers: { 'x-api-key': server.key },
    })
    const chunks = [BYTES.subarray(0, 5), BYTES.subarray(5)]
    /** The source, and the name of its file. */
    const sources: readonly (readonly [unknown, string])[] = [
      [createReadStream(path), 'q3 report.pdf'],
      [await toFile(createReadStream(path)), 'q3 report.pdf'],
      [await toFile(Readable.from(chunks), 'stream.csv'), 'stream.csv'],
      [await toFile(BYTES, 'buffer.txt'), 'buffer.txt'],
      [await toFile(Uint8Array.from(BYTES), 'array.txt'), 'array.txt'],
      [new File([BYTES], 'file.json', { type: 'application/json' }), 'file.json'],
      [fetched, 'content'],
    ]
    for (const [file, name] of sources) {
      const { id, filename, size_bytes: size } = await files.upload({ file })
      assert.deepEqual([filename, size], [name, BYTES.length])
      assert.deepEqual(await contentOf(files, id), BYTES)
    }
  })

  test(`${way.name}: what has no name keeps its bytes`, async () => {
    const files = way.open(server)
    const blobs = [new Blob([BYTES], { type: 'application/pdf' }), new Blob([BYTES])]
    const isOlder = way.name.includes('0.71.2')
    const BadRequest = classOf(way, 'BadRequestError')
    assert.ok(BadRequest)
    // It sends no part for them.
    if (isOlder) for (const file of blobs) await refusal(files.upload({ file }), BadRequest)
    const sources: readonly unknown[] = [
      ...(isOlder ? [] : blobs),
      new File([BYTES], ''),
      await toFile(BYTES),
      await toFile(Readable.from([BYTES])),
    ]
    for (const file of sources) {
      const { id, filename } = await files.upload({ file })
      assert.match(filename, /^(unnamed(\.\w+)?|unknown_file)$/)
      assert.deepEqual(await contentOf(files, id), BYTES)
    }
  })

  /** Names as given to the SDK, and the name of the file. */
  const names: readonly (readonly [string, string])[] = [
    ['отчёт 第3四半期 📄.pdf', 'отчёт 第3四半期 📄.pdf'],
    ['cafe\u0301.txt', 'cafe\u0301.txt'],
    [`the "best" o'clock.md`, `the "best" o'clock.md`],
    ['100%25 sure%.txt', '100%25 sure%.txt'],
    ['a; filename=b.txt', 'a; filename=b.txt'],
    ['a/b/report: final.txt', 'report: final.txt'],
    ['C:\\Users\\me\\plan.docx', 'plan.docx'],
    ['.env', '.env'],
  ]
  test(`${way.name}: a name is data`, async () => {
    const files = way.open(server)
    for (const [sent, kept] of names) {
      const { id, filename } = await files.upload({ file: new File([BYTES], sent) })
      assert.equal(filename, kept)
      assert.equal((await files.retrieveMetadata(id)).filename, kept)
    }
    const BadRequest = classOf(way, 'BadRequestError')
    assert.ok(BadRequest)
    await refusal(files.upload({ file: new File([BYTES], 'x'.repeat(501)) }), BadRequest)
  })

  test(`${way.name}: an empty file is one, and a file of the limit, and no byte more`, async () => {
    const files = way.open(small)
    const upload = async (bytes: number) => files.upload({ file: await toFile(Buffer.alloc(bytes), 'x.bin') })
    for (const bytes of [0, LIMIT]) {
      const { id, size_bytes: size } = await upload(bytes)
      assert.equal(size, bytes)
      assert.equal((await contentOf(files, id)).length, bytes)
      await files.delete(id)
    }
    const TooLarge = classOf(way, 'ContentTooLargeError') ?? classOf(way, 'APIError')
    assert.ok(TooLarge)
    for (const bytes of [LIMIT + 1, LIMIT + 2 * 1024 * 1024]) {
      const error: Error & { status?: number } = await refusal(upload(bytes), TooLarge)
      assert.equal(error.status, 413)
    }
    await assertKeeps(small, 0)
  })

  test(`${way.name}: 20 MiB come back as they went, from memory and from a stream`, async () => {
    const files = way.open(server)
    const pieces = Array.from({ length: 20 }, (_, index) => Buffer.alloc(1024 * 1024, index))
    for (const file of [new File(pieces, 'large.bin'), await toFile(Readable.from(pieces), 'large.bin')]) {
      const { id } = await files.upload({ file })
      assert.deepEqual(await contentOf(files, id), Buffer.concat(pieces))
      await files.delete(id)
    }
  })

  test(`${way.name}: a base URL may be that of the server or the dialect`, async () => {
    for (const baseURL of [server.url, `${server.url}/`, `${server.url}/anthropic`]) {
      const files = way.open(server, { baseURL })
      const { id } = await files.upload({ file: await toFile(BYTES, 'x.bin') })
      assert.deepEqual(await contentOf(files, id), BYTES)
      await files.delete(id)
    }
  })

  test(`${way.name}: a key goes as an API key or as an auth token`, async () => {
    const { key } = server
    for (const credentials of [{ apiKey: key }, { apiKey: null, authToken: key }])
      assert.ok((await way.open(server, credentials).list({ limit: 1 })).data)
  })

  test(`${way.name}: a workspace is a project of the key`, async (t) => {
    if (way.name.includes('0.71.2')) return t.skip('only newer SDKs have the parameter')
    const files = way.open(server)
    const file = await files.upload({ file: await toFile(BYTES, 'x.bin'), workspace_id: 'default' })
    const Forbidden = classOf(way, 'PermissionDeniedError')
    assert.ok(Forbidden)
    await refusal(files.retrieveMetadata(file.id, { workspace_id: 'wrkspc_other' }), Forbidden)
    const { id } = await files.delete(file.id, { workspace_id: 'default' })
    assert.equal(id, file.id)
  })
}
