import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { fileIdForms, parseFileId } from '../src/dialects/all.ts'
import type { FileBody } from '../src/dialects/llamacloud/wire.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient, md5Of, ok, putBytes } from './lightfield-client.ts'
import { filePart, LlamaCloudClient, purposePart, urlOf } from './llamacloud-client.ts'
import { settledUsage } from './usage.ts'

const CONTENT = 'one file, two flags'

let server: TestServer
let llama: LlamaCloudClient
let field: LightfieldClient

beforeEach(async () => {
  server = await TestServer.start()
  llama = new LlamaCloudClient(server)
  field = new LightfieldClient(server)
})
afterEach(() => server.stop())

/** The same id as another dialect prints it. */
function as(form: string, id: string): string {
  const parsed = parseFileId(id)
  assert.ok(parsed !== undefined)
  return fileIdForms.get(form)?.print(parsed) ?? assert.fail(form)
}

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url)
  await response.arrayBuffer()
  return response.status
}

async function bodyOf(url: string): Promise<string> {
  const response = await fetch(url)
  assert.equal(response.status, 200)
  return response.text()
}

/** The names that LlamaCloud lists, by list and by query alike. */
async function namesInLlamaCloud(): Promise<string[]> {
  const listed = (await llama.get<{ items: FileBody[] }>('')).body.items.map(({ name }) => name)
  const { body } = await llama.query()
  assert.deepEqual(
    body.items.map(({ name }) => name),
    listed,
  )
  assert.equal(body.total_size, listed.length)
  return listed
}

test('a file made through LlamaCloud is listed, shown and downloaded through Lightfield', async () => {
  const made = await llama.stored(CONTENT, 'from llamacloud ü.pdf', { external_file_id: 'x/1' })
  const id = as('lightfield', made.id)
  const file = ok(await field.retrieve(id))
  const now = new Date(server.clock.now()).toISOString()
  assert.deepEqual(file, {
    ...file,
    id,
    filename: 'from llamacloud ü.pdf',
    mimeType: 'text/plain',
    sizeBytes: CONTENT.length,
    status: 'COMPLETED',
    createdAt: now,
    completedAt: now,
  })
  assert.deepEqual(ok(await field.list()).data, [file])
  assert.equal(await bodyOf(await field.link(id)), CONTENT)
  const etagOf = async (url: string) => (await fetch(url, { method: 'HEAD' })).headers.get('etag')
  assert.equal(await etagOf(await field.link(id)), await etagOf(urlOf(made).url))
  // It is whole already: completing it again changes nothing, and cancelling is too late.
  assert.deepEqual(ok(await field.complete(id)), file)
  assert.deepEqual(ok(await field.complete(id, { md5: md5Of(CONTENT) })), file)
  assert.equal((await field.cancel(id)).status, 409)
  await llama.delete(made.id)
})

test('a file made through Lightfield is listed, shown and downloaded through LlamaCloud', async () => {
  const made = await field.stored(CONTENT, { filename: 'from lightfield.txt', mimeType: 'text/plain' })
  const id = as('llamacloud', made.id)
  const { status, body } = await llama.get<FileBody>(`/${id}?expand=download_url`)
  assert.equal(status, 200)
  assert.deepEqual(body, {
    id,
    name: 'from lightfield.txt',
    project_id: body.project_id,
    external_file_id: null,
    file_type: 'txt',
    last_modified_at: new Date(server.clock.now()).toISOString(),
    expires_at: null,
    purpose: null,
    download_url: body.download_url,
  })
  assert.equal(await bodyOf(urlOf(body).url), CONTENT)
  assert.deepEqual(await namesInLlamaCloud(), ['from lightfield.txt'])
  await llama.delete(id)
})

test('a pending upload is nowhere in LlamaCloud until it is completed', async () => {
  const upload = await field.staged(CONTENT, { filename: 'pending.txt' })
  const id = as('llamacloud', upload.id)
  const unseen = async () => {
    assert.deepEqual(await namesInLlamaCloud(), [])
    assert.equal((await llama.get(`?file_ids=${id}`)).text.includes(id), false)
    for (const path of ['', '/content']) assert.equal((await llama.get(`/${id}${path}`)).status, 404)
    assert.equal((await llama.delete(id)).status, 404)
  }
  await unseen()
  assert.equal((await putBytes(upload, CONTENT.toUpperCase())).status, 200)
  await unseen()
  ok(await field.complete(upload.id))
  assert.deepEqual(await namesInLlamaCloud(), ['pending.txt'])
  assert.equal((await llama.delete(id)).status, 204)
})

