import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { LightfieldClient } from '../../../test/lightfield-client.ts'
import { LlamaCloudClient } from '../../../test/llamacloud-client.ts'
import { sendRaw } from '../../../test/raw-http.ts'
import { codeOf, withGrpc, YandexClient } from '../../../test/yandex-client.ts'
import { done, type StatusBody, YANDEX_FILES, YandexRest } from '../../../test/yandex-rest.ts'
import { loadConfig } from '../../config.ts'
import { ConfigError } from '../../config-reader.ts'
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
    'localhost@evil.example',
    '[::2]',
    '',
  ])
    assert.equal(await statusWith(`Host: ${host}`), 401, host)
})

test('what a page of another site, or a proxy, sends along lets nobody in', async () => {
  for (const header of [
    'Origin: https://evil.example',
    'Origin: null',
    'Sec-Fetch-Site: cross-site',
    'Sec-Fetch-Site: same-site',
    'X-Forwarded-For: 10.0.0.1',
    'Forwarded: for=10.0.0.1',
    'Via: 1.1 proxy',
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
    assert.equal(loadConfig({ ...ON, ...here }).yandex.anonymous, true)
})
