import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { APIError, BadRequestError, toFile, UnprocessableEntityError } from '@llamaindex/llama-cloud'
import { TestServer } from '../harness.ts'
import { assertKeeps } from '../llamacloud-client.ts'
import { refusal, sdkFor } from './llamacloud-sdk.ts'

const CONTENT = 'some bytes of a report'
const LIMIT = 1000

let server: TestServer
let small: TestServer
let folder: string

before(async () => {
  server = await TestServer.start()
  small = await TestServer.start({ ENTREPOT_LLAMACLOUD_MAX_FILE_BYTES: String(LIMIT) })
  folder = await mkdtemp(join(tmpdir(), 'entrepot-sdk-'))
})
after(async () => {
  await Promise.all([server.stop(), small.stop()])
  await rm(folder, { recursive: true, force: true })
})

async function download(url: string | undefined): Promise<string> {
  const response = await fetch(url ?? '')
  assert.equal(response.status, 200)
  return response.text()
}

async function create(name: string, content = CONTENT, to = server) {
  return sdkFor(to).files.create({ file: await toFile(Buffer.from(content), name), purpose: 'user_data' })
}

test('a file on disk is created with its name, whatever folder it is in', async () => {
  const path = join(folder, 'q3 report.pdf')
  await writeFile(path, CONTENT)
  const file = await sdkFor(server).files.create({ file: createReadStream(path), purpose: 'parse' })
  assert.equal(file.name, 'q3 report.pdf')
  assert.equal(file.file_type, 'pdf')
  assert.equal(await download(file.download_url?.url), CONTENT)
})

test('a stream is created under the name it is given, or the SDK’s own', async () => {
  const client = sdkFor(server)
  const named = await toFile(Readable.from([Buffer.from('in two '), Buffer.from('chunks')]), 'stream.csv')
  const file = await client.files.create({ file: named, purpose: 'extract', external_file_id: 'a/b c' })
  assert.equal(file.name, 'stream.csv')
  assert.equal(file.external_file_id, 'a/b c')
  assert.equal(await download(file.download_url?.url), 'in two chunks')
  const nameless = await client.files.create({ file: await toFile(Buffer.from('x')), purpose: 'parse' })
  assert.equal(nameless.name, 'unknown_file')
  assert.equal(nameless.file_type, 'txt')
})

test('the answer to a fetch is a file, named after its address', async () => {
  const { download_url } = await create('source.csv')
  const response = await fetch(download_url?.url ?? '')
  const copy = await sdkFor(server).files.create({ file: response, purpose: 'sheet' })
  assert.deepEqual([copy.name, copy.file_type], ['source.csv', 'csv'])
  assert.equal(await download(copy.download_url?.url), CONTENT)
})

test('the SDK keeps the percent signs of an address, unless it is told a name', async () => {
  const { download_url } = await create('Übersicht 1.pdf')
  const get = () => fetch(download_url?.url ?? '')
  const { files } = sdkFor(server)
  const taken = await files.create({ file: await get(), purpose: 'parse' })
  assert.deepEqual([taken.name, taken.file_type], ['%C3%9Cbersicht%201.pdf', 'pdf'])
  const told = await files.create({ file: await toFile(await get(), 'Übersicht 1.pdf'), purpose: 'parse' })
  assert.equal(told.name, 'Übersicht 1.pdf')
})

test('a Buffer-backed File keeps its name, type and bytes', async () => {
  const bytes = Buffer.from([0, 13, 10, 45, 45, 255, 13, 10, 13, 10, 0])
  const file = await sdkFor(server).files.create({
    file: await toFile(bytes, 'no-extension', { type: 'image/png' }),
    purpose: 'classify',
  })
  assert.equal(file.name, 'no-extension')
  assert.equal(file.file_type, 'png')
  const response = await fetch(file.download_url?.url ?? '')
  assert.equal(response.headers.get('content-type'), 'image/png')
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), bytes)
})

test('every field of the answer is there, nulls included', async () => {
  const project = await server.app.services.metadata.listProjects()
  const file = await create('plain')
  assert.deepEqual(file, {
    id: file.id,
    name: 'plain',
    project_id: project[0]?.id,
    external_file_id: null,
    file_type: 'txt',
    last_modified_at: new Date(server.clock.now()).toISOString(),
    expires_at: null,
    purpose: 'user_data',
    download_url: {
      url: file.download_url?.url,
      expires_at: new Date(server.clock.now() + 3_600_000).toISOString(),
      form_fields: null,
    },
  })
  assert.match(file.id, /^dfl-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/)
})

