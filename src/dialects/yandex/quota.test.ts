import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { TestServer } from '../../../test/harness.ts'
import { assertKeeps } from '../../../test/llamacloud-client.ts'
import { RawConnection, readAnswer } from '../../../test/raw-http.ts'
import { onlyLong } from '../../../test/rounds.ts'
import { defaultTenant, setQuota, settledUsage, usageNow } from '../../../test/usage.ts'
import { withGrpc, YandexClient } from '../../../test/yandex-client.ts'
import { base64Of, YANDEX_FILES, YandexRest } from '../../../test/yandex-rest.ts'
import { createProject } from '../../core/access/tenants.ts'

const MIB = 1024 * 1024

async function start(t: TestContext, settings = {}) {
  const server = await TestServer.start(settings)
  t.after(() => server.stop())
  return { server, rest: new YandexRest(server) }
}

/** Ways in which a body may say what it is, which differ in what can be reserved before it is read. */
const ways = ['announced, folder first', 'announced, folder last', 'chunked'] as const

/** As many creates at the same time. @returns how often each status was answered */
async function createAtOnce(
  server: TestServer,
  count: number,
  sizeBytes: number,
  way: (typeof ways)[number],
  authorization = `Api-Key ${server.key}`,
): Promise<Record<number, number>> {
  const content = base64Of(Buffer.alloc(sizeBytes, 'x'))
  const fields = { folderId: 'default', content }
  const ordered = way === 'announced, folder last' ? { content, folderId: 'default' } : fields
  const text = JSON.stringify(ordered)
  const create = async () => {
    const body = way === 'chunked' ? ReadableStream.from([Buffer.from(text)]) : text
    const headers = { authorization }
    const answer = await fetch(server.url + YANDEX_FILES, { method: 'POST', headers, body, duplex: 'half' })
    await answer.arrayBuffer()
    return answer.status
  }
  const counts: Record<number, number> = {}
  for (const status of await Promise.all(Array.from({ length: count }, create)))
    counts[status] = (counts[status] ?? 0) + 1
  return counts
}

for (const way of ways) {
  test(`of a hundred uploads at once exactly as many get in as fit: ${way}`, async (t) => {
    const { server } = await start(t)
    await setQuota(server, 'project', { bytes: 33_500 })
    assert.deepEqual(await createAtOnce(server, 100, 1000, way), { 200: 33, 429: 67 })
    assert.deepEqual(await settledUsage(server), { files: 33, bytes: 33_000 })
    await setQuota(server, 'project', { files: 40 })
    assert.deepEqual(await createAtOnce(server, 100, 1, way), { 200: 7, 429: 93 })
    await assertKeeps(server, 40)
  })

  // Much like the other announced way, which a hundred small ones go as well.
  const skip = way === 'announced, folder first' && onlyLong
  test(`large ones that reserve a part of themselves get in exactly as many as fit: ${way}`, {
    skip,
  }, async (t) => {
    const { server } = await start(t)
    const size = Math.floor(2.5 * MIB)
    await setQuota(server, 'organization', { bytes: 3 * size + 1000 })
    assert.deepEqual(await createAtOnce(server, 12, size, way), { 200: 3, 429: 9 })
    await assertKeeps(server, 3)
    assert.deepEqual(await settledUsage(server), { files: 3, bytes: 3 * size })
  })
}

test('a key of several projects reserves on the folder that is named, before the content or after it', async (t) => {
  const { server } = await start(t)
  const { organization, project } = await defaultTenant(server)
  const other = await createProject(server.app.services, organization, 'other')
  const key = await server.newKey({ projectIds: [other.id, project] })
  for (const way of ways) {
    const before = await usageNow(server, 'project')
    await setQuota(server, 'project', { bytes: before.bytes + 5000 })
    assert.deepEqual(await createAtOnce(server, 20, 1000, way, `Bearer ${key}`), { 200: 5, 429: 15 })
    assert.deepEqual(await usageNow(server, 'project'), {
      files: before.files + 5,
      bytes: before.bytes + 5000,
    })
  }
  assert.deepEqual(await server.app.services.metadata.usage('project', other.id), { files: 0, bytes: 0 })
})

async function announce(server: TestServer, contentLength: number, start: string): Promise<RawConnection> {
  const connection = await RawConnection.open(server.url)
  const authorization = `Authorization: Api-Key ${server.key}`
  connection.write(
    `POST ${YANDEX_FILES} HTTP/1.1\r\nHost: x\r\n${authorization}\r\nContent-Length: ${contentLength}\r\n\r\n${start}`,
  )
  return connection
}

test('what is announced to be too much is refused before its bytes are sent', async (t) => {
  const { server } = await start(t)
  await setQuota(server, 'organization', { bytes: 10 * MIB })
  const connection = await announce(server, 100 * MIB, '{"folderId":"default","content":"eHh4')
  const { status, body } = readAnswer(await connection.until(/\}$/))
  connection.end()
  assert.equal(status, 429)
  assert.match(body, /"code":8/)
  await assertKeeps(server, 0)
})

test('a folder of others is refused before the content is sent', async (t) => {
  const { server } = await start(t)
  const connection = await announce(server, 100 * MIB, '{"folderId":"b1gother","content":"eHh4')
  const { status } = readAnswer(await connection.until(/\}$/))
  connection.end()
  assert.equal(status, 403)
  await assertKeeps(server, 0)
})

test('uploads that break off, or turn out to be wrong, give their reservations back', async (t) => {
  const { server, rest } = await start(t)
  const begun = `{"folderId":"default","content":"${'eHh4'.repeat(1000)}`
  const connections = await Promise.all(Array.from({ length: 5 }, () => announce(server, 10 * MIB, begun)))
  while ((await usageNow(server)).files < 5) await delay(5)
  assert.deepEqual(await usageNow(server), { files: 5, bytes: 5 * 3 * MIB })
  for (const connection of connections) connection.reset()
  assert.deepEqual(await settledUsage(server), { files: 0, bytes: 0 })
  const content = base64Of(Buffer.alloc(3 * MIB))
  for (const wrong of [{ mimeType: 'pdf' }, { content: `${content}!` }, { bogus: 1 }, { content: '' }])
    assert.equal((await rest.create({ content, ...wrong })).status, 400)
  assert.deepEqual(await settledUsage(server), { files: 0, bytes: 0 })
})

test('a body whose escapes make it twice as long fits to the last byte', async (t) => {
  const { server, rest } = await start(t)
  const size = 3 * MIB
  await setQuota(server, 'project', { bytes: size })
  const content = base64Of(Buffer.alloc(size, 0xff)).replaceAll('/', '\\/')
  const answer = await rest.ask('POST', YANDEX_FILES, `{"folderId":"default","content":"${content}"}`)
  assert.equal(answer.status, 200, answer.text)
  assert.deepEqual(await settledUsage(server), { files: 1, bytes: size })
})

test('over gRPC, where the size is known before a byte is kept, exactly as many get in as fit', async (t) => {
  const { server } = await start(t, withGrpc)
  const grpc = YandexClient.of(server)
  t.after(() => grpc.close())
  await setQuota(server, 'project', { bytes: 33_500 })
  const calls = Array.from({ length: 100 }, () => grpc.stored(Buffer.alloc(1000)))
  const results = await Promise.allSettled(calls)
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 33)
  assert.deepEqual(await settledUsage(server), { files: 33, bytes: 33_000 })
})
