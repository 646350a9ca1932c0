/** Small files, whose bytes the database holds: they are like all others to every client, and leave nothing beside their rows. */
import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import type { Environment } from '../src/config/setting.ts'
import { parseFileId } from '../src/dialects/all.ts'
import { fileIds as lightfieldIds } from '../src/dialects/lightfield/ids.ts'
import { fileIds as llamacloudIds } from '../src/dialects/llamacloud/ids.ts'
import { fileIds as yandexIds } from '../src/dialects/yandex/ids.ts'
import { TestServer } from './harness.ts'
import { keptBodies } from './kept-bodies.ts'
import { exchange, LightfieldClient, md5Of, ok, putBytes } from './lightfield-client.ts'
import { BOUNDARY, filePart, formOf, LlamaCloudClient, purposePart } from './llamacloud-client.ts'
import { runJobs } from './run-jobs.ts'
import { setQuota, settledUsage, usageNow } from './usage.ts'
import { withGrpc, YandexClient } from './yandex-client.ts'
import { base64Of, YandexRest } from './yandex-rest.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const FORM_TYPE = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }

/** Where `upload_from_url` fetches from. */
let origin: Server
let sent: Uint8Array = new Uint8Array()
let settings: Environment
let server: TestServer
/** Keeps the same files as blobs. */
let other: TestServer

before(async () => {
  origin = createServer((_request, response) => response.end(sent)).listen(0, '127.0.0.1')
  await once(origin, 'listening')
  settings = {
    ...withGrpc,
    ENTREPOT_LLAMACLOUD_UPLOAD_FROM_URL: 'on',
    ENTREPOT_LLAMACLOUD_UPLOAD_FROM_URL_ALLOWED_HOSTS: hostOf(origin),
  }
  server = await TestServer.start(settings)
  other = await TestServer.start({ ...settings, ENTREPOT_INLINE_BYTES: '0' })
})
after(async () => {
  await server.stop()
  await other.stop()
  origin.close()
})

function hostOf(listening: Server): string {
  return `127.0.0.1:${(listening.address() as AddressInfo).port}`
}

/** A new server, for tests that count. */
async function startOwn(t: TestContext, given: Environment = {}): Promise<TestServer> {
  const own = await TestServer.start(given)
  t.after(() => own.stop())
  return own
}

async function rowOf({ app }: TestServer, id: string) {
  return (await app.services.metadata.findFile(parseFileId(id) ?? '')) ?? assert.fail('no row')
}

/** Every body that is kept belongs to one of these files, and the database lists no blob beside them. */
async function assertHolds(own: TestServer, ids: readonly string[]): Promise<void> {
  const wanted = ids.map((id) => parseFileId(id) ?? '').sort()
  assert.deepEqual(await keptBodies(own), { staging: [], blobs: [], inline: wanted })
  const { metadata } = own.app.services
  assert.deepEqual(await metadata.listCollectableBlobs(Number.MAX_SAFE_INTEGER, 9), [])
}

