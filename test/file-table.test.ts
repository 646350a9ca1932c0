import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { inertType } from '../src/core/files/inert-type.ts'
import type { FileBody } from '../src/dialects/llamacloud/wire.ts'
import { samples } from './file-samples.ts'
import { fileTable, type Row } from './file-table.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient } from './lightfield-client.ts'
import { LlamaCloudClient, purposePart, urlOf } from './llamacloud-client.ts'
import { isLong } from './rounds.ts'
import { YandexRest } from './yandex-rest.ts'

const SAYS_NOTHING = 'application/octet-stream'
const AT_ONCE = 16

let server: TestServer
let lightfield: LightfieldClient
let llamacloud: LlamaCloudClient
let yandex: YandexRest

before(async () => {
  server = await TestServer.start({ ENTREPOT_LLAMACLOUD_EMPTY_FILES: 'on' })
  lightfield = new LightfieldClient(server)
  llamacloud = new LlamaCloudClient(server)
  yandex = new YandexRest(server)
})
after(() => server.stop())

/** What a file is told to be: the type that is kept, the extension, and what a client makes of its download. */
interface Told {
  readonly mimeType: string
  readonly extension: string | null
  readonly servedType: string | null
  readonly savedName: string
}

async function told(id: string, link: string): Promise<Told> {
  const { headers } = await fetch(link, { method: 'HEAD' })
  const [, name = ''] = /filename\*=UTF-8''(\S+)$/.exec(headers.get('content-disposition') ?? '') ?? []
  return {
    mimeType: (await lightfield.retrieve(id)).body.mimeType,
    extension: (await llamacloud.get<FileBody>(`/${id}`)).body.file_type,
    servedType: headers.get('content-type'),
    savedName: decodeURIComponent(name),
  }
}

async function throughLlamaCloud([filename, content, , , notes]: Row): Promise<Told> {
  const file = { name: 'file', filename, type: notes?.declared ?? SAYS_NOTHING, content: samples[content][0] }
  const { status, text, body } = await llamacloud.upload([file, purposePart('user_data')])
  assert.equal(status, 201, text)
  assert.equal(body.name, filename)
  return told(body.id, urlOf(body).url)
}

async function throughLightfield([filename, content, type, , notes]: Row): Promise<Told> {
  const fields = { filename, mimeType: notes?.declared ?? type }
  const { id } = await lightfield.stored(samples[content][0], fields)
  return told(id, await lightfield.link(id))
}

async function throughYandex([name, content]: Row): Promise<Told> {
  const { id } = await yandex.stored(samples[content][0], { name })
  return told(id, await yandex.url(id))
}

async function assertRow(row: Row): Promise<void> {
  const [name, content, type, extension, notes = {}] = row
  const savedName = notes.saved ?? name
  const expected = { mimeType: type, extension, servedType: inertType(type), savedName }
  const what = `${JSON.stringify(name)} as ${notes.declared ?? 'nothing'} with ${content}`
  assert.deepEqual(await throughLlamaCloud(row), expected, `${what}, LlamaCloud`)
  // Lightfield keeps what is declared, which it requires, and sees nothing of the content.
  if (samples[content][0].length === 0) return
  const mimeType = notes.declared ?? type
  const own = notes.lightfield === undefined ? extension : notes.lightfield
  const kept = { ...expected, mimeType, extension: own, servedType: inertType(mimeType) }
  assert.deepEqual(await throughLightfield(row), kept, `${what}, Lightfield`)
  // Yandex goes by the content alone, and its links serve whatever was seen.
  const shown = samples[content][1]
  const seen = await throughYandex(row)
  assert.deepEqual(
    [seen.mimeType, seen.servedType, seen.savedName],
    [shown, shown, savedName],
    `${what}, Yandex`,
  )
}

test('the files that people have get the type, extension and name for saving that people expect', async (t) => {
  assert.ok(fileTable.length >= 150)
  const rows = fileTable.filter((_, i) => isLong || i % 3 === 0)
  t.diagnostic(`${rows.length} of ${fileTable.length} files`)
  const worker = async () => {
    for (let row = rows.shift(); row !== undefined; row = rows.shift()) await assertRow(row)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
})

/** Contents that are no format with an extension of its own. */
const formless: readonly string[] = ['empty', 'bytes', 'compound', 'elf', 'hdf5']

test('whatever format content shows has an extension', async () => {
  for (const [name, [content, shown]] of Object.entries(samples)) {
    if (formless.includes(name)) continue
    const { id, mimeType } = await yandex.stored(content)
    assert.equal(mimeType, shown)
    assert.ok((await llamacloud.get<FileBody>(`/${id}`)).body.file_type, name)
  }
})