for (const purpose of ['user_data', 'parse', 'extract', 'split', 'classify', 'sheet', 'agent_app']) {
  test(`the purpose ${purpose} is taken and given back`, async () => {
    const file = await sdkFor(server).files.create({ file: await toFile(Buffer.from('x'), 'x'), purpose })
    assert.equal(file.purpose, purpose)
  })
}

/** Names as given to the SDK, and the name of the file. */
const names: readonly (readonly [string, string, string, string])[] = [
  ['Unicode', 'отчёт 第3四半期 📄.pdf', 'отчёт 第3四半期 📄.pdf', 'pdf'],
  ['decomposed Unicode', 'cafe\u0301.txt', 'cafe\u0301.txt', 'txt'],
  ['quotes', `the "best" o'clock.md`, `the "best" o'clock.md`, 'md'],
  ['percent signs', '100%25 sure%.txt', '100%25 sure%.txt', 'txt'],
  ['semicolons and equals signs', 'a; filename=b.txt', 'a; filename=b.txt', 'txt'],
  ['a slash', '../../etc/passwd.txt', 'passwd.txt', 'txt'],
  ['backslashes', 'C:\\Users\\me\\plan.docx', 'plan.docx', 'docx'],
  ['a dot in front', '.env', '.env', 'txt'],
  ['an extension in capitals', 'SCAN.PDF', 'SCAN.PDF', 'pdf'],
]
for (const [what, sent, name, type] of names) {
  test(`a name with ${what} is kept as data`, async () => {
    const file = await create(sent)
    assert.equal(file.name, name)
    assert.equal(file.file_type, type)
    assert.equal((await sdkFor(server).files.retrieve(file.id)).name, name)
    const found = await sdkFor(server).files.list({ file_name: name })
    assert.ok(found.items.some(({ id }) => id === file.id))
  })
}

test('a name may have 3000 characters and no more', async () => {
  const longest = `${'ü'.repeat(2996)}.txt`
  assert.equal((await create(longest)).name, longest)
  // As many bytes as such a name can have, and escaped quotes, which triple on the way.
  for (const name of ['📄'.repeat(3000), '"'.repeat(3000)]) assert.equal((await create(name)).name, name)
  const error = await refusal(create(`x${longest}`), UnprocessableEntityError)
  assert.deepEqual(error.error, {
    detail: [
      {
        type: 'string_too_long',
        loc: ['body', 'file'],
        msg: 'String should have at most 3000 characters',
        ctx: { max_length: 3000 },
      },
    ],
  })
})

test('what the SDK sends without a part for the file is none: an unnamed Blob, a Buffer', async () => {
  const wrong: readonly unknown[] = [new Blob(['x']), Buffer.from('xy')]
  for (const file of wrong) {
    const call = sdkFor(server).files.create({ file: file as Blob as File, purpose: 'parse' })
    const error = await refusal(call, UnprocessableEntityError)
    assert.deepEqual(error.error, {
      detail: [{ type: 'missing', loc: ['body', 'file'], msg: 'Field required', input: null }],
    })
  }
})

test('a text is a file without a name, as the bytes are that the Python SDK sends without one', async () => {
  const file = 'a text' as unknown as File
  const { id, name } = await sdkFor(server).files.create({ file, purpose: 'parse' })
  assert.equal(name.replace(/\.\w+$/, ''), id.slice('dfl-'.length))
})

test('an empty file and an unknown purpose are refused', async () => {
  const empty = await refusal(create('empty.txt', '', small), BadRequestError)
  assert.deepEqual(empty.error, { detail: 'Uploaded file is empty' })
  const file = await toFile(Buffer.from('x'), 'x.txt')
  const call = sdkFor(small).files.create({ file, purpose: 'purposes' })
  const error = await refusal(call, UnprocessableEntityError)
  const expected = "'user_data', 'parse', 'extract', 'split', 'classify', 'sheet' or 'agent_app'"
  assert.deepEqual(error.error, {
    detail: [
      {
        type: 'enum',
        loc: ['body', 'purpose'],
        msg: `Input should be ${expected}`,
        input: 'purposes',
        ctx: { expected },
      },
    ],
  })
  await assertKeeps(small, 0)
})

test('a file of the limit fits, one byte more is told the limit', async () => {
  const fitting = await create('fits.bin', 'x'.repeat(LIMIT), small)
  assert.equal((await download(fitting.download_url?.url)).length, LIMIT)
  for (const bytes of [LIMIT + 1, LIMIT + 2 * 1024 * 1024]) {
    const error = await refusal(create('large.bin', 'x'.repeat(bytes), small), APIError)
    assert.equal(error.status, 413)
    assert.deepEqual(error.error, { detail: `File exceeds the maximum upload size of ${LIMIT} bytes` })
  }
  await sdkFor(small).files.delete(fitting.id)
})
