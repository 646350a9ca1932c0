import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parseFileId } from '../../src/dialects/all.ts'
import { TestServer } from '../harness.ts'
import { LightfieldClient, ok, putBytes } from '../lightfield-client.ts'
import {
  BOUNDARY,
  detailOf,
  FILES,
  filePart,
  formOf,
  LlamaCloudClient,
  purposePart,
} from '../llamacloud-client.ts'
import { SeededRandom } from '../seeded-random.ts'
import { offsetAt, patch, TusClient } from '../tus-client.ts'
import { until } from '../until.ts'
import { YandexRest } from '../yandex-rest.ts'
import { type Answer, ApiClient, type CreatedBody } from './api-client.ts'
import { fileIdOf } from './arrival-client.ts'
import { checkEntries } from './check-answers.ts'
import { checkStores, reconcileAhead } from './check-stores.ts'
import { Ledger } from './ledger.ts'
import { putFile } from './put-file.ts'
import { ServerProcess } from './server-process.ts'
import { createUntilRefused, disposedAfter, fill, mountSmallDisk, roomOn } from './small-disk.ts'

const MEBIBYTE = 1024 * 1024
const DISK_MEBIBYTES = 24
const RESERVE_BYTES = 4 * MEBIBYTE
/** What the database keeps for itself, as long as there is room. */
const BALLAST_BYTES = 4 * MEBIBYTE
/** From a delete until an upload has its room. */
const PATIENCE_MS = 5_000

test('a full disk refuses uploads clearly, keeps what it has, and recovers', async (t) => {
  const resources = disposedAfter(t)
  const disk = await mountSmallDisk(t, resources, DISK_MEBIBYTES)
  if (disk === undefined) return
  const dataDir = join(disk, 'data')
  await mkdir(dataDir)
  const { server, client, ledger } = await start(resources, dataDir)
  await putFile(client, ledger, 'before.bin', MEBIBYTE)

  // Room for the rows, none for the bytes.
  await fill(join(disk, 'others'), MEBIBYTE / 2)
  for (let n = 0; n < 20; n++) expectRefusal(await tryUpload(client, 2 * MEBIBYTE))
  // Room for nothing at all.
  await fill(join(disk, 'more-others'), 0)
  for (let n = 0; n < 20; n++) expectRefusal(await tryUpload(client, 2 * MEBIBYTE))
  assert.deepEqual(await readdir(join(dataDir, 'staging')), [])
  assert.deepEqual(await checkEntries(client, ledger.entries), [])

  await rm(join(disk, 'others'))
  // Absent if the refused uploads had left nothing to fill.
  await rm(join(disk, 'more-others'), { force: true })
  await putFile(client, ledger, 'after.bin', 4 * MEBIBYTE)
  assert.deepEqual(await checkEntries(client, ledger.entries), [])
  assert.deepEqual(await server.end('SIGTERM'), { code: 0, signal: null }, server.output)
  await reconcileAhead(dataDir)
  assert.deepEqual(await checkStores(dataDir), [])
})

test('on a disk that uploads have filled up to the reserve all else works, and deletes make room at once', async (t) => {
  const clients = await startOnSmallDisk(t)
  if (clients === undefined) return
  const { disk, field, llama } = clients
  const given = Buffer.alloc(8 * MEBIBYTE, 'given back')
  const kept = await llama.stored('kept')
  const [first, second] = [await field.staged(given.subarray(0, MEBIBYTE)), await llama.stored(given)]
  await fillWithUploads(llama)
  // The database has grown a little, too.
  assert.ok((await roomOn(disk)) > RESERVE_BYTES / 2)

  assert.equal(await contentOf(llama, kept.id), 'kept')
  const download = await fetch(await linkOf(llama, second.id))
  assert.equal(ok(await field.cancel(first.id)).status, 'CANCELLED')
  assert.equal((await llama.delete(second.id)).status, 204)
  assert.equal((await llama.get(`/${second.id}`)).status, 404)
  const blobs = join(disk, 'data', 'blobs')
  const sizes = () => sizesIn(blobs)
  assert.ok(await until(PATIENCE_MS, async () => !(await sizes()).includes(given.length)))
  assert.ok(given.equals(await download.bytes()), 'a download that had begun was cut short')
  for (let n = 0; n < 8; n++) assert.equal((await uploadMebibyte(llama)).status, 201)
  assert.equal(await contentOf(llama, kept.id), 'kept')
})

test('uploads of untold length, or many at once, leave the reserve as it is', async (t) => {
  const clients = await startOnSmallDisk(t)
  if (clients === undefined) return
  const { server, disk, field, llama } = clients
  const doomed = await llama.stored('doomed')
  assert.equal((await uploadChunked(server, DISK_MEBIBYTES - 2)).status, 507)
  assert.equal((await uploadChunked(server, 1)).status, 201)
  const uploads = await Promise.all(Array.from({ length: 40 }, () => field.pending({ sizeBytes: MEBIBYTE })))
  const answers = await Promise.all(uploads.map((upload) => putBytes(upload, Buffer.alloc(MEBIBYTE))))
  const statuses = answers.map(({ status }) => status)
  assert.deepEqual([...new Set(statuses)].sort(), [200, 507])
  assert.ok((await roomOn(disk)) > RESERVE_BYTES / 2, `${await roomOn(disk)} bytes are left`)
  assert.equal((await llama.delete(doomed.id)).status, 204)
  ok(await field.create())
})

