import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { create as createMessage, fromBinary, toBinary } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { TestServer } from '../../../test/harness.ts'
import { usageNow } from '../../../test/usage.ts'
import { codeOf, codesOf, refusalOf, withGrpc, YandexClient } from '../../../test/yandex-client.ts'
import { createProject } from '../../core/access/tenants.ts'
import { Health, HealthCheckResponse_ServingStatus } from '../../grpc/gen/health_pb.js'
import { grpcCodes } from '../../grpc/status.ts'
import { ApiEndpointService } from './gen/endpoint_pb.js'
import { CreateFileRequestSchema, FileSchema, FileService } from './gen/files_pb.js'

const { get, getUrl, update, delete: remove, list } = FileService.method
const CREATE = '/yandex.cloud.ai.files.v1.FileService/Create'
const HELLO = Buffer.from('hello')

let server: TestServer
let client: YandexClient

before(async () => {
  server = await TestServer.start({ ...withGrpc, ENTREPOT_YANDEX_MAX_FILE_BYTES: String(4 * 1024 * 1024) })
  client = YandexClient.of(server)
})
after(async () => {
  client.close()
  await server.stop()
})

/** A server of its own: for tests that count. */
async function startOwn(t: TestContext, environment = {}) {
  const own = await TestServer.start({ ...withGrpc, ...environment })
  const owner = YandexClient.of(own)
  t.after(async () => {
    owner.close()
    await own.stop()
  })
  return { server: own, client: owner }
}

function clientOf(authorization: string | undefined): YandexClient {
  return new YandexClient(server.grpcAddress, authorization)
}

test('tells where its services are to anybody, by the address that was called', async () => {
  const anybody = clientOf(undefined)
  const { endpoints } = await anybody.call(ApiEndpointService.method.list, {})
  const address = server.grpcAddress
  assert.deepEqual(
    endpoints.map(({ id, address: told }) => [id, told]),
    [
      ['ai-files', address],
      ['endpoint', address],
    ],
  )
  const found = await anybody.call(ApiEndpointService.method.get, { apiEndpointId: 'ai-files' })
  assert.equal(found.address, address)
  const missing = anybody.call(ApiEndpointService.method.get, { apiEndpointId: 'iam' })
  assert.equal(await codeOf(missing), grpcCodes.NOT_FOUND)
  anybody.close()
})

test('is healthy, for anybody', async () => {
  const anybody = clientOf(undefined)
  for (const service of ['', 'yandex.cloud.ai.files.v1.FileService']) {
    const { status } = await anybody.call(Health.method.check, { service })
    assert.equal(status, HealthCheckResponse_ServingStatus.SERVING)
  }
  assert.equal(await codeOf(anybody.call(Health.method.check, { service: 'other' })), grpcCodes.NOT_FOUND)
  anybody.close()
})

test('knows nobody without a good key, under either scheme', async () => {
  const { key } = server
  for (const good of [`Api-Key ${key}`, `Bearer ${key}`, `api-key ${key}`, `BEARER  ${key}`]) {
    const known = clientOf(good)
    assert.ok(await known.call(list, { folderId: 'default' }))
    known.close()
  }
  for (const bad of [undefined, '', key, 'Api-Key', 'Api-Key nobody', `Basic ${key}`, `Api-Key ${key} x`]) {
    const unknown = clientOf(bad)
    assert.equal(await codeOf(unknown.call(list, { folderId: 'default' })), grpcCodes.UNAUTHENTICATED)
    unknown.close()
  }
})

