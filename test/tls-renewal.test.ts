import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { Agent, get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { connect, type TLSSocket } from 'node:tls'
import { credentials } from '@grpc/grpc-js'
import { DAY_MS, HOUR_MS } from '../src/core/ports/clock.ts'
import { type Certified, createAuthority, signServer } from '../src/ops/certificates.ts'
import { RenewedTls } from '../src/ops/tls.ts'
import { ServerProcess } from './faults/server-process.ts'
import { TestServer } from './harness.ts'
import { withGrpc, YandexClient } from './yandex-client.ts'

const POLL_MS = 20

let folder: string
let authority: Certified
let first: Certified
let second: Certified
let certPath: string
let keyPath: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'entrepot-renewal-'))
  certPath = join(folder, 'server.pem')
  keyPath = join(folder, 'server.key')
  const validity = { from: Date.now() - DAY_MS, until: Date.now() + 30 * DAY_MS }
  authority = await createAuthority('Test authority', validity)
  first = await signServer(authority, ['localhost', '127.0.0.1'], validity)
  second = await signServer(authority, ['localhost', '127.0.0.1'], validity)
})
after(() => rm(folder, { recursive: true, force: true }))

async function install({ cert, key }: Certified): Promise<void> {
  await writeFile(certPath, cert)
  await writeFile(keyPath, key)
}

const settings = () => ({ ENTREPOT_TLS_CERT: certPath, ENTREPOT_TLS_KEY: keyPath })

/** The serial number of the certificate that a new connection is shown. */
async function shownAt(address: string, ca = authority.cert): Promise<string> {
  const { hostname, port } = new URL(`tls://${address}`)
  const options = {
    host: hostname,
    port: Number(port),
    ca,
    ALPNProtocols: ['h2', 'http/1.1'],
  }
  return new Promise((resolve, reject) => {
    const socket = connect(options, () => {
      resolve(socket.getPeerCertificate().serialNumber)
      socket.destroy()
    }).once('error', reject)
  })
}

type Look = 'unchanged' | 'renewed' | 'failed' | undefined

/**
 * From here on timers and dates move by hand. The function that moves them says what the server's own look at the
 * certificate came to; undefined: it did not look.
 */
function watchLooks(t: TestContext, now = Date.now()): (afterMs: number) => Promise<Look> {
  const looks = t.mock.method(RenewedTls.prototype, 'renew').mock
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now })
  // Before the server stops, which takes its time.
  t.after(() => t.mock.timers.reset())
  return async (afterMs) => {
    const before = looks.callCount()
    t.mock.timers.tick(afterMs)
    await turn()
    const look = looks.calls[before]?.result
    const outcome = await look?.then((changed) => (changed ? 'renewed' : 'unchanged')).catch(() => 'failed')
    await ended(looks)
    return outcome as Look
  }
}

/** Resolves when no look is under way: the next one is planned. */
async function ended({ calls }: { readonly calls: readonly { readonly result?: unknown }[] }): Promise<void> {
  let seen: number
  do {
    seen = calls.length
    await Promise.allSettled(calls.map(({ result }) => result))
    await turn()
  } while (calls.length > seen)
}

function serialOf({ cert }: Certified): string {
  return new X509Certificate(cert).serialNumber
}

/** The status of a request on a connection that is kept, and the serial number of the certificate that it began with. */
async function statusOn(agent: Agent, url: string): Promise<[status: number | undefined, serial: string]> {
  return new Promise((resolve, reject) => {
    get(`${url}/healthz`, { agent, ca: authority.cert }, (answer) => {
      const { serialNumber } = (answer.socket as TLSSocket).getPeerCertificate()
      answer.resume().once('end', () => resolve([answer.statusCode, serialNumber]))
    }).once('error', reject)
  })
}

test('a certificate that is replaced is shown to new connections on both ports, and open ones go on', async (t) => {
  await install(first)
  const server = await TestServer.start({ ...withGrpc, ...settings() })
  t.after(() => server.stop())
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const grpc = new YandexClient(
    server.grpcAddress.replace('127.0.0.1', 'localhost'),
    `Api-Key ${server.key}`,
    credentials.createSsl(Buffer.from(authority.cert)),
  )
  t.after(() => {
    agent.destroy()
    grpc.close()
  })
  const ports = [new URL(server.url).host, server.grpcAddress]
  await grpc.stored()
  assert.deepEqual(await statusOn(agent, server.url), [200, serialOf(first)])
  for (const port of ports) assert.equal(await shownAt(port), serialOf(first))

  // Half replaced, they do not belong together: the old pair stays.
  await writeFile(certPath, second.cert)
  await assert.rejects(server.app.renewTls(), /is not the private key of the certificate/)
  for (const port of ports) assert.equal(await shownAt(port), serialOf(first))

  await install(second)
  await server.app.renewTls()
  for (const port of ports) assert.equal(await shownAt(port), serialOf(second))
  assert.deepEqual(await statusOn(agent, server.url), [200, serialOf(first)])
  assert.equal((await grpc.list()).files.length, 1)
})

test('the server itself looks at its certificate every hour, and goes on after a failure', async (t) => {
  await install(first)
  const look = watchLooks(t)
  const server = await TestServer.start({ ...withGrpc, ...settings() })
  t.after(() => server.stop())
  const ports = [new URL(server.url).host, server.grpcAddress]
  const assertShown = async (certificate: Certified) => {
    for (const port of ports) assert.equal(await shownAt(port), serialOf(certificate))
  }
  assert.equal(await look(0), 'unchanged')

  await install(second)
  assert.equal(await look(HOUR_MS - 1), undefined)
  await assertShown(first)
  assert.equal(await look(1), 'renewed')
  await assertShown(second)

  await writeFile(certPath, first.cert)
  assert.equal(await look(HOUR_MS), 'failed')
  await assertShown(second)
  await install(first)
  assert.equal(await look(HOUR_MS), 'renewed')
  await assertShown(first)
})

test('a certificate of our own making is made anew before it ends, under the same authority', async (t) => {
  const now = Date.now()
  const look = watchLooks(t, now - 350 * DAY_MS)
  const server = await TestServer.start({ ENTREPOT_TLS: 'self-signed' })
  t.after(() => server.stop())
  const ca = await readFile(server.app.caPath ?? '', 'utf8')
  const { host } = new URL(server.url)
  const before = await shownAt(host, ca)
  assert.equal(await look(300 * DAY_MS), 'unchanged')
  assert.equal(await shownAt(host, ca), before)
  assert.equal(await look(50 * DAY_MS), 'renewed')
  assert.notEqual(await shownAt(host, ca), before)
  const made = new X509Certificate(await readFile(join(server.dataDir, 'tls', 'server.pem')))
  assert.ok(made.validToDate.getTime() > now + 390 * DAY_MS)
})

test('SIGHUP reads the certificate again', async (t) => {
  await install(first)
  const dataDir = await mkdtemp(join(tmpdir(), 'entrepot-renewal-data-'))
  const server = await ServerProcess.start({
    dataDir,
    settings: { ...settings(), ENTREPOT_GRPC_PORT: 'off' },
  })
  t.after(async () => {
    await server.end('SIGKILL')
    await rm(dataDir, { recursive: true, force: true })
  })
  const { host } = new URL(server.url)
  assert.equal(await shownAt(host), serialOf(first))
  await install(second)
  process.kill(server.pid, 'SIGHUP')
  while (!/certificate read again/.test(server.output)) await delay(POLL_MS)
  assert.equal(await shownAt(host), serialOf(second))
  assert.deepEqual(await server.end('SIGTERM'), { code: 0, signal: null })
})
