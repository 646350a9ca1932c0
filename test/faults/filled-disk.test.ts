import assert from 'node:assert/strict'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { entrepot } from '../cli.harness.ts'
import { LightfieldClient, ok } from '../lightfield-client.ts'
import { filePart, LlamaCloudClient, purposePart } from '../llamacloud-client.ts'
import { rounds } from '../rounds.ts'
import { until } from '../until.ts'
import { YandexRest } from '../yandex-rest.ts'
import { checkStores, reconcileAhead } from './check-stores.ts'
import { ROOT_KEY, ServerProcess } from './server-process.ts'
import { createUntilRefused, disposedAfter, fill, mountSmallDisk } from './small-disk.ts'

const MEBIBYTE = 1024 * 1024
const DISK_MEBIBYTES = 64
const ROUNDS = rounds({ short: 2, long: 20 })
const UPLOAD_PATIENCE_MS = 5_000

test('on a disk filled to its last byte deletes go through, uploads follow, and the server stops and starts', async (t) => {
  const resources = disposedAfter(t)
  const disk = await mountSmallDisk(t, resources, DISK_MEBIBYTES)
  if (disk === undefined) return
  const dataDir = join(disk, 'data')
  await mkdir(dataDir)
  const fillUp = () => fill(join(disk, 'others'), 0)
  let server = await ServerProcess.start({ dataDir })
  resources.defer(async () => void (await server.end('SIGKILL')))
  const kept = await clientsOf(server).yandex.stored('kept')
  for (let round = 0; round < ROUNDS; round++) {
    const { field, llama, yandex } = clientsOf(server)
    const victim = await llama.stored(Buffer.alloc(2 * MEBIBYTE))
    const pending = await field.staged()
    const spare = await field.staged()
    const small = await yandex.stored('small')
    await fillUp()
    await createUntilRefused(field)
    const renamed = { updateMask: 'name', name: `renamed ${round}` }
    assert.equal((await yandex.update(kept.id, renamed)).status, 200)
    assert.equal(ok(await field.cancel(pending.id)).status, 'CANCELLED')
    assert.equal((await yandex.delete(small.id)).status, 200)
    assert.equal((await llama.delete(victim.id)).status, 204)

    const begun = performance.now()
    await storedInTime(t, llama)
    t.diagnostic(`round ${round}: an upload ${Math.round(performance.now() - begun)} ms after the delete`)

    await fillUp()
    assert.deepEqual(await server.end('SIGTERM'), { code: 0, signal: null }, server.output)
    await fillUp()
    server = await ServerProcess.start({ dataDir })
    const onFullDisk = clientsOf(server)
    assert.equal(await onFullDisk.yandex.download(kept.id), 'kept')
    assert.equal((await onFullDisk.field.cancel(spare.id)).status, 200)
    await rm(join(disk, 'others'))
  }
  assert.deepEqual(await server.end('SIGTERM'), { code: 0, signal: null }, server.output)
  await reconcileAhead(dataDir)
  assert.deepEqual(await checkStores(dataDir), [])
})

test('a key can be revoked by command beside a server whose disk is full', async (t) => {
  const resources = disposedAfter(t)
  const disk = await mountSmallDisk(t, resources, DISK_MEBIBYTES)
  if (disk === undefined) return
  const dataDir = join(disk, 'data')
  await mkdir(dataDir)
  const server = await ServerProcess.start({ dataDir })
  resources.defer(async () => void (await server.end('SIGKILL')))
  const settings = { ENTREPOT_DATA_DIR: dataDir }
  const key = (await entrepot(['key', 'create'], settings)).stdout.trim()
  const client = new LightfieldClient({ url: server.url, key })
  assert.equal((await client.list()).status, 200)
  await fill(join(disk, 'others'), 0)
  await createUntilRefused(clientsOf(server).field)
  const { status, stderr } = await entrepot(['key', 'revoke', key], settings)
  assert.deepEqual([status, stderr], [0, ''])
  assert.equal((await client.list()).status, 401)
  assert.deepEqual(await server.end('SIGTERM'), { code: 0, signal: null }, server.output)
})

test('a server whose log is on the full disk goes on, and ends gracefully', async (t) => {
  const resources = disposedAfter(t)
  const disk = await mountSmallDisk(t, resources, DISK_MEBIBYTES)
  if (disk === undefined) return
  const dataDir = join(disk, 'data')
  await mkdir(dataDir)
  const logFile = join(disk, 'log')
  const settings = { ENTREPOT_LOG_LEVEL: 'debug' }
  const server = await ServerProcess.start({ dataDir, logFile, settings })
  resources.defer(async () => void (await server.end('SIGKILL')))
  const { yandex } = clientsOf(server)
  const { id } = await yandex.stored('kept')
  await fill(join(disk, 'others'), 0)
  for (let n = 0; n < 200; n++) assert.equal((await yandex.get(id)).status, 200)
  await rm(join(disk, 'others'))
  assert.equal((await yandex.get(id)).status, 200)
  assert.ok(await until(5000, async () => isWhole(await readFile(logFile, 'utf8'))))
  await fill(join(disk, 'others'), 0)
  assert.equal((await yandex.delete(id)).status, 200)
  assert.deepEqual(await server.end('SIGTERM'), { code: 0, signal: null }, server.output)
})

/** Every line, the last one included. */
function isWhole(log: string): boolean {
  const lines = log.split('\n')
  return lines.pop() === '' && lines.every((line) => line.startsWith('{') && line.endsWith('}'))
}

function clientsOf({ url }: ServerProcess) {
  const server = { url, key: ROOT_KEY }
  return {
    field: new LightfieldClient(server),
    llama: new LlamaCloudClient(server),
    yandex: new YandexRest(server),
  }
}

async function storedInTime(t: TestContext, client: LlamaCloudClient) {
  let last = await upload(client)
  let tries = 1
  const isStored = async () => {
    if (last.status === 201) return true
    tries++
    last = await upload(client)
    return last.status === 201
  }
  assert.ok(await until(UPLOAD_PATIENCE_MS, isStored, 100), last.text)
  t.diagnostic(`${tries} tries`)
  return last.body
}

function upload(client: LlamaCloudClient) {
  return client.upload([purposePart('user_data'), filePart(Buffer.alloc(MEBIBYTE))])
}