test('a file goes through its whole life', async () => {
  const made = await client.create({ folderId: 'default', content: HELLO })
  assert.match(made.id, /^fvt[0-9a-v]{26}$/)
  assert.deepEqual([made.name, made.description, made.labels, made.mimeType], ['', '', {}, 'text/plain'])
  assert.deepEqual(made.createdAt, made.updatedAt)
  assert.equal(made.expirationConfig?.ttlDays, 7n)
  assert.deepEqual(await client.get(made.id), made)

  const named = await client.call(update, { fileId: made.id, updateMask: { paths: ['name'] }, name: 'Имя' })
  assert.equal(named.name, 'Имя')
  const labels = { foo: 'bar' }
  const labelled = await client.call(update, { fileId: made.id, updateMask: { paths: ['labels'] }, labels })
  assert.deepEqual([labelled.name, labelled.labels], ['Имя', labels])
  assert.deepEqual(labelled.expiresAt, made.expiresAt)

  const { url } = await client.call(getUrl, { fileId: made.id })
  const download = await fetch(url)
  assert.equal(await download.text(), 'hello')
  assert.equal(download.headers.get('content-type'), 'text/plain')
  assert.equal(download.headers.get('etag'), '"5d41402abc4b2a76b9719d911017c592"')

  assert.deepEqual(Object.keys(await client.call(remove, { fileId: made.id })), ['$typeName'])
  const codes = await codesOf(client.get(made.id), client.call(remove, { fileId: made.id }))
  assert.deepEqual(new Set(codes), new Set([grpcCodes.NOT_FOUND]))
  assert.equal((await fetch(url)).status, 404)
})

test('an update of the expiry counts from the creation, and a switch of policy moves nothing', async () => {
  const made = await client.create({ folderId: 'default', content: HELLO })
  server.clock.advance({ hours: 1 })
  const paths = ['expiration_config.ttl_days']
  const shorter = await client.call(update, {
    fileId: made.id,
    updateMask: { paths },
    expirationConfig: { ttlDays: 3n },
  })
  const seconds = (file: typeof made) => Number(file.expiresAt?.seconds) - Number(file.createdAt?.seconds)
  assert.equal(seconds(shorter), 3 * 86_400)
  assert.ok(Number(shorter.updatedAt?.seconds) > Number(made.updatedAt?.seconds))
  const fixed = await client.call(update, {
    fileId: made.id,
    updateMask: { paths: ['expiration_config.expiration_policy'] },
    expirationConfig: { expirationPolicy: 1 },
  })
  assert.deepEqual([fixed.expirationConfig?.expirationPolicy, fixed.expirationConfig?.ttlDays], [1, 3n])
  assert.deepEqual(fixed.expiresAt, shorter.expiresAt)
  server.clock.advance({ days: 3 })
  assert.equal(await codeOf(client.get(made.id)), grpcCodes.NOT_FOUND)
})

test('a listing ends with an empty page, and has a token before', async (t) => {
  const own = await startOwn(t)
  const names = Array.from({ length: 7 }, (_, i) => String(i))
  for (const name of names) {
    await own.client.create({ folderId: 'default', name, content: Buffer.from(`test_file ${name}`) })
    own.server.clock.advance({ ms: 1 })
  }
  const found: string[] = []
  let pageToken = ''
  for (let page = 0; page < 10; page++) {
    const { files, nextPageToken } = await own.client.call(list, {
      folderId: 'default',
      pageSize: 3n,
      pageToken,
    })
    assert.equal(nextPageToken === '', files.length === 0)
    if (files.length === 0) break
    found.push(...files.map(({ name }) => name))
    pageToken = nextPageToken
  }
  assert.deepEqual(found, names.toReversed())
})

test('a page stays below what clients take', async (t) => {
  const own = await startOwn(t)
  const labels = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`k${i}`, 'v'.repeat(4000)]))
  for (let i = 0; i < 20; i++) await own.client.create({ folderId: 'default', content: HELLO, labels })
  const first = await own.client.call(list, { folderId: 'default' })
  assert.ok(first.files.length > 5 && first.files.length < 20)
  const rest = await own.client.call(list, { folderId: 'default', pageToken: first.nextPageToken })
  assert.equal(new Set([...first.files, ...rest.files].map(({ id }) => id)).size, 20)
})