test('small files, too, fill a disk up to the reserve and no further, and the room of deleted ones is used again', async (t) => {
  const clients = await startOnSmallDisk(t, 64)
  if (clients === undefined) return
  const { server, disk, field, llama } = clients
  if (server.databaseUrl !== undefined) return t.skip('PostgreSQL is on another disk')
  const content = Buffer.alloc(60 * 1024, 'small')
  const small = [purposePart('user_data'), filePart(content)]
  const stored: string[] = []
  for (let isFull = false; !isFull; ) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => llama.upload(small)))
    for (const answer of answers)
      if (answer.status === 201) stored.push(answer.body.id)
      else assert.deepEqual([answer.status, detailOf(answer)], [507, 'Storage is full'])
    isFull = answers.some(({ status }) => status !== 201)
  }
  let status = 200
  // Room for a few more may be left.
  for (let tries = 0; status === 200 && tries < 50; tries++)
    status = (await putBytes(await field.pending({ sizeBytes: content.length }), content)).status
  assert.equal(status, 507)
  assert.ok((await roomOn(disk)) > RESERVE_BYTES / 2, `${await roomOn(disk)} bytes are left`)
  const layoutOf = async (id = '') =>
    (await server.app.services.metadata.findFile(parseFileId(id) ?? ''))?.layout
  assert.equal(await layoutOf(stored[0]), 'inline')
  // Where room gets short blobs are, whose room is measured to the byte.
  assert.equal(await layoutOf(stored.at(-1)), 'blob')

  await fill(join(disk, 'others'), 0)
  assert.equal((await llama.upload(small)).status, 507)
  for (const id of stored.splice(0, 400)) assert.equal((await llama.delete(id)).status, 204)
  const link = await linkOf(llama, stored[0] ?? '')
  assert.ok(content.equals(await (await fetch(link)).bytes()))

  await rm(join(disk, 'others'))
  const before = await roomOn(disk)
  assert.ok(await until(PATIENCE_MS, async () => (await llama.upload(small)).status === 201))
  for (let n = 0; n < 50; n++) assert.equal((await llama.upload(small)).status, 201)
  assert.ok(before - (await roomOn(disk)) < BALLAST_BYTES + MEBIBYTE, 'the room in the database is not taken')
})

test('a disk that others have filled takes changes and deletes, and uploads as soon as there is room', async (t) => {
  const clients = await startOnSmallDisk(t)
  if (clients === undefined) return
  const { server, disk, field, llama, yandex } = clients
  const kept = await yandex.stored('kept')
  const [pending, first, second] = [await field.staged(), await llama.stored(), await yandex.stored()]
  await fill(join(disk, 'others'), 0)
  // PostgreSQL is on another disk.
  if (server.databaseUrl === undefined) await createUntilRefused(field)

  assert.equal((await yandex.update(kept.id, { updateMask: 'name', name: 'renamed' })).status, 200)
  const freed = [await field.cancel(pending.id), await llama.delete(first.id), await yandex.delete(second.id)]
  assert.deepEqual(
    freed.map(({ status }) => status),
    [200, 204, 200],
  )
  assert.equal((await uploadMebibyte(llama)).status, 507)
  assert.equal(await yandex.download(kept.id), 'kept')
  const readyz = await fetch(`${server.url}/readyz`)
  assert.equal(readyz.status, 200, 'who takes the server out of service keeps deletes from it')

  // What was freed goes while the disk is full; what was kept is a blob, unless the database holds it.
  assert.ok(await until(PATIENCE_MS, async () => (await sizesIn(join(disk, 'data', 'blobs'))).length <= 1))
  await rm(join(disk, 'others'))
  assert.ok(await until(PATIENCE_MS, async () => (await uploadMebibyte(llama)).status === 201))
})

test('an upload in pieces waits for room on a full disk, and goes on where it was', async (t) => {
  const clients = await startOnSmallDisk(t)
  if (clients === undefined) return
  const { server, field, llama } = clients
  const doomed = await llama.stored(Buffer.alloc(6 * MEBIBYTE))
  const content = new SeededRandom(1).bytes(6 * MEBIBYTE)
  const link = await new TusClient(server).created(content.length)
  const half = content.length / 2
  assert.equal((await patch(link, 0, content.subarray(0, half))).status, 204)
  await fillWithUploads(llama)
  const append = () => patch(link, half, content.subarray(half))
  assert.equal((await append()).status, 507)
  assert.equal(await offsetAt(link), half)
  assert.equal((await llama.delete(doomed.id)).status, 204)
  assert.ok(await until(PATIENCE_MS, async () => (await append()).status === 204))
  const download = await fetch(await field.link(fileIdOf(link)))
  assert.ok(content.equals(await download.bytes()))
})

