import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { captureLog } from '../../test/captured-log.ts'
import { TestServer } from '../../test/harness.ts'
import { exchange, type Headings, LightfieldClient } from '../../test/lightfield-client.ts'
import { newFolder } from '../../test/new-folder.ts'
import { RawConnection } from '../../test/raw-http.ts'
import { S3TestServer } from '../../test/s3/server.ts'
import { s3Settings } from '../../test/s3/settings.ts'
import { startApp } from '../app/app.ts'
import { loadConfig } from '../app/settings.ts'
import { ask, type ErrorBody, startEmulator } from './emulator.harness.ts'

let local: TestServer
let exposed: TestServer
before(async () => {
  local = await startEmulator()
  exposed = await startEmulator({ ENTREPOT_EMULATOR: 'exposed', ENTREPOT_HOST: '0.0.0.0' })
})
after(async () => {
  await local.stop()
  await exposed.stop()
})

/** Asked with exactly these headers, which `fetch` would not send. */
async function resetWith(server: TestServer, ...headers: readonly string[]): Promise<string> {
  const connection = await RawConnection.open(server.url.replace('0.0.0.0', '127.0.0.1'))
  const lines = ['POST /-/reset HTTP/1.1', ...headers, 'content-length: 0', 'connection: close']
  connection.write(`${lines.join('\r\n')}\r\n\r\n`)
  return connection.closed()
}

test('the root of the server tells that it is an emulator', async () => {
  const answer = await fetch(local.url, { headers: { accept: 'text/html' } })
  assert.match(await answer.text(), /<a href="-\/journal">Emulator<\/a>/)
})

test('programs of this machine need no key', async () => {
  for (const host of ['localhost', '127.0.0.1:1', '[::1]:80', 'LOCALHOST:8420'])
    assert.match(await resetWith(local, `host: ${host}`), /^HTTP\/1.1 204 /)
})

test('pages of other origins are kept out, also those whose name leads here, and so are proxies', async () => {
  const refused: readonly (readonly string[])[] = [
    ['host: evil.example'],
    ['host: evil.example', 'origin: http://evil.example'],
    ['host: 127.0.0.1.evil.example'],
    ['host: 10.0.0.1'],
    ['host: localhost', 'origin: http://evil.example'],
    ['host: localhost', 'origin: null'],
    ['host: localhost:8420', 'origin: http://localhost:3000'],
    ['host: localhost', 'sec-fetch-site: cross-site'],
    ['host: localhost', 'sec-fetch-site: same-site'],
    ['host: localhost', 'x-forwarded-for: 10.0.0.1'],
    ['host: localhost', 'forwarded: for=10.0.0.1'],
  ]
  for (const headers of refused) {
    const answer = await resetWith(local, ...headers)
    assert.match(answer, /^HTTP\/1.1 403 /, headers.join())
    assert.match(answer, /"code":"origin_forbidden"/)
    assert.doesNotMatch(answer, /access-control-allow/i)
  }
  const own = ['host: localhost:8420', 'origin: http://localhost:8420', 'sec-fetch-site: same-origin']
  assert.match(await resetWith(local, ...own), /^HTTP\/1.1 204 /)
})

test('an exposed emulator asks for the key of an admin, and cares for no Host', async () => {
  const member = await exposed.newKey({ role: 'member' })
  const bearer = (key: string) => `authorization: Bearer ${key}`
  const cases: readonly (readonly [status: number, ...headers: string[]])[] = [
    [401],
    [401, bearer('wrong')],
    [403, bearer(member)],
    [403, bearer(exposed.key), 'origin: http://evil.example'],
    [204, bearer(exposed.key)],
    [204, `x-api-key: ${exposed.key}`],
  ]
  for (const [status, ...headers] of cases) {
    const answer = await resetWith(exposed, 'host: entrepot.test', ...headers)
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), headers.join())
  }
})

test('a method that a route does not have is refused', async () => {
  const { status, headers } = await ask(local, 'PUT', 'clock')
  assert.deepEqual([status, headers.get('allow')], [405, 'GET, HEAD, POST'])
  assert.equal((await ask(local, 'GET', 'nothing')).status, 404)
})

test('settings that would let anybody in, or need several servers to agree, are refused', () => {
  const start = (env: Readonly<Record<string, string>>) => () => loadConfig(env)
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'entrepot.test'])
    assert.throws(start({ ENTREPOT_EMULATOR: 'on', ENTREPOT_HOST: host }), /ENTREPOT_EMULATOR=exposed/)
  for (const host of ['127.0.0.1', '127.0.0.9', '::1', 'localhost'])
    assert.doesNotThrow(start({ ENTREPOT_EMULATOR: 'on', ENTREPOT_HOST: host }))
  const postgres = { ENTREPOT_DATABASE_URL: 'postgres://u:p@127.0.0.1/db' }
  assert.throws(start({ ENTREPOT_EMULATOR: 'on', ...postgres }), /does not go with ENTREPOT_DATABASE_URL/)
})

test('bytes in a bucket belong to the emulator’s database, and to no other', async (t) => {
  const s3 = await S3TestServer.start()
  t.after(() => s3.stop())
  const place = s3Settings(s3)
  const emulator = await startEmulator(place)
  await new LightfieldClient(emulator).stored('x'.repeat(100_000))
  const other = { ENTREPOT_DATABASE_URL: undefined, ...place }
  await assert.rejects(TestServer.start(other), /holds the files of another installation/)
  assert.equal((await ask(emulator, 'POST', 'reset')).status, 204)
  await emulator.stop()
  await assert.rejects(TestServer.start(other), /holds the files of another installation/)
})

test('an emulator says so at its start and in its metrics', async (t) => {
  const { logger, lines } = captureLog('warn')
  const dataDir = newFolder('entrepot-emulator-')
  const env = {
    ENTREPOT_DATA_DIR: dataDir,
    ENTREPOT_EMULATOR: 'on',
    ENTREPOT_PORT: '0',
    ENTREPOT_METRICS_PORT: '0',
  }
  const app = await startApp(loadConfig({ ...env, ENTREPOT_GRPC_PORT: 'off' }), { logger })
  t.after(() => app.stop())
  assert.ok(lines().some(({ msg }) => /^THIS IS AN EMULATOR/.test(String(msg))))
  assert.match(await (await fetch(`${app.metricsUrl}`)).text(), /^entrepot_emulator 1$/m)
})

test('a server that is no emulator has no such routes, and a database is an emulator’s for ever or never', async (t) => {
  const off = { ENTREPOT_DATABASE_URL: undefined }
  const emulator = await startEmulator()
  const real = await TestServer.start(off)
  t.after(() => Promise.all([emulator.stop(), real.stop()]))
  const headers: Headings = { authorization: `Bearer ${real.key}` }
  for (const [method, path] of [
    ['GET', 'clock'],
    ['POST', 'clock'],
    ['POST', 'reset'],
    ['GET', 'journal'],
    ['DELETE', 'faults'],
  ] as const) {
    const { status, error } = await exchange<ErrorBody>(method, `${real.url}/-/${path}`, undefined, headers)
    assert.deepEqual([status, error.code], [404, 'route_unknown'])
  }
  await assert.rejects(emulator.restart(off), /^Error: This installation is an emulator’s/)
  await assert.rejects(
    real.restart({ ...off, ENTREPOT_EMULATOR: 'on' }),
    /^Error: This installation was made/,
  )
  await emulator.restart()
  await real.restart()
})