test('content that is missing or too large is refused as invalid, and nothing is kept', async () => {
  const before = await usageNow(server)
  const empty = await refusalOf(client.create({ folderId: 'default' }))
  assert.deepEqual([empty.code, empty.details], [grpcCodes.INVALID_ARGUMENT, 'content: field is required'])
  for (const bytes of [4 * 1024 * 1024 + 1, 6 * 1024 * 1024]) {
    const refusal = await refusalOf(client.create({ folderId: 'default', content: Buffer.alloc(bytes) }))
    assert.equal(refusal.code, grpcCodes.INVALID_ARGUMENT)
    assert.match(refusal.details, /the maximum is/)
  }
  assert.deepEqual(await usageNow(server), before)
  const whole = await client.create({ folderId: 'default', content: Buffer.alloc(4 * 1024 * 1024) })
  assert.equal(whole.mimeType, 'application/octet-stream')
})

test('the last of several types counts: one that is emptied after the content is seen from it', async () => {
  const content = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')
  const request = { folderId: 'default', mimeType: 'text/plain', content }
  const bytes = toBinary(CreateFileRequestSchema, createMessage(CreateFileRequestSchema, request))
  const emptied = new BinaryWriter().tag(4, WireType.LengthDelimited).string('').finish()
  const typeOf = async (message: Uint8Array) =>
    fromBinary(FileSchema, await client.callBytes(CREATE, message)).mimeType
  assert.deepEqual(
    [await typeOf(bytes), await typeOf(Buffer.concat([bytes, emptied]))],
    ['text/plain', 'image/png'],
  )
})

test('other folders are forbidden, and their files not there', async () => {
  const other = await server.newTenant('other')
  const stranger = clientOf(`Bearer ${other.key}`)
  const { id } = await client.create({ folderId: 'default', content: HELLO })
  assert.equal(await codeOf(stranger.get(id)), grpcCodes.NOT_FOUND)
  const { project } = await server.newTenant('third')
  const refused = await refusalOf(client.create({ folderId: project.id, content: HELLO }))
  assert.deepEqual(
    [refused.code, refused.details],
    [grpcCodes.PERMISSION_DENIED, `Permission denied for folder ${project.id}`],
  )
  assert.equal(await codeOf(client.call(list, { folderId: 'b1gother' })), grpcCodes.PERMISSION_DENIED)
  stranger.close()
})

test('a key of several folders reaches the files of each, and of no other', async (t) => {
  const own = await server.newTenant('folders')
  const { id: organizationId } = own.organization
  const other = await createProject(server.app.services, organizationId, 'other')
  const closed = await createProject(server.app.services, organizationId, 'closed')
  const both = clientOf(
    `Api-Key ${await server.newKey({ organizationId, projectIds: [own.project.id, other.id] })}`,
  )
  const one = clientOf(`Api-Key ${await server.newKey({ organizationId, projectIds: [other.id] })}`)
  t.after(() => {
    both.close()
    one.close()
  })
  // A folder is named by its id or its slug; files find theirs by themselves.
  for (const [named, { id: folderId }] of [
    [own.project.id, own.project],
    ['other', other],
  ] as const) {
    const made = await both.create({ folderId: named, content: HELLO })
    assert.equal(made.folderId, folderId)
    assert.deepEqual(await both.get(made.id), made)
    const { files } = await both.list({ folderId: named })
    assert.deepEqual(
      files.map(({ id }) => id),
      [made.id],
    )
    if (folderId === own.project.id) assert.equal(await codeOf(one.get(made.id)), grpcCodes.NOT_FOUND)
    else assert.deepEqual(await one.get(made.id), made)
  }
  assert.equal(await codeOf(both.list({ folderId: closed.id })), grpcCodes.PERMISSION_DENIED)
  assert.equal(await codeOf(one.list({ folderId: own.project.id })), grpcCodes.PERMISSION_DENIED)
})

test('a key does what its scopes say', async () => {
  const { id } = await client.create({ folderId: 'default', content: HELLO })
  const reader = clientOf(`Api-Key ${await server.newKey({ scopes: ['files:read'] })}`)
  assert.equal((await reader.get(id)).id, id)
  const codes = await codesOf(
    reader.create({ folderId: 'default', content: HELLO }),
    reader.call(update, { fileId: id, updateMask: { paths: ['name'] } }),
    reader.call(remove, { fileId: id }),
  )
  assert.deepEqual(new Set(codes), new Set([grpcCodes.PERMISSION_DENIED]))
  reader.close()
})

