import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestServer } from './harness.ts'
import { type Answer, LightfieldClient, putBytes } from './lightfield-client.ts'
import { filePart, LlamaCloudClient, purposePart } from './llamacloud-client.ts'
import { S3TestServer } from './s3/server.ts'
import { s3Settings } from './s3/settings.ts'
import { until } from './until.ts'
import { settledUsage } from './usage.ts'
import { codeOf, withGrpc, YandexClient } from './yandex-client.ts'
import { YandexRest } from './yandex-rest.ts'

const UNAVAILABLE = 14
const UPLOADS = 4
/** How long the bucket takes for each, which is when the leases go. */
const PUT_MS = 1000

/** What other servers do once they take this one for dead. */
async function takeLeases({ app }: TestServer): Promise<number> {
  const { metadata, clock, policy } = app.services
  const intended = await metadata.listCollectableBlobs(clock.now() + policy.writeLeaseMs, 100)
  for (const { key } of intended) {
    const blob = { key, collectAfter: clock.now(), mayComeLate: true }
    await metadata.commit([
      { kind: 'blob.release', blob },
      { kind: 'blob.collect', key },
    ])
  }
  return intended.length
}

function assertComeAgain({ status, headers, text }: Answer<unknown>): void {
  assert.equal(status, 503, text)
  assert.match(headers.get('retry-after') ?? '', /^[1-9]\d?$/)
}

test('an upload whose lease was taken from its server is told to come again, in every dialect', async (t) => {
  const s3 = await S3TestServer.start()
  t.after(() => s3.stop())
  const server = await TestServer.start({ ...s3Settings(s3), ...withGrpc, ENTREPOT_INLINE_BYTES: '0' })
  t.after(() => server.stop())
  const grpc = YandexClient.of(server)
  t.after(() => grpc.close())
  const upload = await new LightfieldClient(server).pending()
  s3.break({ operation: 'PutObject', times: UPLOADS, effect: { delayMs: PUT_MS } })
  const answers = Promise.all([
    putBytes(upload),
    new LlamaCloudClient(server).upload([purposePart(), filePart()]),
    new YandexRest(server).create(),
  ])
  const code = codeOf(grpc.stored())
  assert.ok(await until(5000, () => s3.inFlight === UPLOADS), 'the uploads did not reach the bucket')
  assert.equal(await takeLeases(server), UPLOADS)
  for (const answer of await answers) assertComeAgain(answer)
  assert.equal(await code, UNAVAILABLE)
  assert.equal((await settledUsage(server)).files, 1)
  assert.equal((await putBytes(upload)).status, 200)
})
