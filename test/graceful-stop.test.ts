import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, credentials } from '@grpc/grpc-js'
import { ServerProcess } from './faults/server-process.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient, ok } from './lightfield-client.ts'
import { newFolder } from './new-folder.ts'
import { RawConnection, readAnswer } from './raw-http.ts'
import { until } from './until.ts'
import { bodyBegun, headOf, keptBytes } from './upload.harness.ts'
import { withGrpc } from './yandex-client.ts'

/** Less than what a socket takes at once (64 KiB): the server writes the last byte without waiting. */
const PIECE_BYTES = 60_000
/** In which a server on this machine writes all that the system takes. */
const FILLING_MS = 200

test('a server that lives and can work says so, without a key', async (t) => {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const statusOf = { '/healthz': 'ok', '/readyz': 'ready' }
  for (const [path, status] of Object.entries(statusOf)) {
    const response = await fetch(server.url + path)
    assert.deepEqual([response.status, await response.json()], [200, { status }])
  }
})

test('a server that stops finishes what it began, is no longer ready, and takes nobody new', async (t) => {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const client = new LightfieldClient(server)
  const { url } = server
  const upload = await client.pending({ sizeBytes: 200_000 })
  const before = await keptBytes(server)
  const sender = await RawConnection.open(url)
  sender.write(headOf(upload, 'content-length: 200000') + 'x'.repeat(100_000))
  await bodyBegun(server, before)
  const idle = await RawConnection.open(url)
  idle.write('GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n')
  await idle.until(/\}$/)
  const probe = await RawConnection.open(url)
  probe.write('GET /readyz HTTP/1.1\r\nhost: a\r\n')
  await fetch(`${url}/healthz`)

  const stopped = server.app.stop()
  await idle.closed()
  probe.write('\r\n')
  const { status, body } = readAnswer(await probe.until(/\}$/))
  assert.deepEqual([status, JSON.parse(body).problems], [503, ['stopping']])
  await assert.rejects(fetch(`${url}/healthz`))
  sender.write('x'.repeat(100_000))
  assert.match(await sender.closed(), /^HTTP\/1\.1 200 /)
  await stopped
  await server.restart()
  assert.equal(ok(await client.complete(upload.id)).status, 'COMPLETED')
})

test('an answer that its reader has not taken yet comes whole while the server stops', async (t) => {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const client = new LightfieldClient(server)
  const link = new URL(await client.link((await client.stored('x'.repeat(PIECE_BYTES))).id))
  const socket = connect(Number(link.port), link.hostname).pause()
  t.after(() => socket.destroy())
  // More than the system keeps for a reader that takes nothing: the server is left with one of the answers in its hands.
  socket.write(`GET ${link.pathname} HTTP/1.1\r\nhost: a\r\n\r\n`.repeat(400))
  await sleep(FILLING_MS)
  const stopped = server.app.stop()
  await sleep(FILLING_MS)
  const answers = (await buffer(socket)).toString('latin1').split('HTTP/1.1 200 OK').slice(1)
  assert.ok(answers.length > 1 && answers.length < 400, `${answers.length} answers`)
  for (const answer of answers) assert.equal(answer.split('\r\n\r\n')[1]?.length, PIECE_BYTES)
  await stopped
})

/** `NOT_SERVING` of grpc.health.v1.HealthCheckResponse. */
const NOT_SERVING = '0802'

async function healthOf(grpc: Client): Promise<string> {
  return new Promise((resolve, reject) => {
    const asIs = (bytes: Buffer) => bytes
    grpc.makeUnaryRequest('/grpc.health.v1.Health/Check', asIs, asIs, Buffer.alloc(0), (error, answer) =>
      error ? reject(error) : resolve(answer?.toString('hex') ?? ''),
    )
  })
}