/** Every way by which a whole file comes in: stores the bytes as `a.bin`. @returns its id */
const waysIn: Readonly<Record<string, (on: TestServer, bytes: Buffer) => Promise<string>>> = {
  'a PUT on a link': async (on, bytes) =>
    (await new LightfieldClient(on).stored(bytes, { filename: 'a.bin', mimeType: 'a/b' })).id,
  'a form': async (on, bytes) => (await new LlamaCloudClient(on).stored(bytes, 'a.bin')).id,
  'a form of the first version': async (on, bytes) => {
    const form = formOf([{ ...filePart(bytes, 'a.bin'), name: 'upload_file' }])
    return ok(await new LlamaCloudClient(on).send<{ id: string }>('POST', '/api/v1/files', form, FORM_TYPE))
      .id
  },
  'the PUT of an upload that it alone ends': async (on, bytes) => {
    const body = JSON.stringify({ name: 'a.bin', file_size: bytes.length })
    const { file_id, url } = ok(
      await new LlamaCloudClient(on).send<{ file_id: string; url: string }>(
        'PUT',
        '/api/v1/files',
        body,
        JSON_TYPE,
      ),
    )
    assert.equal((await exchange('PUT', url, bytes)).status, 200)
    return file_id
  },
  'a fetch from a URL': async (on, bytes) => {
    sent = bytes
    const body = JSON.stringify({ url: `http://${hostOf(origin)}/a.bin` })
    const path = '/api/v1/files/upload_from_url'
    return ok(await new LlamaCloudClient(on).send<{ id: string }>('PUT', path, body, JSON_TYPE)).id
  },
  JSON: async (on, bytes) => (await new YandexRest(on).stored(bytes, { name: 'a.bin', mimeType: 'a/b' })).id,
  gRPC: async (on, bytes) => {
    const client = YandexClient.of(on)
    try {
      return (await client.stored(bytes, { name: 'a.bin', mimeType: 'a/b' })).id
    } finally {
      client.close()
    }
  },
}
/** What every way out answers, but for what differs by server. */
async function seenOf(on: TestServer, id: string, bytes: Buffer): Promise<unknown> {
  const fileId = parseFileId(id) ?? ''
  const { md5, sha256, sizeBytes } = await rowOf(on, id)
  const content = `/${llamacloudIds.print(fileId)}/content`
  const links = {
    lightfield: await new LightfieldClient(on).link(lightfieldIds.print(fileId)),
    llamacloud: (await new LlamaCloudClient(on).get<{ url: string }>(content)).body.url,
    yandex: await new YandexRest(on).url(yandexIds.print(fileId)),
  }
  const answers = []
  for (const link of Object.values(links)) {
    const whole = await fetch(link)
    assert.ok(bytes.equals(await whole.bytes()))
    const etag = whole.headers.get('etag') ?? ''
    const last = await fetch(link, { headers: { range: 'bytes=-1' } })
    assert.ok(bytes.subarray(-1).equals(await last.bytes()))
    const inner = await fetch(link, { headers: { range: `bytes=1-${bytes.length}`, 'if-range': etag } })
    assert.ok(bytes.subarray(1).equals(await inner.bytes()) || inner.status === 416)
    const head = await fetch(link, { method: 'HEAD' })
    const known = await fetch(link, { headers: { 'if-none-match': etag } })
    const stale = await fetch(link, { headers: { 'if-match': '"other"' } })
    const told = [whole, last, inner, head, known, stale]
    await Promise.all(told.slice(3).map((answer) => answer.text()))
    answers.push(told.map(({ status, headers }) => [status, factsIn(headers)]))
  }
  return { md5, sha256, sizeBytes, answers }
}

function factsIn(headers: Headers): readonly (readonly [string, string])[] {
  const varying = new Set(['date', 'x-request-id', 'connection', 'keep-alive', 'last-modified'])
  return [...headers].filter(([name]) => !varying.has(name))
}

for (const [name, store] of Object.entries(waysIn))
  test(`files that come by ${name} are the same to every reader, in the database and beside it`, async () => {
    const bound = server.app.services.policy.inlineBytes
    for (const sizeBytes of [1, 3, bound - 1, bound, bound + 1]) {
      const bytes = sizeBytes === 3 ? Buffer.from('a\0b') : randomBytes(sizeBytes)
      const ids = [await store(server, bytes), await store(other, bytes)] as const
      const row = await rowOf(server, ids[0])
      assert.equal(row.layout, sizeBytes > bound ? 'blob' : 'inline')
      assert.equal((await rowOf(other, ids[1])).layout, 'blob')
      assert.deepEqual([row.sizeBytes, row.sha256], [sizeBytes, hash('sha256', bytes)])
      const seen = await seenOf(server, ids[0], bytes)
      assert.deepEqual(seen, await seenOf(other, ids[1], bytes), `${sizeBytes} bytes`)
    }
  })

