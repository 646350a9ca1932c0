import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { Client, type ClientOptions, credentials, Metadata } from '@grpc/grpc-js'
import { captureLog } from '../../../test/captured-log.ts'
import { TestServer } from '../../../test/harness.ts'
import { LightfieldClient } from '../../../test/lightfield-client.ts'
import { LlamaCloudClient } from '../../../test/llamacloud-client.ts'
import { newFolder } from '../../../test/new-folder.ts'
import { sendRaw } from '../../../test/raw-http.ts'
import { codeOf, withGrpc, YandexClient } from '../../../test/yandex-client.ts'
import { done, type StatusBody, YANDEX_FILES, YandexRest } from '../../../test/yandex-rest.ts'
import { startApp } from '../../app/app.ts'
import { loadConfig } from '../../app/settings.ts'
import { ConfigError, type Environment } from '../../config/setting.ts'
import { pathOf } from '../../grpc/method.ts'
import { grpcCodes } from '../../grpc/status.ts'
import { FileService } from './gen/files_pb.js'

const ON = { ENTREPOT_YANDEX_ANONYMOUS: 'on' }

let server: TestServer
let nobody: YandexRest
let nobodyByGrpc: YandexClient

before(async () => {
  server = await TestServer.start({ ...withGrpc, ...ON })
  nobody = new YandexRest(server, undefined)
  nobodyByGrpc = new YandexClient(server.grpcAddress, undefined)
})
after(async () => {
  nobodyByGrpc.close()
  await server.stop()
})

test('off by default', async (t) => {
  const own = await TestServer.start()
  t.after(() => own.stop())
  assert.equal((await new YandexRest(own, undefined).list()).status, 401)
})

test('who has no credentials acts for the default project, over REST and gRPC', async () => {
  const file = await nobody.stored('test file', { name: 'mine' })
  assert.deepEqual([file.createdBy, file.updatedBy], ['anonymous', 'anonymous'])
  assert.equal(await nobodyByGrpc.download(file.id), 'test file')
  const other = await nobodyByGrpc.stored()
  assert.equal(done(await nobody.list()).files.length, 2)
  const owner = new YandexRest(server)
  assert.equal(done(await owner.get(other.id)).createdBy, 'anonymous')
  done(await nobody.update(file.id, { updateMask: 'name', name: 'x' }))
  for (const { id } of [file, other]) assert.equal((await nobody.delete(id)).status, 200)
})

test('credentials that are wrong are wrong, and other projects stay closed', async () => {
  assert.equal((await new YandexRest(server, 'Api-Key nobody').list()).status, 401)
  const { key, project } = await server.newTenant('closed')
  const theirs = await new YandexRest(server, `Bearer ${key}`).stored('x', { folderId: project.id })
  assert.equal((await nobody.get(theirs.id)).status, 404)
  assert.equal((await nobody.list(`folderId=${project.id}`)).status, 403)
})

test('the other APIs ask for their keys as before', async () => {
  assert.equal((await new LlamaCloudClient(server, undefined).query()).status, 401)
  assert.equal((await new LightfieldClient(server, '').list()).status, 401)
})

async function statusWith(...headers: string[]): Promise<number> {
  const head = [`GET ${YANDEX_FILES}?folderId=default HTTP/1.1`, ...headers, '', ''].join('\r\n')
  return (await sendRaw(server.url, head)).status
}

test('a name that is not this machine’s lets nobody in: it may be a page’s, whose address was changed to ours', async () => {
  for (const host of ['localhost', 'localhost:8420', '127.0.0.1', '127.1.2.3:1', '[::1]:8420', 'LOCALHOST'])
    assert.equal(await statusWith(`Host: ${host}`), 200, host)
  for (const host of [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    '0.0.0.0:8420',
    'evil.example:8420',
    '[::2]',
    '127.999.1.1',
    '',
  ])
    assert.equal(await statusWith(`Host: ${host}`), 401, host)
  for (const host of ['localhost@evil.example', 'localhost:99999'])
    assert.equal(await statusWith(`Host: ${host}`), 400, host)
})

test('a target with an address in it, as clients of proxies send it, lets nobody in', async () => {
  const head = `GET http://localhost${YANDEX_FILES}?folderId=default HTTP/1.1\r\nHost: localhost\r\n\r\n`
  assert.equal((await sendRaw(server.url, head)).status, 401)
})

