import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ApiEndpointService } from '../../src/dialects/yandex/gen/endpoint_pb.js'
import { ExpirationConfig_ExpirationPolicy as Policy } from '../../src/dialects/yandex/gen/expiration_pb.js'
import type { File } from '../../src/dialects/yandex/gen/files_pb.js'
import { grpcCodes } from '../../src/grpc/status.ts'
import { TestServer } from '../harness.ts'
import { codeOf, withGrpc, YandexClient } from '../yandex-client.ts'

// What the vendor's own test_files.py asserts of its Python SDK, by the calls that the SDK makes: plaintext gRPC to the
// address that discovery tells. What the SDK refuses by itself, before it calls, is not a server's to answer.

let server: TestServer
let client: YandexClient

before(async () => {
  server = await TestServer.start(withGrpc)
  const anybody = new YandexClient(server.grpcAddress, undefined)
  const { endpoints } = await anybody.call(ApiEndpointService.method.list, {})
  anybody.close()
  const found = endpoints.find(({ id }) => id === 'ai-files')
  assert.ok(found)
  // Dialled as it stands: a scheme before it would be taken for a name.
  assert.match(found.address, /^127\.0\.0\.1:\d+$/)
  client = new YandexClient(found.address, `Api-Key ${server.key}`)
})
after(async () => {
  client.close()
  await server.stop()
})

function lifeSeconds({ createdAt, expiresAt }: File): number {
  return Number(expiresAt?.seconds) - Number(createdAt?.seconds)
}

test('test_file: what is uploaded comes back, and each update shows its new value', async () => {
  const file = await client.stored('test file')
  assert.deepEqual([file.name, file.description, file.labels], ['', '', {}])
  assert.equal(file.mimeType, 'text/plain')
  assert.equal(await client.download(file.id), 'test file')
  const { protocol, search } = new URL(await client.url(file.id))
  // Plaintext here; over TLS it is https, which the vendor's test asks for (yandex.test.ts).
  assert.deepEqual([protocol, search], ['http:', ''])

  const named = await client.update(file.id, ['name'], { name: 'name' })
  assert.equal(named.name, 'name')
  const described = await client.update(file.id, ['description'], { description: 'description' })
  assert.equal(described.description, 'description')
  const labelled = await client.update(file.id, ['labels'], { labels: { foo: 'bar' } })
  assert.deepEqual(
    [labelled.id, labelled.name, labelled.description, labelled.labels],
    [file.id, 'name', 'description', { foo: 'bar' }],
  )
  const cleared = await client.update(file.id, ['name', 'labels'])
  assert.deepEqual([cleared.name, cleared.description, cleared.labels], ['', 'description', {}])
  assert.equal(await codeOf(client.update(file.id, [])), grpcCodes.INVALID_ARGUMENT)
  await client.delete(file.id)
})

test('test_file_deleted: a deleted file is gone for every call, were the SDK to make it', async () => {
  const file = await client.stored()
  const url = await client.url(file.id)
  await client.delete(file.id)
  const calls = [
    client.delete(file.id),
    client.url(file.id),
    client.get(file.id),
    client.update(file.id, ['name'], { name: 'x' }),
  ]
  for (const code of await Promise.all(calls.map(codeOf))) assert.equal(code, grpcCodes.NOT_FOUND)
  assert.equal((await fetch(url)).status, 404)
})

test('test_file_get: an upload is got by its id, as it was told', async () => {
  const file = await client.stored()
  assert.deepEqual(await client.get(file.id), file)
  await client.delete(file.id)
})

test('test_file_list: a listing ends, shows every file once, and each has the content of its name', async () => {
  const older = await client.stored('of an earlier run', { name: '0' })
  const before = await client.listAll()
  assert.deepEqual(
    before.map(({ id }) => id),
    [older.id],
  )
  const made = new Map<string, string>()
  for (let i = 0; i < 10; i++) {
    made.set((await client.stored(`test_file ${i}`, { name: String(i) })).id, String(i))
    server.clock.advance({ ms: 1 })
  }
  const listed = await client.listAll(3n)
  assert.equal(new Set(listed.map(({ id }) => id)).size, 11)
  // Newest first.
  assert.deepEqual(
    listed.map(({ name }) => name),
    ['9', '8', '7', '6', '5', '4', '3', '2', '1', '0', '0'],
  )
  for (const { id, name } of listed) {
    if (id === older.id) continue
    assert.equal(made.get(id), name)
    assert.equal(await client.download(id), `test_file ${name}`)
  }
  for (const { id } of listed) await client.delete(id)
  assert.deepEqual(await client.listAll(), [])
})

test('test_file_list: files deleted between pages do no harm', async () => {
  for (let i = 0; i < 5; i++) await client.stored(String(i), { name: String(i) })
  const first = await client.list({ pageSize: 2n })
  for (const { id } of first.files) await client.delete(id)
  const rest = await client.list({ pageSize: 100n, pageToken: first.nextPageToken })
  assert.equal(rest.files.length, 3)
  for (const { id } of rest.files) await client.delete(id)
})

test('test_file_expiration: seven days of rest by default, or as asked, and changed by halves', async () => {
  const file = await client.stored()
  const { SINCE_LAST_ACTIVE, STATIC } = Policy
  assert.deepEqual(
    [file.expirationConfig?.ttlDays, file.expirationConfig?.expirationPolicy, lifeSeconds(file)],
    [7n, SINCE_LAST_ACTIVE, 7 * 86_400],
  )
  const short = await client.stored('x', { expirationConfig: { ttlDays: 5n, expirationPolicy: STATIC } })
  assert.deepEqual(
    [short.expirationConfig?.ttlDays, short.expirationConfig?.expirationPolicy, lifeSeconds(short)],
    [5n, STATIC, 5 * 86_400],
  )
  server.clock.advance({ seconds: 5 })
  const shorter = await client.update(file.id, ['expiration_config.ttl_days'], {
    expirationConfig: { ttlDays: 3n },
  })
  // Three days after its creation, not after the update.
  assert.deepEqual([shorter.expirationConfig?.ttlDays, lifeSeconds(shorter)], [3n, 3 * 86_400])
  const fixed = await client.update(file.id, ['expiration_config.expiration_policy'], {
    expirationConfig: { expirationPolicy: STATIC },
  })
  assert.deepEqual(
    [fixed.expirationConfig?.ttlDays, fixed.expirationConfig?.expirationPolicy, lifeSeconds(fixed)],
    [3n, STATIC, 3 * 86_400],
  )
  assert.deepEqual(fixed.createdAt, file.createdAt)
  for (const { id } of [file, short]) await client.delete(id)
})