test('a file size limit of the system refuses a large upload and takes a smaller one', async (t) => {
  if (process.platform !== 'linux') return t.skip('ulimit -f counts differently here')
  const resources = disposedAfter(t)
  const dataDir = await mkdtemp(join(tmpdir(), 'entrepot-limit-'))
  resources.defer(() => rm(dataDir, { recursive: true, force: true }))
  // In KiB, bash's unit: writing beyond it fails with EFBIG, after a short write that tells nothing.
  const { server, client, ledger } = await start(resources, dataDir, `ulimit -f ${8 * 1024}`)
  for (let n = 0; n < 5; n++) expectRefusal(await tryUpload(client, 9 * MEBIBYTE))
  assert.deepEqual(await readdir(join(dataDir, 'staging')), [])
  await putFile(client, ledger, 'small.bin', MEBIBYTE)
  assert.deepEqual(await checkEntries(client, ledger.entries), [])
  assert.deepEqual(await server.end('SIGTERM'), { code: 0, signal: null }, server.output)
  await reconcileAhead(dataDir)
  assert.deepEqual(await checkStores(dataDir), [])
})

async function start(resources: AsyncDisposableStack, dataDir: string, shellPrelude?: string) {
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-full-'))
  resources.defer(() => rm(folder, { recursive: true, force: true }))
  const ledger = await Ledger.open(join(folder, 'ledger'))
  resources.defer(() => ledger.close())
  const server = await ServerProcess.start(
    shellPrelude === undefined ? { dataDir } : { dataDir, shellPrelude },
  )
  resources.defer(async () => void (await server.end('SIGKILL')))
  return { server, client: new ApiClient(server.url), ledger }
}

/** A server whose clock can be moved, with all of its data on a small disk; undefined as of `mountSmallDisk`. */
async function startOnSmallDisk(t: TestContext, mebibytes = DISK_MEBIBYTES) {
  const resources = disposedAfter(t)
  const disk = await mountSmallDisk(t, resources, mebibytes)
  if (disk === undefined) return undefined
  const server = await TestServer.start({
    ENTREPOT_DATA_DIR: join(disk, 'data'),
    ENTREPOT_DISK_RESERVE_BYTES: String(RESERVE_BYTES),
  })
  resources.defer(() => server.stop())
  const [field, llama] = [new LightfieldClient(server), new LlamaCloudClient(server)]
  return { server, disk, field, llama, yandex: new YandexRest(server) }
}

function uploadMebibyte(client: LlamaCloudClient) {
  return client.upload([purposePart('user_data'), filePart(Buffer.alloc(MEBIBYTE))])
}

function uploadChunked({ url, key }: TestServer, mebibytes: number): Promise<Response> {
  const form = formOf([purposePart('user_data'), filePart(Buffer.alloc(mebibytes * MEBIBYTE))])
  const type = `multipart/form-data; boundary=${BOUNDARY}`
  return fetch(url + FILES, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': type },
    body: new Blob([new Uint8Array(form)]).stream(),
    duplex: 'half',
  })
}

async function fillWithUploads(client: LlamaCloudClient): Promise<void> {
  for (;;) {
    const answer = await uploadMebibyte(client)
    if (answer.status === 201) continue
    assert.deepEqual([answer.status, detailOf(answer)], [507, 'Storage is full'])
    return
  }
}

async function contentOf(client: LlamaCloudClient, id: string): Promise<string> {
  return (await fetch(await linkOf(client, id))).text()
}

async function linkOf(client: LlamaCloudClient, id: string): Promise<string> {
  return (await client.get<{ url: string }>(`/${id}/content`)).body.url
}

async function sizesIn(folder: string): Promise<number[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  // One may vanish meanwhile.
  const sizes = files.map(({ parentPath, name }) =>
    stat(join(parentPath, name)).then(
      ({ size }) => [size],
      () => [],
    ),
  )
  return (await Promise.all(sizes)).flat()
}

/** The first answer that is not a success, or the last. */
async function tryUpload(client: ApiClient, sizeBytes: number): Promise<Answer> {
  const file = { filename: 'refused.bin', mimeType: 'text/plain', sizeBytes }
  const created = await client.create(file)
  if (created.status !== 200) return created
  const { id, uploadUrl } = JSON.parse(created.text) as CreatedBody
  const put = await client.put(uploadUrl, file.mimeType, Buffer.alloc(sizeBytes))
  return put.status === 200 ? client.complete(id) : put
}

/** No space, and said so; never an acknowledgement, never a crash that looks like ours. */
function expectRefusal({ status, text }: Answer): void {
  assert.ok(status === 507 || status === 503, `answered ${status} ${text}`)
  assert.match(text, /"error"/)
}
