import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { parseFileId } from '../src/dialects/all.ts'
import type { FileBody } from '../src/dialects/llamacloud/wire.ts'
import { grpcCodes } from '../src/grpc/status.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient, ok } from './lightfield-client.ts'
import { LlamaCloudClient } from './llamacloud-client.ts'
import { codesOf, withGrpc, YandexClient } from './yandex-client.ts'
import { done, YandexRest } from './yandex-rest.ts'

async function start(t: TestContext, touchOn: 'none' | 'download' | 'read') {
  const server = await TestServer.start({ ...withGrpc, ENTREPOT_TOUCH_ON: touchOn })
  const grpc = YandexClient.of(server)
  t.after(async () => {
    grpc.close()
    await server.stop()
  })
  return {
    server,
    grpc,
    rest: new YandexRest(server),
    llama: new LlamaCloudClient(server),
    field: new LightfieldClient(server),
  }
}

type Clients = Awaited<ReturnType<typeof start>>

/** What counts as a download and what only as reading, in every API. */
const downloads: Readonly<Record<string, (clients: Clients, id: string) => Promise<unknown>>> = {
  'the URL of Yandex over REST': ({ rest }, id) => rest.url(id),
  'the URL of Yandex over gRPC': ({ grpc }, id) => grpc.url(id),
  'the URL of Lightfield': ({ field }, id) => field.link(id),
  'the URL of LlamaCloud': ({ llama }, id) => llama.get(`/${id}/content`),
}
const reads: typeof downloads = {
  'get of Yandex over REST': async ({ rest }, id) => done(await rest.get(id)),
  'get of Yandex over gRPC': ({ grpc }, id) => grpc.get(id),
  'retrieve of Lightfield': async ({ field }, id) => ok(await field.retrieve(id)),
  'get of LlamaCloud': ({ llama }, id) => llama.get(`/${id}`),
}

/** The file has ended at this very instant, for everybody, and not a millisecond before. */
async function assertGone({ rest, grpc, llama, field }: Clients, id: string): Promise<void> {
  for (const { status } of [
    await rest.get(id),
    await rest.ask('GET', `/files/v1/files:getUrl?fileId=${id}`),
    await rest.delete(id),
    await llama.get(`/${id}`),
    await llama.get(`/${id}/content`),
    await field.retrieve(id),
    await field.url(id),
  ])
    assert.equal(status, 404)
  const codes = await codesOf(grpc.get(id), grpc.url(id), grpc.delete(id))
  assert.deepEqual(new Set(codes), new Set([grpcCodes.NOT_FOUND]))
  for (const listed of [
    done(await rest.list()).files,
    await grpc.listAll(),
    (await llama.query()).body.items,
    ok(await field.list()).data,
  ])
    assert.ok(!listed.some((file) => parseFileId(file.id) === parseFileId(id)))
}

for (const [touchOn, activities] of [
  ['download', downloads],
  ['read', { ...downloads, ...reads }],
] as const) {
  test(`touch_on=${touchOn}: every kind of it lets a file live on, and the end is told`, async (t) => {
    const clients = await start(t, touchOn)
    const { server, rest, llama } = clients
    const { id, updatedAt } = await rest.stored()
    for (const [name, touch] of Object.entries(activities)) {
      server.clock.advance({ days: 6 })
      await touch(clients, id)
      const end = server.clock.now() + 7 * 86_400_000
      const file = done(await rest.get(id))
      assert.equal(Date.parse(file.expiresAt ?? ''), end, name)
      assert.equal(file.updatedAt, updatedAt)
      assert.equal(Date.parse((await llama.get<FileBody>(`/${id}`)).body.expires_at ?? ''), end)
    }
    server.clock.advance({ days: 7 })
    await assertGone(clients, id)
  })
}

test('touch_on=download: a download by a link counts, reading does not', async (t) => {
  const clients = await start(t, 'download')
  const { server, rest } = clients
  const [loaded, read] = [await rest.stored(), await rest.stored()]
  const link = await rest.url(loaded.id)
  server.clock.advance({ minutes: 30 })
  assert.equal(await (await fetch(link)).text(), 'test file')
  server.clock.advance({ days: 6, hours: 23, minutes: 30, ms: -1 })
  for (const touch of Object.values(reads)) await touch(clients, read.id)
  server.clock.advance({ ms: 1 })
  await assertGone(clients, read.id)
  assert.equal((await rest.get(loaded.id)).status, 200)
  server.clock.advance({ minutes: 30 })
  await assertGone(clients, loaded.id)
})