test('a small file is one row of bytes, and its delete, cancel or end frees them at once', async (t) => {
  const own = await startOwn(t)
  const [field, llama, yandex] = [new LightfieldClient(own), new LlamaCloudClient(own), new YandexRest(own)]
  const kept = await field.stored('kept')
  const [staged, left] = [await field.staged(), await field.staged()]
  const [gone, removed] = [await llama.stored('gone'), await yandex.stored('removed')]
  const ending = (await llama.upload([purposePart('parse'), filePart('ending')])).body
  await assertHolds(
    own,
    [kept, staged, left, gone, removed, ending].map(({ id }) => id),
  )
  ok(await field.cancel(staged.id))
  assert.equal((await llama.delete(gone.id)).status, 204)
  assert.equal((await yandex.delete(removed.id)).status, 200)
  await assertHolds(own, [kept.id, left.id, ending.id])
  own.clock.advance({ hours: 48 })
  await runJobs(own)
  await assertHolds(own, [kept.id])
  assert.deepEqual(await settledUsage(own), { files: 1, bytes: 4 })
})

test('bytes that a PUT replaces are gone, whether the database holds the old ones, the new ones or both', async (t) => {
  const own = await startOwn(t)
  const at = (url: string) => own.url + new URL(url).pathname
  const [blobs, inline] = [{ ENTREPOT_INLINE_BYTES: '0' }, {}]
  for (const [first, second] of [
    [inline, inline],
    [inline, blobs],
    [blobs, inline],
  ]) {
    await own.restart(first)
    const upload = await new LightfieldClient(own).staged('first')
    if (first !== second) await own.restart(second)
    const again = { ...upload, uploadUrl: at(upload.uploadUrl) }
    assert.equal((await putBytes(again, 'wrong', { 'if-match': `"${md5Of('other')}"` })).status, 412)
    const put = await putBytes(again, 'other', { 'if-match': `"${md5Of('first')}"` })
    assert.deepEqual([put.status, put.headers.get('etag')], [200, `"${md5Of('other')}"`])
    // In a bucket bytes that may come late are removed twice.
    for (let n = 0; n < 2; n++) {
      own.clock.advance({ hours: 24 * 7 })
      await runJobs(own)
    }
  }
  const client = new LightfieldClient(own)
  const upload = await client.staged('first')
  assert.equal((await putBytes(upload, 'other')).status, 200)
  for (let n = 0; n < 2; n++) ok(await client.complete(upload.id, { md5: md5Of('other') }))
  assert.equal(await (await fetch(await client.link(upload.id))).text(), 'other')
  await assertHolds(own, [upload.id])
})

test('of a PUT and a complete at once the file has the bytes of one PUT, and the others are gone', async (t) => {
  const own = await startOwn(t)
  const client = new LightfieldClient(own)
  const ids: string[] = []
  for (let round = 0; round < 10; round++) {
    const upload = await client.staged('first')
    const puts = ['other', 'third'].map((content) => putBytes(upload, content))
    const [completed, ...answers] = await Promise.all([client.complete(upload.id), ...puts])
    ok(completed)
    for (const { status } of answers) assert.ok(status === 200 || status === 403, `${status}`)
    const text = await (await fetch(await client.link(upload.id))).text()
    assert.equal((await rowOf(own, upload.id)).sha256, hash('sha256', text))
    ids.push(upload.id)
  }
  await assertHolds(own, ids)
})

test('of a hundred small files at once as many get in as the quota has room for', async (t) => {
  const own = await startOwn(t)
  await setQuota(own, 'organization', { bytes: 5_500 })
  const [llama, yandex] = [new LlamaCloudClient(own), new YandexRest(own)]
  const content = 'x'.repeat(100)
  const form = [purposePart('user_data'), filePart(content)]
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => [
      llama.upload<{ id: string }>(form),
      yandex.create<{ id: string }>({ content: base64Of(content) }),
    ]).flat(),
  )
  const stored = answers.filter(({ status }) => status < 300)
  assert.equal(stored.length, 55)
  for (const { status, text } of answers) assert.ok([200, 201, 402, 429].includes(status), text)
  assert.deepEqual(await usageNow(own), { files: 55, bytes: 5_500 })
  await settledUsage(own)
  await assertHolds(
    own,
    stored.map(({ body }) => body.id),
  )
})
