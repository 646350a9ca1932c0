import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
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
import { runJobs } from '../run-jobs.ts'
import { until } from '../until.ts'
import { usageNow } from '../usage.ts'
import { YandexRest } from '../yandex-rest.ts'
import { type Answer, ApiClient, type CreatedBody } from './api-client.ts'
import { checkEntries } from './check-answers.ts'
import { checkStores, reconcileAhead } from './check-stores.ts'
import { Ledger } from './ledger.ts'
import { putFile } from './put-file.ts'
import { ServerProcess } from './server-process.ts'

const MEBIBYTE = 1024 * 1024
const DISK_MEBIBYTES = 24
const RESERVE_BYTES = 4 * MEBIBYTE

test('a full disk refuses uploads clearly, keeps what it has, and recovers', async (t) => {
  const resources = disposedAfter(t)
  const disk = await mountSmallDisk(t, resources)
  if (disk === undefined) return
  const dataDir = join(disk, 'data')
  await mkdir(dataDir)
  const { server, client, ledger } = await start(resources, dataDir)
  await putFile(client, ledger, 'before.bin', MEBIBYTE)

  // Room for the rows, none for the bytes.
  await fill(join(disk, 'ballast'), MEBIBYTE / 2)
  for (let n = 0; n < 20; n++) expectRefusal(await tryUpload(client, 2 * MEBIBYTE))
  // Room for nothing at all.
  await fill(join(disk, 'more-ballast'), 0)
  for (let n = 0; n < 20; n++) expectRefusal(await tryUpload(client, 2 * MEBIBYTE))
  assert.deepEqual(await readdir(join(dataDir, 'staging')), [])
  assert.deepEqual(await checkEntries(client, ledger.entries), [])

  await rm(join(disk, 'ballast'))
  // Absent if the refused uploads had left nothing to fill.
  await rm(join(disk, 'more-ballast'), { force: true })
  await putFile(client, ledger, 'after.bin', 4 * MEBIBYTE)
  assert.deepEqual(await checkEntries(client, ledger.entries), [])
  assert.deepEqual(await server.end('SIGTERM'), { code: 0, signal: null }, server.output)
  await reconcileAhead(dataDir)
  assert.deepEqual(await checkStores(dataDir), [])
})

test('on a disk that uploads have filled up to the reserve all else works, and makes room for uploads', async (t) => {
  const clients = await startOnSmallDisk(t)
  if (clients === undefined) return
  const { server, disk, field, llama } = clients
  const given = Buffer.alloc(3 * MEBIBYTE, 'given back')
  const kept = await llama.stored('kept')
  const [first, second] = [await field.staged(given), await llama.stored(given)]
  await fillWithUploads(llama)
  // The database has grown a little, too.
  assert.ok((await roomOn(disk)) > RESERVE_BYTES / 2)

  assert.equal(await contentOf(llama, kept.id), 'kept')
  assert.equal(ok(await field.cancel(first.id)).status, 'CANCELLED')
  assert.equal((await llama.delete(second.id)).status, 204)
  assert.equal((await llama.get(`/${second.id}`)).status, 404)
  assert.equal((await uploadMebibyte(llama)).status, 507)
  await runJobs(server)
  assert.equal((await uploadMebibyte(llama)).status, 201)
  await fillWithUploads(llama)
  // What is deleted may still be on its way to somebody.
  server.clock.advance({ minutes: 10 })
  await runJobs(server)
  assert.equal((await uploadMebibyte(llama)).status, 201)
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

test('a disk that others have filled refuses even deletes, clearly, until there is room again', async (t) => {
  const clients = await startOnSmallDisk(t)
  if (clients === undefined) return
  const { server, disk, field, llama, yandex } = clients
  const kept = await yandex.stored('kept')
  const [pending, first, second] = [await field.staged(), await llama.stored(), await yandex.stored()]
  await fill(join(disk, 'ballast'), 0)
  await useUpDatabase(yandex, kept.id)

  const refused = [
    await field.cancel(pending.id),
    await llama.delete(first.id),
    await yandex.delete(second.id),
  ]
  assert.deepEqual(
    refused.map(({ status }) => status),
    [503, 507, 500],
  )
  assert.equal(await yandex.download(kept.id), 'kept')
  assert.equal(ok(await field.retrieve(pending.id)).status, 'PENDING')
  assert.equal((await llama.get(`/${first.id}`)).status, 200)
  assert.equal((await fetch(`${server.url}/readyz`)).status, 503)

  await rm(join(disk, 'ballast'))
  // What was found not to work is looked at again after a second.
  assert.ok(await until(5000, async () => (await fetch(`${server.url}/readyz`)).status === 200))
  const done = [await field.cancel(pending.id), await llama.delete(first.id), await yandex.delete(second.id)]
  assert.deepEqual(
    done.map(({ status }) => status),
    [200, 204, 200],
  )
  assert.deepEqual(await usageNow(server), { files: 1, bytes: 'kept'.length })
  await runJobs(server)
  server.clock.advance({ minutes: 10 })
  await runJobs(server)
  const left = await readdir(join(disk, 'data', 'blobs'), { recursive: true, withFileTypes: true })
  assert.equal(left.filter((entry) => entry.isFile()).length, 1)
  assert.equal((await uploadMebibyte(llama)).status, 201)
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

/** What is deferred first is undone last: the server ends before its disk is unmounted. */
function disposedAfter(t: TestContext): AsyncDisposableStack {
  const resources = new AsyncDisposableStack()
  t.after(() => resources.disposeAsync())
  return resources
}

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
async function startOnSmallDisk(t: TestContext) {
  const resources = disposedAfter(t)
  const disk = await mountSmallDisk(t, resources)
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
  const { url } = (await client.get<{ url: string }>(`/${id}/content`)).body
  return (await fetch(url)).text()
}

/** The smallest of changes, until even such a one finds no room in what the database has of the disk. */
async function useUpDatabase(client: YandexRest, id: string): Promise<void> {
  for (let n = 0; (await client.update(id, { updateMask: 'name', name: `name ${n}` })).status === 200; n++);
}

/** A file system in memory; undefined, with the reason printed, where mounting is not allowed. */
async function mountSmallDisk(t: TestContext, resources: AsyncDisposableStack): Promise<string | undefined> {
  const disk = await mkdtemp(join(tmpdir(), 'entrepot-disk-'))
  resources.defer(() => rm(disk, { recursive: true, force: true }))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MEBIBYTES}m`, 'tmpfs', disk], { stdio: 'pipe' })
  } catch (error) {
    t.skip(`cannot mount a small disk: ${(error as Error).message.trim()}`)
    return undefined
  }
  resources.defer(() => void execFileSync('umount', [disk]))
  return disk
}

/** Takes all the space but `leaveBytes`. */
async function fill(path: string, leaveBytes: number): Promise<void> {
  const block = Buffer.alloc(64 * 1024)
  for (;;) {
    const room = (await roomOn(join(path, '..'))) - leaveBytes
    if (room <= 0) return
    await writeFile(path, block.subarray(0, Math.min(block.length, room)), { flag: 'a' }).catch(
      () => undefined,
    )
  }
}

async function roomOn(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
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
