import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Session } from '@yandex-cloud/nodejs-sdk'
import { fileService } from '@yandex-cloud/nodejs-sdk/ai-files-v1'
import { YandexServer } from '../../src/dialects/yandex/grpc.harness.ts'
import { grpcCodes } from '../../src/grpc/status.ts'
import { loadTls } from '../../src/ops/tls.ts'

/** Of the SDK, whose types leave the client's methods open. */
type SdkClient = ReturnType<typeof newClient>

const STATIC = 1
const SINCE_LAST_ACTIVE = 2
const DAY_MS = 86_400_000
const folderId = 'default'

let folder: string
let yandex: YandexServer
let rootCerts: Buffer
let client: SdkClient

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'entrepot-sdk-'))
  const { caPath = '', ...tls } = await loadTls({ kind: 'self-signed', folder, hosts: [] })
  rootCerts = await readFile(caPath)
  yandex = await YandexServer.start({}, {}, tls)
  client = newClient(yandex.server.key)
})
after(async () => {
  await yandex.stop()
  await rm(folder, { recursive: true, force: true })
})

function newClient(iamToken: string) {
  const session = new Session({ iamToken, ssl: { rootCerts } })
  // Of an address, Node does not let the SDK tell the server its name.
  const address = yandex.grpc.address.replace('127.0.0.1', 'localhost')
  return session.client(fileService.FileServiceClient, address)
}

function upload(content: string, given: Partial<fileService.CreateFileRequest> = {}) {
  return client.create(
    fileService.CreateFileRequest.fromPartial({ folderId, content: Buffer.from(content), ...given }),
  )
}

function change(fileId: string, paths: string[], given: Partial<fileService.UpdateFileRequest> = {}) {
  return client.update(fileService.UpdateFileRequest.fromPartial({ fileId, updateMask: { paths }, ...given }))
}

function page(pageSize: number, pageToken = '') {
  return client.list(fileService.ListFilesRequest.fromPartial({ folderId, pageSize, pageToken }))
}

async function download(fileId: string): Promise<string> {
  const { url } = await client.getUrl(fileService.GetFileUrlRequest.fromPartial({ fileId }))
  return (await fetch(url)).text()
}

async function codeOf(call: Promise<unknown>): Promise<number | undefined> {
  try {
    await call
  } catch (error) {
    return (error as { code?: number }).code
  }
  return undefined
}

test('a file is uploaded, named, downloaded and deleted', async () => {
  const file = await upload('test file')
  assert.match(file.id, /^fvt/)
  assert.deepEqual([file.name, file.description, file.labels, file.mimeType], ['', '', {}, 'text/plain'])
  assert.equal(await download(file.id), 'test file')
  assert.equal((await change(file.id, ['name'], { name: 'name' })).name, 'name')
  assert.equal((await change(file.id, ['description'], { description: 'about' })).description, 'about')
  const labelled = await change(file.id, ['labels'], { labels: { foo: 'bar' } })
  assert.deepEqual([labelled.name, labelled.description, labelled.labels], ['name', 'about', { foo: 'bar' }])
  await client.delete(fileService.DeleteFileRequest.fromPartial({ fileId: file.id }))
  const again = client.get(fileService.GetFileRequest.fromPartial({ fileId: file.id }))
  assert.equal(await codeOf(again), grpcCodes.NOT_FOUND)
})

test('get shows what create showed', async () => {
  const file = await upload('x', { name: 'a.txt', mimeType: 'text/markdown', labels: { ключ: 'да' } })
  assert.deepEqual(await client.get(fileService.GetFileRequest.fromPartial({ fileId: file.id })), file)
  assert.equal(file.mimeType, 'text/markdown')
})

test('a listing pages to its end and shows every file once', async () => {
  const uploaded = new Map<string, string>()
  for (let i = 0; i < 10; i++)
    uploaded.set((await upload(`test_file ${i}`, { name: String(i) })).id, String(i))
  const seen = new Map<string, string>()
  for (let token = ''; ; ) {
    const { files, nextPageToken } = await page(3, token)
    if (files.length === 0) break
    for (const { id, name } of files) {
      assert.ok(!seen.has(id))
      seen.set(id, name)
    }
    token = nextPageToken
  }
  for (const [id, name] of uploaded) {
    assert.equal(seen.get(id), name)
    assert.equal(await download(id), `test_file ${name}`)
  }
  assert.ok((await page(0)).files.length >= 10)
})

test('an expiry is seven days of rest, or as asked', async () => {
  const { expirationConfig, createdAt, expiresAt } = await upload('x')
  assert.deepEqual(expirationConfig, { expirationPolicy: SINCE_LAST_ACTIVE, ttlDays: 7 })
  assert.equal(Number(expiresAt) - Number(createdAt), 7 * DAY_MS)
  const file = await upload('x', { expirationConfig: { expirationPolicy: STATIC, ttlDays: 5 } })
  assert.deepEqual(file.expirationConfig, { expirationPolicy: STATIC, ttlDays: 5 })
  const shorter = await change(file.id, ['expiration_config.ttl_days'], {
    expirationConfig: { expirationPolicy: 0, ttlDays: 3 },
  })
  assert.deepEqual(shorter.expirationConfig, { expirationPolicy: STATIC, ttlDays: 3 })
  assert.equal(Number(shorter.expiresAt) - Number(shorter.createdAt), 3 * DAY_MS)
})

test('errors reach the caller with their codes', async () => {
  assert.equal(
    await codeOf(newClient('nobody').list({ folderId, pageSize: 0, pageToken: '' })),
    grpcCodes.UNAUTHENTICATED,
  )
  assert.equal(await codeOf(upload('')), grpcCodes.INVALID_ARGUMENT)
  assert.equal(await codeOf(page(3, 'nonsense')), grpcCodes.INVALID_ARGUMENT)
  assert.equal(await codeOf(upload('x', { folderId: 'b1gother' })), grpcCodes.PERMISSION_DENIED)
})

test('a file of the largest size arrives whole', async () => {
  const content = Buffer.alloc(128 * 1024 * 1024, 'entrepot')
  const file = await client.create(fileService.CreateFileRequest.fromPartial({ folderId, content }))
  const { url } = await client.getUrl(fileService.GetFileUrlRequest.fromPartial({ fileId: file.id }))
  const answer = await fetch(url)
  assert.equal(answer.headers.get('content-length'), String(content.byteLength))
  assert.ok(Buffer.from(await answer.arrayBuffer()).equals(content))
})
