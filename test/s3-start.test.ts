import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { startApp } from '../src/app/app.ts'
import { loadConfig } from '../src/app/settings.ts'
import type { Environment } from '../src/config/setting.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient } from './lightfield-client.ts'
import { newFolder } from './new-folder.ts'
import { type S3Quirks, S3TestServer } from './s3/server.ts'
import { s3Settings } from './s3/settings.ts'
import { until } from './until.ts'

async function startS3(t: TestContext, quirks: S3Quirks = {}): Promise<S3TestServer> {
  const s3 = await S3TestServer.start(quirks)
  t.after(() => s3.stop())
  return s3
}

/** What the start fails with, if the settings of the bucket are changed like this. */
async function failureOf(s3: S3TestServer, changes: Environment = {}): Promise<string> {
  const started = TestServer.start({ ...s3Settings(s3), ...changes })
  return started.then(
    async (server) => {
      await server.stop()
      return 'none'
    },
    (error: Error) => error.message,
  )
}

test('a start on S3 keeps files there, over a restart, and nothing in the data folder', async (t) => {
  const s3 = await startS3(t)
  const server = await TestServer.start(s3Settings(s3))
  t.after(() => server.stop())
  const content = 'hello'.repeat(20_000)
  const { id } = await new LightfieldClient(server).stored(content)
  assert.deepEqual(
    [...s3.objects.keys()].map((name) => name.replace(/[0-9a-f]{2}\/[0-9a-f]{32}$/, 'key')).sort(),
    ['STORE', 'blobs/key'],
  )
  await server.restart()
  const link = await new LightfieldClient(server).link(id)
  assert.equal(await (await fetch(link)).text(), content)
})

test('a bucket that is not there stops the start', async (t) => {
  const s3 = await startS3(t)
  assert.match(
    await failureOf(s3, { ENTREPOT_S3_BUCKET: 'nowhere' }),
    /^There is no bucket "nowhere" at http.*create it/,
  )
})

test('wrong credentials stop the start', async (t) => {
  const s3 = await startS3(t)
  for (const changes of [{ AWS_SECRET_ACCESS_KEY: 'wrong' }, { AWS_ACCESS_KEY_ID: 'AKIAWRONG' }]) {
    const failure = await failureOf(s3, changes)
    assert.match(failure, /refuses these credentials .* correct AWS_ACCESS_KEY_ID/)
    assert.doesNotMatch(failure, /that only tests know|wrong/)
  }
})

test('an endpoint where nobody is, or somebody else, stops the start', async (t) => {
  const s3 = await startS3(t)
  const gone = await S3TestServer.start()
  const { endpoint } = gone
  await gone.stop()
  assert.match(
    await failureOf(s3, { ENTREPOT_S3_ENDPOINT: endpoint }),
    /cannot be reached \(ECONNREFUSED\); start the store, or correct ENTREPOT_S3_ENDPOINT\.$/,
  )
  const other = await TestServer.start()
  t.after(() => other.stop())
  assert.match(
    await failureOf(s3, { ENTREPOT_S3_ENDPOINT: other.url }),
    / answers 404, and not as S3 does; correct ENTREPOT_S3_ENDPOINT\.$/,
  )
  assert.match(
    await failureOf(s3, { ENTREPOT_S3_ENDPOINT: s3.endpoint.replace('http:', 'https:') }),
    / does not speak TLS \(EPROTO\); write http:/,
  )
})

test('a web server that answers anything with a page, or with a refusal of its own, is told from S3', async (t) => {
  const s3 = await startS3(t)
  for (const [status, body] of [
    [200, '<html>Welcome</html>'],
    [200, ''],
    [200, '{"ok":true}'],
    [302, ''],
    [403, '<html>Forbidden</html>'],
    [503, 'no upstream'],
  ] as const) {
    const web = createServer((_request, response) => response.writeHead(status).end(body))
    await once(web.listen(0, '127.0.0.1'), 'listening')
    const endpoint = `http://127.0.0.1:${(web.address() as AddressInfo).port}`
    const failure = await failureOf(s3, { ENTREPOT_S3_ENDPOINT: endpoint })
    web.closeAllConnections()
    web.close()
    const help = status === 503 ? 'start the store, or correct' : 'correct'
    assert.equal(
      failure,
      `${endpoint} answers ${status}, and not as S3 does; ${help} ENTREPOT_S3_ENDPOINT.`,
      body,
    )
  }
})

test('a bucket that keeps old versions stops the start, and keeps nothing of it', async (t) => {
  const s3 = await startS3(t, { versioned: true })
  assert.match(await failureOf(s3), /^The bucket "entrepot-test" keeps old versions/)
  assert.equal(s3.objects.size, 0)
})

test('a bucket of another installation stops the start', async (t) => {
  const s3 = await startS3(t)
  const server = await TestServer.start(s3Settings(s3))
  t.after(() => server.stop())
  assert.match(await failureOf(s3), /holds the files of another installation .*ENTREPOT_S3_PREFIX/)
  assert.equal(await failureOf(s3, { ENTREPOT_S3_PREFIX: 'mine' }), 'none')
})