test('an upload that is cancelled or over never shows in LlamaCloud', async () => {
  const cancelled = await field.cancelled()
  const lapsed = await field.staged()
  server.clock.advance({ hours: 25 })
  for (const { id } of [cancelled, lapsed]) {
    assert.equal((await llama.get(`/${id}`)).status, 404)
    assert.equal((await llama.delete(id)).status, 404)
  }
  assert.deepEqual(await namesInLlamaCloud(), [])
})

test('deleting in LlamaCloud ends every id and link in Lightfield at once', async () => {
  const upload = await field.staged(CONTENT)
  const fromField = ok(await field.complete(upload.id))
  const fromLlama = await llama.stored(CONTENT)
  const listedBefore = ok(await field.list()).totalCount
  for (const anyId of [fromField.id, fromLlama.id]) {
    const id = as('lightfield', anyId)
    const link = await field.link(id)
    assert.equal(await bodyOf(link), CONTENT)
    assert.equal((await llama.delete(as('llamacloud', id))).status, 204)
    assert.equal(await statusOf(link), 404)
    const never = await field.retrieve('fil_0000000000000000000000000')
    for (const answer of [
      await field.retrieve(id),
      await field.url(id),
      await field.complete(id),
      await field.cancel(id),
    ]) {
      assert.deepEqual([answer.status, answer.text], [404, never.text])
    }
    assert.equal((await llama.delete(id)).status, 404)
  }
  assert.equal((await putBytes(upload, CONTENT)).status, 404)
  assert.equal(ok(await field.list()).totalCount, listedBefore - 2)
})

test('the end that LlamaCloud sets is the end in Lightfield too', async () => {
  const { body } = await llama.upload([purposePart('parse'), filePart(CONTENT)])
  const id = as('lightfield', body.id)
  server.clock.advance({ hours: 48, ms: -1 })
  const link = await field.link(id)
  assert.equal(await bodyOf(link), CONTENT)
  assert.ok(ok(await field.list()).data.some((file) => file.id === id))
  server.clock.advance({ ms: 1 })
  assert.equal((await field.retrieve(id)).status, 404)
  assert.equal((await field.url(id)).status, 404)
  assert.ok([403, 404].includes(await statusOf(link)))
  assert.ok(!ok(await field.list()).data.some((file) => file.id === id))
})

test('either takes an id in any form and prints its own', async () => {
  const { id } = await llama.stored(CONTENT)
  for (const form of fileIdForms.keys()) {
    const text = as(form, id)
    // Some have a slash.
    const path = encodeURIComponent(text)
    assert.equal(ok(await field.retrieve(path)).id, as('lightfield', id))
    assert.equal((await llama.get<FileBody>(`/${path}`)).body.id, id)
    assert.equal((await llama.query({ filter: { file_ids: [text] } })).body.total_size, 1)
    const link = await llama.get<{ url: string }>(`/${path}/content`)
    assert.equal(await bodyOf(link.body.url), CONTENT)
  }
  assert.equal((await llama.delete(as('yandex', id))).status, 204)
})

test('neither shows the other what belongs to another tenant', async () => {
  const tenant = await server.newTenant('neighbour')
  const { id } = await new LlamaCloudClient(server, tenant.key).stored(CONTENT)
  const theirs = await new LightfieldClient(server, tenant.key).stored(CONTENT)
  assert.equal((await field.retrieve(as('lightfield', id))).status, 404)
  assert.equal((await llama.get(`/${theirs.id}`)).status, 404)
  assert.equal((await llama.delete(theirs.id)).status, 404)
})

test('both listings agree on what there is, and the counters on what it takes', async () => {
  const made = [await llama.stored('a', 'a'), await llama.stored('bb', 'b')]
  server.clock.advance({ seconds: 1 })
  const newest = await field.stored('ccc', { filename: 'c' })
  await field.pending({ filename: 'd' })
  const listed = (await llama.query()).body.items.map(({ id }) => as('lightfield', id))
  assert.equal(listed[0], newest.id)
  const completed = ok(await field.list()).data.filter(({ status }) => status === 'COMPLETED')
  assert.deepEqual(
    completed.map(({ id }) => id),
    listed,
  )
  for (const { id } of [...made, newest]) await llama.delete(id)
  await settledUsage(server)
})
