import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { loadConfig } from '../src/app/settings.ts'
import { collectBlobs } from '../src/core/upkeep/collect-blobs.ts'
import { entrepot } from './cli.harness.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient, putBytes } from './lightfield-client.ts'
import { filePart, LlamaCloudClient, purposePart } from './llamacloud-client.ts'
import { RawConnection } from './raw-http.ts'
import { S3TestServer } from './s3/server.ts'
import { s3Settings } from './s3/settings.ts'
import { until } from './until.ts'
import { headOf, keptBytes } from './upload.harness.ts'

/** The least that each may be. */
const DOWNLOAD_SECONDS = 60
const LEASE_SECONDS = 7200
const LATE_SECONDS = 900

async function start(t: TestContext) {
  const s3 = await S3TestServer.start()
  t.after(() => s3.stop())
  const server = await TestServer.start({
    ...s3Settings(s3),
    ENTREPOT_INLINE_BYTES: '0',
    ENTREPOT_COLLECT_DOWNLOAD_SECONDS: String(DOWNLOAD_SECONDS),
    ENTREPOT_COLLECT_LEASE_SECONDS: String(LEASE_SECONDS),
    ENTREPOT_COLLECT_LATE_SECONDS: String(LATE_SECONDS),
  })
  t.after(() => server.stop())
  const countBlobs = () => [...s3.objects.keys()].filter((name) => name.startsWith('blobs/')).length
  /** Nothing is removed a moment before, one blob at the moment. */
  const assertRemovedAfter = async (seconds: number) => {
    server.clock.advance({ seconds, ms: -1 })
    assert.equal(await collectBlobs(server.app.services), 0)
    server.clock.advance({ ms: 1 })
    assert.equal(await collectBlobs(server.app.services), 1)
  }
  return { s3, server, client: new LightfieldClient(server), countBlobs, assertRemovedAfter }
}

test('the bytes of a file that ended stay for as long as is set, and for nobody longer', async (t) => {
  const { server, client, countBlobs, assertRemovedAfter } = await start(t)
  const { id } = await client.stored()
  server.clock.advance({ seconds: LATE_SECONDS })
  const path = `${server.url}/llamacloud/api/v1/beta/files/${id}`
  const answer = await fetch(path, { method: 'DELETE', headers: { authorization: `Bearer ${server.key}` } })
  assert.ok(answer.ok, await answer.text())
  assert.equal(countBlobs(), 1)
  await assertRemovedAfter(DOWNLOAD_SECONDS)
  assert.equal(countBlobs(), 0)
})

test('what an upload that failed may have sent is removed when the set time is over, and once more after it', async (t) => {
  const { s3, server, client, assertRemovedAfter } = await start(t)
  s3.break({ operation: 'PutObject', effect: { status: 503, code: 'SlowDown' }, times: 9 })
  assert.equal((await putBytes(await client.pending())).status, 503)
  s3.heal()
  await assertRemovedAfter(LATE_SECONDS)
  await assertRemovedAfter(LATE_SECONDS)
  assert.deepEqual(await server.app.services.metadata.listCollectableBlobs(Number.MAX_SAFE_INTEGER, 9), [])
})

test('bytes that are being received may take the set time until their commit', async (t) => {
  const { server, client, assertRemovedAfter } = await start(t)
  const sender = await RawConnection.open(server.url)
  sender.write(`${headOf(await client.pending(), 'content-length: 5')}he`)
  const { metadata } = server.app.services
  const hasBegun = async () => (await metadata.listCollectableBlobs(Number.MAX_SAFE_INTEGER, 9)).length === 1
  assert.ok(await until(10_000, hasBegun))
  await assertRemovedAfter(LEASE_SECONDS)
  // Else the stop would wait for it.
  sender.end()
})

const skip = process.env.ENTREPOT_TEST_STORES === undefined ? false : 'only on SQLite and a disk'

test('doctor ends a file whose time is over and leaves its bytes to whoever reads them', {
  skip,
}, async (t) => {
  const server = await TestServer.start({ ENTREPOT_INLINE_BYTES: '0' })
  t.after(() => server.stop())
  const client = new LlamaCloudClient(server)
  // By the clock of the machine, which doctor goes by, this one ended long ago.
  assert.equal((await client.upload([purposePart('parse'), filePart('short-lived')])).status, 201)
  const before = await keptBytes(server)
  const settings = { ENTREPOT_DATA_DIR: server.dataDir }
  const { stdout } = await entrepot(['doctor', '--repair', '--json'], settings)
  assert.equal(JSON.parse(stdout).files, 0, stdout)
  assert.deepEqual(await keptBytes(server), before)
})

test('times that would remove bytes in use are refused, with the least that each may be', () => {
  const env = {
    ENTREPOT_COLLECT_DOWNLOAD_SECONDS: String(DOWNLOAD_SECONDS - 1),
    ENTREPOT_COLLECT_LEASE_SECONDS: String(LEASE_SECONDS - 1),
    ENTREPOT_COLLECT_LATE_SECONDS: String(LATE_SECONDS - 1),
  }
  assert.throws(() => loadConfig(env), {
    problems: Object.entries(env).map(
      ([name, value]) =>
        `${name} must be a whole number from ${Number(value) + 1} to 604800, not "${value}".`,
    ),
  })
})