test('touch_on=none, the default: nothing moves the end', async (t) => {
  const clients = await start(t, 'none')
  const { server, rest } = clients
  const { id, expiresAt } = await rest.stored()
  server.clock.advance({ days: 6 })
  for (const touch of Object.values({ ...downloads, ...reads })) await touch(clients, id)
  assert.equal(await rest.download(id), 'test file')
  assert.equal(done(await rest.get(id)).expiresAt, expiresAt)
  server.clock.advance({ days: 1 })
  await assertGone(clients, id)
})

test('only files that live since their last activity are touched', async (t) => {
  const clients = await start(t, 'read')
  const { server, rest, llama } = clients
  const fixed = await rest.stored('x', { expirationConfig: { expirationPolicy: 'STATIC', ttlDays: 7 } })
  const endless = await llama.stored()
  server.clock.advance({ days: 6 })
  for (const touch of Object.values(downloads)) await touch(clients, fixed.id)
  assert.equal(done(await rest.get(fixed.id)).expiresAt, fixed.expiresAt)
  assert.equal(done(await rest.get(endless.id)).expiresAt, null)
  server.clock.advance({ days: 1 })
  await assertGone(clients, fixed.id)
})

test('a file that slides has moved its base: fewer days count from the last activity', async (t) => {
  const { server, rest } = await start(t, 'download')
  const { id } = await rest.stored()
  server.clock.advance({ days: 5 })
  await rest.url(id)
  const base = server.clock.now()
  const file = done(
    await rest.update(id, { updateMask: 'expirationConfig.ttlDays', expirationConfig: { ttlDays: 2 } }),
  )
  assert.equal(Date.parse(file.expiresAt ?? ''), base + 2 * 86_400_000)
  const fixed = { updateMask: 'expirationConfig.expirationPolicy', expirationConfig: { expirationPolicy: 1 } }
  assert.equal(done(await rest.update(id, fixed)).expiresAt, file.expiresAt)
})

test('a file that begins to slide late keeps its end until the next activity', async (t) => {
  const { server, rest } = await start(t, 'download')
  const made = await rest.stored('x', { expirationConfig: { expirationPolicy: 'STATIC', ttlDays: 7 } })
  server.clock.advance({ days: 6 })
  await rest.url(made.id)
  const expirationConfig = { expirationPolicy: 'SINCE_LAST_ACTIVE' }
  const change = { updateMask: 'expirationConfig.expirationPolicy', expirationConfig }
  assert.equal(done(await rest.update(made.id, change)).expiresAt, made.expiresAt)
  await rest.url(made.id)
  const { expiresAt } = done(await rest.get(made.id))
  assert.equal(Date.parse(expiresAt ?? ''), server.clock.now() + 7 * 86_400_000)
})

test('downloads cost one durable write a minute, however many there are', async (t) => {
  const { server, rest } = await start(t, 'download')
  const { id } = await rest.stored()
  const link = await rest.url(id)
  const { metadata } = server.app.services
  let touches = 0
  const commit = metadata.commit.bind(metadata)
  t.mock.method(metadata, 'commit', async (changes: Parameters<typeof commit>[0]) => {
    await commit(changes)
    if (changes.some(({ kind }) => kind === 'file.update')) touches++
  })
  const load = async (count: number) => {
    for (let i = 0; i < count; i++) await (await fetch(link)).text()
  }
  await load(20)
  // It is as old as its creation.
  assert.equal(touches, 0)
  server.clock.advance({ minutes: 1 })
  await load(20)
  assert.equal(touches, 1)
  server.clock.advance({ seconds: 59 })
  await load(20)
  assert.equal(touches, 1)
  server.clock.advance({ seconds: 1 })
  await Promise.all(Array.from({ length: 20 }, () => load(1)))
  assert.equal(touches, 2)
})