test('a server that drains serves all, is not ready, and ends connections with their next answer', async (t) => {
  const server = await TestServer.start({ ENTREPOT_DRAIN_SECONDS: '20', ...withGrpc })
  t.after(() => server.stop())
  const { url } = server
  const client = new LightfieldClient(server)
  const grpc = new Client(server.grpcAddress, credentials.createInsecure())
  t.after(() => grpc.close())
  const [used, unused] = [await RawConnection.open(url), await RawConnection.open(url)]
  for (const connection of [used, unused]) {
    connection.write('GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n')
    assert.doesNotMatch(await connection.until(/\}$/), /connection: close/i)
  }
  const haste = new AbortController()
  const stopped = server.app.stop(haste.signal)

  const ready = await fetch(`${url}/readyz`)
  assert.deepEqual([ready.status, ready.headers.get('connection')], [503, 'close'])
  assert.equal(await healthOf(grpc), NOT_SERVING)
  const created = await client.create()
  assert.deepEqual([created.status, created.headers.get('connection')], [200, 'close'])
  used.write('GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n')
  assert.match(await used.closed(), /\{"status":"ok"\}HTTP[\s\S]+connection: close[\s\S]+\{"status":"ok"\}$/i)
  assert.equal(unused.isClosed, false)

  haste.abort()
  await unused.closed()
  await stopped
  await assert.rejects(fetch(`${url}/healthz`))
})

test('a second signal ends the draining at once', async (t) => {
  const dataDir = newFolder('entrepot-drain-')
  const server = await ServerProcess.start({ dataDir, settings: { ENTREPOT_DRAIN_SECONDS: '20' } })
  t.after(() => server.end('SIGKILL'))
  const begin = performance.now()
  const exit = server.end('SIGTERM')
  const isDraining = async () => (await fetch(`${server.url}/readyz`)).status === 503
  assert.ok(await until(5000, isDraining))
  await server.end('SIGINT')
  assert.deepEqual(await exit, { code: 0, signal: null })
  assert.ok(performance.now() - begin < 15_000)
  const told = [
    /"signal":"SIGTERM","drainSeconds":20,"msg":"stopping"/,
    /"signal":"SIGINT","msg":"second signal;/,
  ]
  assert.ok(await until(1000, async () => told.every((line) => line.test(server.output))), server.output)
})

test('Ctrl-C, which npm forwards to a server that has it already, is one signal', async (t) => {
  const settings = { ENTREPOT_DRAIN_SECONDS: '20' }
  const server = await ServerProcess.start({ dataDir: newFolder('entrepot-ctrl-c-'), settings })
  t.after(() => server.end('SIGKILL'))
  void server.end('SIGINT')
  assert.ok(await until(5000, async () => server.output.includes('"msg":"stopping"')))
  void server.end('SIGINT')
  const isDraining = async () => (await fetch(`${server.url}/readyz`)).status === 503
  assert.ok(await until(5000, isDraining))
  assert.doesNotMatch(server.output, /second signal/)
  void server.end('SIGTERM')
  assert.ok(await until(5000, async () => server.output.includes('second signal')))
})

test('a second signal to a stop that has nothing to drain does not say that it ends the draining', async (t) => {
  const server = await ServerProcess.start({ dataDir: newFolder('entrepot-signals-') })
  t.after(() => server.end('SIGKILL'))
  const { hostname, port } = new URL(server.url)
  // A request in flight keeps the stop from ending before the second signal.
  const busy = connect(Number(port), hostname).on('error', () => undefined)
  t.after(() => busy.destroy())
  busy.write('POST /v1/files HTTP/1.1\r\nhost: a\r\n')
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200)
  void server.end('SIGTERM')
  assert.ok(await until(5000, async () => server.output.includes('"msg":"stopping"')))
  void server.end('SIGTERM')
  assert.ok(await until(5000, async () => server.output.includes('second signal')))
  assert.match(server.output, /"signal":"SIGTERM","msg":"second signal; the stop goes on"/)
})