test('a start that would look for the bytes in another place than they are stops', async (t) => {
  const s3 = await startS3(t)
  const server = await TestServer.start(s3Settings(s3))
  t.after(() => server.stop())
  await assert.rejects(
    server.restart({ ENTREPOT_S3_BUCKET: '' }),
    /are kept in S3 entrepot-test\/; set ENTREPOT_S3_BUCKET/,
  )
  const elsewhere = { ...s3Settings(s3), ENTREPOT_S3_PREFIX: 'other/' }
  await assert.rejects(server.restart(elsewhere), /are kept in S3 entrepot-test\/; start with/)
  await server.restart()
})

test('a data folder that has the bytes keeps them', async (t) => {
  const s3 = await startS3(t)
  const dataDir = newFolder('entrepot-s3-start-')
  const ports = { ENTREPOT_PORT: '0', ENTREPOT_METRICS_PORT: 'off', ENTREPOT_GRPC_PORT: 'off' }
  const start = (settings: Environment) =>
    startApp(loadConfig({ ...ports, ...settings, ENTREPOT_DATA_DIR: dataDir }), {
      logger: pino({ level: 'silent' }),
    })
  await (await start({})).stop()
  await assert.rejects(start(s3Settings(s3)), /are kept on disk; start with/)
  assert.deepEqual([...s3.objects.keys()], [])
})

test('a start on the bucket of another installation leaves no mark, so that the next may be on the right one', async (t) => {
  const s3 = await startS3(t)
  const other = await TestServer.start(s3Settings(s3))
  t.after(() => other.stop())
  const dataDir = newFolder('entrepot-s3-start-')
  const ports = { ENTREPOT_PORT: '0', ENTREPOT_METRICS_PORT: 'off', ENTREPOT_GRPC_PORT: 'off' }
  const start = (settings: Environment) =>
    startApp(loadConfig({ ...s3Settings(s3), ...ports, ...settings, ENTREPOT_DATA_DIR: dataDir }), {
      logger: pino({ level: 'silent' }),
    })
  await assert.rejects(start({}), /another installation/)
  await (await start({ ENTREPOT_S3_PREFIX: 'mine/' })).stop()
})

test('a clock that is far off does not stop the start: signatures follow that of the store', async (t) => {
  const s3 = await startS3(t, { clockAheadMs: 60 * 60 * 1000 })
  assert.equal(await failureOf(s3), 'none')
})

test('a store of fewer abilities serves all the same', async (t) => {
  const s3 = await startS3(t, { noConditions: true, noChecksums: true, opaqueEtags: true })
  const server = await TestServer.start(s3Settings(s3))
  t.after(() => server.stop())
  const client = new LightfieldClient(server)
  const { id } = await client.stored('hello')
  assert.equal(await (await fetch(await client.link(id))).text(), 'hello')
})

test('the start says in one line what the store can do, and nothing secret', async (t) => {
  const s3 = await startS3(t, { noConditions: true, clockAheadMs: 90_000 })
  const dataDir = newFolder('entrepot-s3-start-')
  const ports = { ENTREPOT_PORT: '0', ENTREPOT_METRICS_PORT: 'off', ENTREPOT_GRPC_PORT: 'off' }
  const config = loadConfig({ ...s3Settings(s3), ...ports, ENTREPOT_DATA_DIR: dataDir })
  const lines: string[] = []
  const logger = pino({ level: 'info' }, { write: (line: string) => lines.push(line) })
  const app = await startApp(config, { logger })
  t.after(() => app.stop())
  const line = JSON.parse(lines.find((text) => text.includes('conditionalWrites')) ?? '{}')
  const { bucket, conditionalWrites, checksums, digests, etagIsMd5, copyDigest, conditionalCopy } = line
  assert.deepEqual(
    { bucket, conditionalWrites, checksums, digests, etagIsMd5, copyDigest, conditionalCopy },
    {
      bucket: s3.bucket,
      conditionalWrites: false,
      checksums: true,
      digests: true,
      etagIsMd5: true,
      copyDigest: true,
      conditionalCopy: false,
    },
  )
  assert.ok(Math.abs(line.clockSkewSeconds - 90) <= 2)
  assert.doesNotMatch(lines.join(''), /only tests know/)
})

test('a server whose store goes away is not ready, and says so', async (t) => {
  const s3 = await startS3(t)
  const server = await TestServer.start(s3Settings(s3))
  t.after(() => server.stop())
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200)
  await server.restart()
  s3.break({ operation: 'PutObject', times: 99, effect: { status: 500, code: 'InternalError' } })
  assert.equal((await fetch(`${server.url}/readyz`)).status, 503)
  s3.heal()
  // What was found not to work is looked at again after a second.
  assert.ok(await until(5000, async () => (await fetch(`${server.url}/readyz`)).status === 200))
})

test('settings of a bucket without a bucket, halves of credentials, or a setting of the disk stop the start', async (t) => {
  const s3 = await startS3(t)
  assert.match(
    await failureOf(s3, { ENTREPOT_S3_BUCKET: '' }),
    /ENTREPOT_S3_ENDPOINT needs ENTREPOT_S3_BUCKET/,
  )
  assert.match(await failureOf(s3, { AWS_SECRET_ACCESS_KEY: '' }), /go together/)
  assert.match(await failureOf(s3, { ENTREPOT_S3_PREFIX: '/a' }), /ENTREPOT_S3_PREFIX must be/)
  const downloads = { ENTREPOT_ACCEL_REDIRECT: '/blobs/' }
  assert.match(await failureOf(s3, downloads), /ENTREPOT_ACCEL_REDIRECT .* not go with ENTREPOT_S3_BUCKET/)
})
