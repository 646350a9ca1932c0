/** A server that was taken for dead while it received bytes: its leases have ended, and their bytes are being collected. */
import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { grpcCodes } from '../src/grpc/status.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient, ok, putBytes } from './lightfield-client.ts'
import { filePart, LlamaCloudClient, purposePart } from './llamacloud-client.ts'
import { settledUsage } from './usage.ts'
import { codeOf, withGrpc, YandexClient } from './yandex-client.ts'
import { YandexRest } from './yandex-rest.ts'

let server: TestServer

before(async () => {
  server = await TestServer.start(withGrpc)
})
after(() => server.stop())

/** Once the bytes of the next upload are durable, what the leader does to blobs of dead nodes is done to them. */
function buryNext(t: TestContext): void {
  const { blobs, metadata, clock } = server.app.services
  const put = t.mock.method(blobs, 'put', async (...args: Parameters<typeof blobs.put>) => {
    put.mock.restore()
    const stored = await blobs.put(...args)
    const [key] = args
    await metadata.commit([
      { kind: 'blob.release', blob: { key, collectAfter: clock.now(), mayComeLate: true } },
      { kind: 'blob.collect', key },
    ])
    return stored
  })
}

test('an upload whose lease was taken away gets 503 and may try again, on links and over each API', async (t) => {
  const field = new LightfieldClient(server)
  const upload = await field.pending()
  const requests = {
    'a PUT on a link': () => putBytes(upload),
    LlamaCloud: () => new LlamaCloudClient(server).upload([purposePart(), filePart()]),
    'Yandex over REST': () => new YandexRest(server).create(),
  }
  for (const [name, send] of Object.entries(requests)) {
    buryNext(t)
    const refused = await send()
    assert.deepEqual(
      [refused.status, refused.headers.get('retry-after')],
      [503, '1'],
      `${name}: ${refused.text}`,
    )
    assert.ok((await send()).status < 300, name)
  }
  assert.equal(ok(await field.complete(upload.id)).status, 'COMPLETED')
  await settledUsage(server)
})

test('over gRPC it is UNAVAILABLE', async (t) => {
  const client = YandexClient.of(server)
  t.after(() => client.close())
  buryNext(t)
  assert.equal(await codeOf(client.stored()), grpcCodes.UNAVAILABLE)
  await client.stored()
})