test('a rate limit is told as exhausted', async (t) => {
  const own = await startOwn(t, { ENTREPOT_RATE_LIMITS: 'search=1' })
  await own.client.call(list, { folderId: 'default' })
  assert.equal(await codeOf(own.client.call(list, { folderId: 'default' })), grpcCodes.RESOURCE_EXHAUSTED)
})

test('missing fields are named', async () => {
  const calls = [
    client.call(get, {}),
    client.call(getUrl, {}),
    client.call(remove, {}),
    client.call(list, {}),
    client.create({ content: HELLO }),
    client.call(update, { updateMask: { paths: ['name'] } }),
  ]
  for (const { code, details } of await Promise.all(calls.map(refusalOf))) {
    assert.equal(code, grpcCodes.INVALID_ARGUMENT)
    assert.match(details, /^(file|folder)_id: field is required$/)
  }
})

test('ids that are no ids are not found', async () => {
  for (const id of ['fvt0', 'x'.repeat(10_000), '../../etc/passwd', '\u0000', 'fvt'.padEnd(29, 'v')])
    assert.equal(await codeOf(client.get(id)), grpcCodes.NOT_FOUND)
})

test('bytes that are no message are invalid', async () => {
  const badText = new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .bytes(Buffer.from([0xff, 0xfe]))
    .finish()
  const cutShort = new BinaryWriter().tag(5, WireType.LengthDelimited).uint32(1_000_000).finish()
  const deep = Buffer.concat(Array.from({ length: 100_000 }, () => Buffer.from([0x0b])))
  for (const bytes of [Buffer.from([0xff]), Buffer.alloc(20, 0xff), badText, cutShort, deep]) {
    for (const path of [CREATE, CREATE.replace('Create', 'Get')])
      assert.equal(await codeOf(client.callBytes(path, bytes)), grpcCodes.INVALID_ARGUMENT)
  }
})

test('a message that would become very many objects is refused before it does', async () => {
  const label = Buffer.from([0x32, 0x02, 0x0a, 0x00])
  const emptyContent = Buffer.from([0x2a, 0x00])
  const unknown = Buffer.concat([Buffer.from([0xfa, 0x06, 0x80, 0x80, 0x80, 0x01]), Buffer.alloc(2 ** 21)])
  for (const bytes of [
    Buffer.concat(Array.from({ length: 1_000_000 }, () => label)),
    Buffer.concat(Array.from({ length: 2_000_000 }, () => emptyContent)),
    unknown,
  ]) {
    const started = performance.now()
    assert.equal(await codeOf(client.callBytes(CREATE, bytes)), grpcCodes.INVALID_ARGUMENT)
    assert.ok(performance.now() - started < 2_000)
  }
})

test('fields of a Create may come in any order, content more than once: the last one counts', async () => {
  const request = createMessage(CreateFileRequestSchema, { folderId: 'default', name: 'n' })
  const content = (text: string) =>
    new BinaryWriter().tag(5, WireType.LengthDelimited).bytes(Buffer.from(text)).finish()
  const bytes = Buffer.concat([content('one'), toBinary(CreateFileRequestSchema, request), content('two')])
  await client.callBytes(CREATE, bytes)
  const { files } = await client.call(list, { folderId: 'default' })
  const made = files.find(({ name }) => name === 'n')
  const { url } = await client.call(getUrl, { fileId: made?.id ?? '' })
  assert.equal(await (await fetch(url)).text(), 'two')
})

test('a label may not reach the prototype of anything', async () => {
  const labels = JSON.parse('{"__proto__":"x","constructor":"y"}')
  const made = await client.create({ folderId: 'default', content: HELLO, labels })
  assert.equal(made.labels.constructor, 'y')
  assert.equal(({} as Record<string, unknown>).x, undefined)
})
