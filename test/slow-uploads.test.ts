import assert from 'node:assert/strict'
import { connect as connectHttp2 } from 'node:http2'
import { after, before, test } from 'node:test'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { TestServer } from './harness.ts'
import { BOUNDARY, FILES, filePart, formOf, LlamaCloudClient, purposePart } from './llamacloud-client.ts'
import { RawConnection } from './raw-http.ts'
import { S3TestServer } from './s3/server.ts'
import { s3Settings } from './s3/settings.ts'
import { until } from './until.ts'
import { withGrpc, YandexClient } from './yandex-client.ts'

/** What the memory for uploads would hold if each took a part of 16 MiB as it begins. */
const UPLOADS = 34
/** Of the largest size, twice as many as one gigabyte would hold if each was kept twice. */
const CREATES = 8
const ANNOUNCED_BYTES = 200 * 1024 * 1024
const PATIENCE_MS = 15_000

let s3: S3TestServer
let server: TestServer

before(async () => {
  s3 = await S3TestServer.start()
  server = await TestServer.start({ ...s3Settings(s3), ...withGrpc })
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

test('creates over gRPC that announce the most and send next to nothing keep nobody from creating', async (t) => {
  const session = connectHttp2(`http://${server.grpcAddress}`)
  t.after(() => session.destroy())
  const before = await begunBlobs()
  const messageBytes = 128 * 1024 * 1024
  const start = new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .string('default')
    .tag(5, WireType.LengthDelimited)
    .uint32(messageBytes - 100)
    .finish()
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(messageBytes, 1)
  for (let n = 0; n < CREATES; n++) {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/yandex.cloud.ai.files.v1.FileService/Create',
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: `Bearer ${server.key}`,
    })
    stream.on('error', () => undefined)
    stream.write(Buffer.concat([prefix, start, Buffer.alloc(2_000)]))
  }
  assert.ok(await until(PATIENCE_MS, async () => (await begunBlobs()) === before + CREATES))
  const { key } = await server.newTenant('another')
  for (const secret of [key, server.key]) {
    const client = new YandexClient(server.grpcAddress, `Api-Key ${secret}`)
    await client.stored(Buffer.alloc(1_000))
    client.close()
  }
  assert.ok(server.app.memory.usedBytes < 1024 * 1024)
})
