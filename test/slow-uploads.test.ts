import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from './harness.ts'
import { BOUNDARY, FILES, filePart, formOf, LlamaCloudClient, purposePart } from './llamacloud-client.ts'
import { RawConnection } from './raw-http.ts'
import { S3TestServer } from './s3/server.ts'
import { s3Settings } from './s3/settings.ts'
import { until } from './until.ts'

/** What the memory for uploads would hold if each took a part of 16 MiB as it begins. */
const UPLOADS = 34
const ANNOUNCED_BYTES = 200 * 1024 * 1024
const PATIENCE_MS = 15_000

let s3: S3TestServer
let server: TestServer

before(async () => {
  s3 = await S3TestServer.start()
  server = await TestServer.start(s3Settings(s3))
})
after(async () => {
  await server.stop()
  await s3.stop()
})

/** The beginning of an upload of which no more comes. */
async function beginUpload(): Promise<RawConnection> {
  const connection = await RawConnection.open(server.url)
  const form = formOf([purposePart(), filePart('x'.repeat(100_000))]).subarray(0, -BOUNDARY.length)
  const head = [
    `POST ${FILES} HTTP/1.1`,
    'host: x',
    `authorization: Bearer ${server.key}`,
    `content-type: multipart/form-data; boundary=${BOUNDARY}`,
    `content-length: ${ANNOUNCED_BYTES}`,
    '\r\n',
  ]
  connection.write(head.join('\r\n'))
  connection.write(form)
  return connection
}

async function begunBlobs(): Promise<number> {
  const { metadata, clock, policy } = server.app.services
  return (await metadata.listCollectableBlobs(clock.now() + policy.writeLeaseMs, 1_000)).length
}

test('uploads to a bucket that have hardly begun keep nobody else from uploading', async (t) => {
  const slow = await Promise.all(Array.from({ length: UPLOADS }, beginUpload))
  t.after(() => {
    for (const connection of slow) connection.end()
  })
  assert.ok(await until(PATIENCE_MS, async () => (await begunBlobs()) === UPLOADS))
  const { key } = await server.newTenant('other')
  const began = performance.now()
  const others = new LlamaCloudClient(server, key)
  for (const client of [others, new LlamaCloudClient(server)]) await client.stored()
  assert.ok(performance.now() - began < PATIENCE_MS)
})
