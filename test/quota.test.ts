import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { expireFiles } from '../src/core/upkeep/expire-files.ts'
import { ServerProcess } from './faults/server-process.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient, ok, putBytes } from './lightfield-client.ts'
import {
  assertKeeps,
  BOUNDARY,
  detailOf,
  FILES,
  filePart,
  formOf,
  LlamaCloudClient,
  purposePart,
} from './llamacloud-client.ts'
import { RawConnection, readAnswer } from './raw-http.ts'
import { countedFiles, setQuota, settledUsage, usageByRows, usageNow } from './usage.ts'

const MIB = 1024 * 1024
const EXCEEDED = 'Storage quota exceeded for this organization or project.'

async function start(t: TestContext, settings = {}) {
  const server = await TestServer.start(settings)
  t.after(() => server.stop())
  return { server, llama: new LlamaCloudClient(server), field: new LightfieldClient(server) }
}

function formOfBytes(sizeBytes: number): Buffer {
  return formOf([purposePart(), filePart(Buffer.alloc(sizeBytes, 'x'))])
}

function head(key: string, length: number | 'chunked'): string {
  const body = length === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`
  const type = `Content-Type: multipart/form-data; boundary=${BOUNDARY}`
  return `POST ${FILES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\n${type}\r\n${body}\r\n\r\n`
}

/** As many uploads at the same time. @returns how often each status was answered */
async function uploadAtOnce(
  server: TestServer,
  count: number,
  sizeBytes: number,
  how: 'announced' | 'chunked' = 'announced',
): Promise<Record<number, number>> {
  const form = formOfBytes(sizeBytes)
  const upload = async () => {
    const body = how === 'announced' ? form : ReadableStream.from([form])
    const type = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }
    const headers = { authorization: `Bearer ${server.key}`, ...type }
    const answer = await fetch(server.url + FILES, { method: 'POST', headers, body, duplex: 'half' })
    await answer.arrayBuffer()
    return answer.status
  }
  const statuses = await Promise.all(Array.from({ length: count }, upload))
  const counts: Record<number, number> = {}
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

for (const holder of ['organization', 'project'] as const) {
  test(`bytes of the ${holder} can be filled to the last, and not beyond`, async (t) => {
    const { server, llama, field } = await start(t)
    await setQuota(server, holder, { bytes: 10 })
    await llama.stored('123456')
    const over = await llama.upload([purposePart(), filePart('12345')])
    assert.deepEqual([over.status, detailOf(over)], [402, EXCEEDED])
    assert.equal((await field.create({ sizeBytes: 5 })).status, 403)
    await llama.stored('1234')
    assert.equal((await llama.upload([purposePart(), filePart('1')])).status, 402)
    await setQuota(server, holder, { bytes: null })
    await llama.stored('12345')
    assert.deepEqual(await settledUsage(server), { files: 3, bytes: 15 })
  })

  test(`files of the ${holder} can be filled to the last, and not beyond`, async (t) => {
    const { server, llama, field } = await start(t)
    await setQuota(server, holder, { files: 2 })
    await llama.stored()
    const { id } = await llama.stored()
    assert.equal((await llama.upload([purposePart(), filePart()])).status, 402)
    assert.equal((await field.create()).status, 403)
    await llama.delete(id)
    await llama.stored()
    assert.deepEqual(await settledUsage(server), { files: 2, bytes: 10 })
  })
}

test('the quota of one organization is nothing to another', async (t) => {
  const { server, llama } = await start(t)
  await setQuota(server, 'organization', { files: 0 })
  assert.equal((await llama.upload([purposePart(), filePart()])).status, 402)
  const { key } = await server.newTenant('roomy')
  await new LlamaCloudClient(server, key).stored()
})

test('what is announced to be too much is refused before its bytes are sent', async (t) => {
  const { server } = await start(t)
  await setQuota(server, 'organization', { bytes: 10 * MIB })
  const connection = await RawConnection.open(server.url)
  connection.write(head(server.key, 50 * MIB))
  connection.write(formOfBytes(1).subarray(0, -31))
  const { status } = readAnswer(await connection.until(/\}$/))
  connection.end()
  assert.equal(status, 402)
  await assertKeeps(server, 0)
})

test('of a hundred uploads at once exactly as many get in as there may be files', async (t) => {
  const { server } = await start(t)
  await setQuota(server, 'organization', { files: 37 })
  assert.deepEqual(await uploadAtOnce(server, 100, 100), { 201: 37, 402: 63 })
  await assertKeeps(server, 37)
  assert.deepEqual(await settledUsage(server), { files: 37, bytes: 3700 })
})

test('of a hundred uploads at once exactly as many get in as fit, announced or chunked', async (t) => {
  const { server, llama } = await start(t)
  for (const how of ['announced', 'chunked'] as const) {
    await setQuota(server, 'project', { bytes: (await usageNow(server)).bytes + 33_500 })
    assert.deepEqual(await uploadAtOnce(server, 100, 1000, how), { 201: 33, 402: 67 })
  }
  assert.equal(await llama.count(), 66)
  assert.deepEqual(await settledUsage(server), { files: 66, bytes: 66_000 })
})

test('large uploads that reserve a part of themselves get in exactly as many as fit', async (t) => {
  const { server } = await start(t)
  const size = Math.floor(1.25 * MIB)
  for (const how of ['announced', 'chunked'] as const) {
    await setQuota(server, 'organization', { bytes: (await usageNow(server)).bytes + 6 * size + 1000 })
    assert.deepEqual(await uploadAtOnce(server, 24, size, how), { 201: 6, 402: 18 })
  }
  await assertKeeps(server, 12)
  assert.deepEqual(await settledUsage(server), { files: 12, bytes: 12 * size })
})

test('a file that is announced with its form around it fits to the last byte', async (t) => {
  const { server, llama } = await start(t)
  for (const size of [MIB - 200, MIB, 2 * MIB]) {
    await setQuota(server, 'organization', { bytes: size })
    const over = await llama.sendForm(formOfBytes(size + 1))
    assert.equal(over.status, 402)
    const fitting = await llama.sendForm(formOfBytes(size))
    assert.equal(fitting.status, 201, fitting.text)
    await llama.delete(fitting.body.id)
  }
  assert.deepEqual(await settledUsage(server), { files: 0, bytes: 0 })
})

test('a pending Lightfield upload takes its room from its announcement on', async (t) => {
  const { server, llama, field } = await start(t)
  await setQuota(server, 'organization', { bytes: 100 })
  const upload = await field.pending({ sizeBytes: 95 })
  assert.deepEqual(await usageNow(server), { files: 1, bytes: 95 })
  assert.equal((await llama.upload([purposePart(), filePart('123456')])).status, 402)
  await llama.stored('12345')
  assert.equal((await putBytes(upload, 'x'.repeat(95))).status, 200)
  ok(await field.complete(upload.id))
  assert.deepEqual(await settledUsage(server), { files: 2, bytes: 100 })
  assert.equal((await field.create({ sizeBytes: 1 })).status, 403)
})

test('of a hundred sessions and uploads mixed no byte too many gets in', async (t) => {
  const { server, llama, field } = await start(t)
  await setQuota(server, 'organization', { bytes: 1000, files: 50 })
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, index) =>
      index % 2 ? field.create({ sizeBytes: 50 }) : llama.upload([purposePart(), filePart('x'.repeat(50))]),
    ),
  )
  assert.equal(answers.filter(({ status }) => status === 200 || status === 201).length, 20)
  assert.deepEqual(await settledUsage(server), { files: 20, bytes: 1000 })
})

test('whatever ends gives its room back', async (t) => {
  const { server, llama, field } = await start(t)
  const { id } = await llama.stored('by delete')
  await llama.delete(id)
  await field.cancel((await field.staged('by cancel')).id)
  await llama.upload([purposePart('parse'), filePart('by the end of its time')])
  await field.pending({ sizeBytes: 1000 })
  server.clock.advance({ hours: 48 })
  await expireFiles(server.app.services)
  await llama.upload([purposePart('none'), filePart('by a bad form')])
  await llama.upload([purposePart(), filePart('')])
  await llama.sendForm(formOfBytes(3 * MIB).subarray(0, -10))
  assert.deepEqual(await settledUsage(server), { files: 0, bytes: 0 })
  assert.deepEqual(await usageByRows(server), { files: 0, bytes: 0 })
})

test('an upload that breaks off or fails gives its reservation back', async (t) => {
  const { server, llama } = await start(t)
  const connections = await Promise.all(Array.from({ length: 10 }, () => RawConnection.open(server.url)))
  for (const connection of connections) {
    connection.write(head(server.key, 5 * MIB))
    connection.write(formOfBytes(2 * MIB).subarray(0, MIB))
  }
  while ((await usageNow(server)).files < 10) await delay(5)
  assert.deepEqual(await usageNow(server), { files: 10, bytes: 10 * 4 * MIB })
  for (const connection of connections) connection.reset()
  assert.deepEqual(await settledUsage(server), { files: 0, bytes: 0 })
  const failing = t.mock.method(server.app.services.blobs, 'put', async () => {
    throw new Error('no disk')
  })
  assert.equal((await llama.sendForm(formOfBytes(2 * MIB))).status, 500)
  failing.mock.restore()
  assert.deepEqual(await settledUsage(server), { files: 0, bytes: 0 })
})

test('uploads that die with their process take no room after the next start', async (t) => {
  const { server, llama } = await start(t)
  if (server.databaseUrl !== undefined)
    return t.skip('only on SQLite: where several may serve, it takes until the lease of a day is over')
  if (server.s3) return t.skip('only on a disk')
  await llama.stored('kept')
  await server.app.stop()
  const child = await ServerProcess.start({ dataDir: server.dataDir })
  const key = server.key
  const connections = await Promise.all(Array.from({ length: 5 }, () => RawConnection.open(child.url)))
  for (const connection of connections) {
    connection.write(head(key, 5 * MIB))
    connection.write(formOfBytes(2 * MIB).subarray(0, MIB))
  }
  while ((await countedFiles(server)) < 6) await delay(5)
  await child.end('SIGKILL')
  for (const connection of connections) connection.end()
  await server.restart()
  assert.deepEqual(await usageNow(server), { files: 1, bytes: 4 })
  await assertKeeps(server, 1)
})