test('what curl, SDKs and browsers on this machine send lets them in', async () => {
  for (const header of [
    'User-Agent: curl/8.5.0',
    'Accept: */*',
    'Accept-Encoding: gzip, deflate',
    'Connection: keep-alive',
    'Content-Type: application/json',
    'X-Client-Request-Id: 1',
    'X-Request-Id: 1',
    'Idempotency-Key: 1',
    'Sec-Fetch-Mode: cors',
    'Sec-CH-UA-Platform: "Linux"',
    'Cookie: a=b',
    'Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  ])
    assert.equal(await statusWith('Host: localhost', header), 200, header)
})

test('what a page of another site sends along lets nobody in', async () => {
  for (const header of [
    'Origin: https://evil.example',
    'Origin: null',
    'Sec-Fetch-Site: cross-site',
    'Sec-Fetch-Site: same-site',
  ])
    assert.equal(await statusWith('Host: localhost', header), 401, header)
  for (const site of ['none', 'same-origin'])
    assert.equal(await statusWith('Host: localhost', `Sec-Fetch-Site: ${site}`), 200)
  const written = await nobody.create<StatusBody>(
    {},
    { origin: 'https://evil.example', 'content-type': 'text/plain' },
  )
  assert.deepEqual([written.status, written.body.code], [401, 16])
  assert.equal(done(await nobody.list()).files.length, 0)
  const { list } = FileService.method
  const call = nobodyByGrpc.call(
    list,
    { folderId: 'default' },
    { metadata: { origin: 'https://evil.example' } },
  )
  assert.equal(await codeOf(call), grpcCodes.UNAUTHENTICATED)
})

/** What proxies, tunnels and networks add, and what a client may not bring two of. */
const forwarding = [
  ...[
    'Forwarded',
    'Via',
    'Max-Forwards',
    'X-Forwarded',
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-Forwarded-Proto',
  ],
  ...['X-Forwarded-Port', 'X-Forwarded-Server', 'X-Original-Forwarded-For', 'X-Original-Host', 'X-Real-IP'],
  ...[
    'X-Client-IP',
    'X-Cluster-Client-IP',
    'Client-IP',
    'True-Client-IP',
    'Fastly-Client-IP',
    'X-Remote-Addr',
  ],
  ...[
    'CF-Connecting-IP',
    'CF-Ray',
    'CDN-Loop',
    'X-Azure-ClientIP',
    'X-Envoy-External-Address',
    'X-ARR-Log-Id',
  ],
  ...['Proxy-Authorization', 'Tailscale-User-Login', 'Authorization'],
  ...['X_Forwarded_For', 'X-RealIP', 'Fly-Client-IP', 'Remote-Addr', 'X-Host', 'X-Amzn-Trace-Id'],
  ...['Front-End-Https', 'X-Goog-Iap-Jwt-Assertion', 'X-Client-Real-IP', 'Nobody-Knows-This'],
]

/** The status of a call of gRPC with these entries, of which several may have one name. */
async function callWith(
  entries: readonly (readonly [name: string, value: string])[],
  options: ClientOptions = {},
): Promise<number> {
  const client = new Client(server.grpcAddress, credentials.createInsecure(), options)
  const metadata = new Metadata()
  for (const [name, value] of entries) metadata.add(name, value)
  const { list } = FileService.method
  const message = Buffer.from(toBinary(list.input, create(list.input, { folderId: 'default' })))
  const asIs = (bytes: Buffer) => bytes
  const code = await new Promise<number>((resolve) => {
    const deadline = { deadline: Date.now() + 10_000 }
    client.makeUnaryRequest(pathOf(list), asIs, asIs, message, metadata, deadline, (error) =>
      resolve(error?.code ?? grpcCodes.OK),
    )
  })
  client.close()
  return code
}

test('a request that was forwarded lets nobody in, over REST and gRPC, whatever its headers say', async () => {
  for (const name of forwarding)
    for (const value of ['127.0.0.1', '']) {
      const header = `${name}: ${value}`
      assert.equal(await statusWith('Host: localhost', header), 401, header)
      assert.equal(await statusWith('Host: localhost', header, header), 401, `two of ${header}`)
      const entry = [name.toLowerCase(), value] as const
      assert.equal(await callWith([entry]), grpcCodes.UNAUTHENTICATED, header)
    }
})

test('an entry of gRPC that is there twice counts as there', async () => {
  for (const name of ['forwarded', 'via', 'x-forwarded-for', 'sec-fetch-site']) {
    const entry = [name, 'none'] as const
    assert.equal(await callWith([entry, entry]), grpcCodes.UNAUTHENTICATED, name)
  }
  assert.equal(await callWith([['sec-fetch-site', 'none']]), grpcCodes.OK)
})

test('HTTP/1.0, which nginx speaks to what it proxies, lets nobody in', async () => {
  const head = `GET ${YANDEX_FILES}?folderId=default HTTP/1.0\r\nHost: localhost\r\n\r\n`
  assert.equal((await sendRaw(server.url, head)).status, 401)
})

test('another authority of gRPC than this machine lets nobody in', async () => {
  for (const [authority, code] of [
    ['localhost:8421', grpcCodes.OK],
    ['evil.example', grpcCodes.UNAUTHENTICATED],
    ['127.0.0.1.evil.example:8421', grpcCodes.UNAUTHENTICATED],
  ] as const)
    assert.equal(await callWith([], { 'grpc.default_authority': authority }), code, authority)
})

test('the start warns of what cannot be told: a proxy that adds nothing', async () => {
  const dataDir = newFolder('entrepot-anonymous-')
  const warnings = async (settings: Environment) => {
    const { logger, text } = captureLog('warn')
    const ports = { ENTREPOT_PORT: '0', ENTREPOT_GRPC_PORT: 'off', ENTREPOT_METRICS_PORT: 'off' }
    const config = loadConfig({ ENTREPOT_DATA_DIR: dataDir, ...ports, ...settings })
    const app = await startApp(config, { logger })
    app.tellSettings()
    await app.stop()
    return text()
  }
  assert.match(await warnings(ON), /ENTREPOT_YANDEX_ANONYMOUS is on: .* proxy or tunnel .* lets everybody in/)
  assert.equal(await warnings({}), '')
})

test('does not start where others could come', () => {
  for (const elsewhere of [
    { ENTREPOT_HOST: '0.0.0.0' },
    { ENTREPOT_HOST: '::' },
    { ENTREPOT_HOST: '192.168.0.2' },
    { ENTREPOT_PUBLIC_URL: 'https://files.example' },
  ])
    assert.throws(
      () => loadConfig({ ...ON, ...elsewhere }),
      (error) =>
        error instanceof ConfigError &&
        error.problems.length === 1 &&
        /^ENTREPOT_YANDEX_ANONYMOUS needs ENTREPOT_HOST.* to be this machine/.test(error.message),
    )
  for (const here of [{}, { ENTREPOT_HOST: 'localhost' }, { ENTREPOT_HOST: '::1' }])
    assert.match(JSON.stringify(loadConfig({ ...ON, ...here }).dialects.yandex), /"anonymous":true/)
})
