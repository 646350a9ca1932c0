import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { StoreError } from '../../src/core/errors.ts'
import { grpcCodes } from '../../src/grpc/status.ts'
import { setQuota } from '../usage.ts'
import { type SdkFile, SdkServer, type YandexSdk } from './yandex-sdk.ts'

const STATIC = 1
const SINCE_LAST_ACTIVE = 2
const DAY_MS = 86_400_000

let sdk: SdkServer
let client: YandexSdk

before(async () => {
  sdk = await SdkServer.start()
  client = sdk.client()
})
after(() => sdk.stop())

async function download(fileId: string): Promise<string> {
  return (await sdk.fetch(await client.url(fileId))).body.toString()
}

async function codeOf(call: Promise<unknown>): Promise<number | undefined> {
  try {
    await call
  } catch (error) {
    return (error as { code?: number }).code
  }
  return undefined
}

function lifeDays({ createdAt, expiresAt }: SdkFile): number {
  return (Number(expiresAt) - Number(createdAt)) / DAY_MS
}

test('a create without optional fields leaves them unset, and tells the rest', async () => {
  const now = new Date(sdk.server.clock.now())
  const file = await client.create('test file')
  assert.match(file.id, /^fvt[0-9a-v]{26}$/)
  const unset = { name: '', description: '', labels: {} }
  const told = {
    mimeType: 'text/plain',
    createdBy: 'admin',
    updatedBy: 'admin',
    createdAt: now,
    updatedAt: now,
  }
  assert.deepEqual(file, { ...file, ...unset, ...told, expiresAt: new Date(now.getTime() + 7 * DAY_MS) })
  assert.deepEqual(file.expirationConfig, { expirationPolicy: SINCE_LAST_ACTIVE, ttlDays: 7 })
  assert.notEqual(file.folderId, '')
})

test('a create with every optional field keeps them all, and get shows the same', async () => {
  const given = {
    name: 'Отчёт.md',
    description: 'две\nстроки',
    mimeType: 'text/markdown',
    labels: { ключ: 'да', b: '' },
    expirationConfig: { expirationPolicy: STATIC, ttlDays: 30 },
  }
  const file = await client.create('x', given)
  const { name, description, mimeType, labels, expirationConfig } = file
  assert.deepEqual({ name, description, mimeType, labels, expirationConfig }, given)
  assert.equal(lifeDays(file), 30)
  assert.deepEqual(await client.get(file.id), file)
})

test('a half of an expiration that is missing is filled in', async () => {
  const days = await client.create('x', { expirationConfig: { expirationPolicy: 0, ttlDays: 3 } })
  assert.deepEqual(days.expirationConfig, { expirationPolicy: SINCE_LAST_ACTIVE, ttlDays: 3 })
  const policy = await client.create('x', { expirationConfig: { expirationPolicy: STATIC, ttlDays: 0 } })
  assert.deepEqual(policy.expirationConfig, { expirationPolicy: STATIC, ttlDays: 7 })
})

for (const pageSize of [1, 3, 0]) {
  test(`a listing by ${pageSize || 'the default'} pages to its end and shows every file once`, async () => {
    const uploaded = new Map<string, string>()
    for (let i = 0; i < 7; i++)
      uploaded.set((await client.create(`test_file ${i}`, { name: String(i) })).id, String(i))
    const seen = new Map<string, string>()
    for (let token = ''; ; ) {
      const { files, nextPageToken } = await client.list(pageSize, token)
      if (files.length === 0) break
      assert.ok(pageSize === 0 || files.length <= pageSize)
      for (const { id, name } of files) {
        assert.ok(!seen.has(id))
        seen.set(id, name)
      }
      assert.notEqual(nextPageToken, '')
      token = nextPageToken
    }
    for (const [id, name] of uploaded) {
      assert.equal(seen.get(id), name)
      assert.equal(await download(id), `test_file ${name}`)
    }
  })
}

const updates: readonly [path: string, field: keyof SdkFile, value: unknown, cleared: unknown][] = [
  ['name', 'name', 'b.txt', ''],
  ['description', 'description', 'other', ''],
  ['labels', 'labels', { x: 'y' }, {}],
  [
    'expiration_config',
    'expirationConfig',
    { expirationPolicy: STATIC, ttlDays: 9 },
    { expirationPolicy: SINCE_LAST_ACTIVE, ttlDays: 7 },
  ],
]
for (const [path, field, value, cleared] of updates) {
  test(`an update sets and clears ${path}, and nothing else`, async () => {
    const file = await client.create('x', {
      name: 'a.txt',
      description: 'about',
      labels: { a: 'b' },
      expirationConfig: { expirationPolicy: STATIC, ttlDays: 5 },
    })
    sdk.server.clock.advance({ seconds: 1 })
    // Values of fields that the mask does not name are ignored.
    const others = { name: 'ignored', description: 'ignored', labels: { ignored: '' } }
    const set = await client.update(file.id, [path], { ...others, [field]: value })
    const end = field === 'expirationConfig' ? ['expiresAt'] : []
    const same = (other: SdkFile) =>
      Object.fromEntries(
        Object.entries(other).filter(([name]) => ![field, 'updatedAt', ...end].includes(name)),
      )
    assert.deepEqual(set[field], value)
    assert.deepEqual(same(set), same(file))
    assert.equal(Number(set.updatedAt) - Number(file.updatedAt), 1000)
    const reset = await client.update(file.id, [path])
    assert.deepEqual(reset[field], cleared)
    assert.deepEqual(same(reset), same(file))
    assert.deepEqual(await client.get(file.id), reset)
  })
}

test('halves of the expiration are updated by themselves, from the creation on', async () => {
  const file = await client.create('x')
  sdk.server.clock.advance({ hours: 1 })
  const shorter = await client.update(file.id, ['expiration_config.ttl_days'], {
    expirationConfig: { expirationPolicy: 0, ttlDays: 3 },
  })
  assert.deepEqual(shorter.expirationConfig, { expirationPolicy: SINCE_LAST_ACTIVE, ttlDays: 3 })
  assert.equal(lifeDays(shorter), 3)
  const fixed = await client.update(file.id, ['expiration_config.expiration_policy'], {
    expirationConfig: { expirationPolicy: STATIC, ttlDays: 0 },
  })
  assert.deepEqual(fixed.expirationConfig, { expirationPolicy: STATIC, ttlDays: 3 })
  assert.deepEqual(fixed.expiresAt, shorter.expiresAt)
  const resetDays = await client.update(file.id, ['expiration_config.ttl_days'])
  assert.deepEqual(resetDays.expirationConfig, { expirationPolicy: STATIC, ttlDays: 7 })
  assert.equal(lifeDays(resetDays), 7)
  const resetPolicy = await client.update(file.id, ['expiration_config.expiration_policy'])
  assert.deepEqual(resetPolicy.expirationConfig, { expirationPolicy: SINCE_LAST_ACTIVE, ttlDays: 7 })
})

test('the URL of a file is https, needs nothing else, and ends with the file', async () => {
  const { id } = await client.create('test file', { mimeType: 'text/markdown' })
  const url = await client.url(id)
  assert.match(url, /^https:\/\//)
  const { status, headers, body } = await sdk.fetch(url)
  assert.deepEqual([status, body.toString()], [200, 'test file'])
  assert.equal(headers['content-type'], 'text/markdown')
  assert.equal(headers['content-length'], '9')
  assert.equal(headers['accept-ranges'], 'bytes')
  await client.delete(id)
  assert.equal((await sdk.fetch(url)).status, 404)
})

test('a URL lives for an hour', async () => {
  const url = await client.url((await client.create('x')).id)
  sdk.server.clock.advance({ hours: 1, ms: -1 })
  assert.equal((await sdk.fetch(url)).status, 200)
  sdk.server.clock.advance({ ms: 1 })
  assert.equal((await sdk.fetch(url)).status, 403)
})

test('discovery tells the SDK the address that it called, whoever asks', async () => {
  const discovery = sdk.discovery()
  const { address } = sdk
  assert.deepEqual(
    (await discovery.list()).map(({ id, address: told }) => [id, told]),
    [
      ['ai-files', address],
      ['endpoint', address],
    ],
  )
  assert.equal((await discovery.get('ai-files')).address, address)
  assert.equal(await codeOf(discovery.get('iam')), grpcCodes.NOT_FOUND)
})

test('every code of an error reaches the caller', async (t) => {
  const { id } = await client.create('x')
  const reader = sdk.client(await sdk.server.newKey({ scopes: ['files:read'] }))
  const stranger = sdk.client((await sdk.server.newTenant('stranger')).key)
  const { UNAUTHENTICATED, PERMISSION_DENIED, NOT_FOUND, INVALID_ARGUMENT } = grpcCodes
  assert.equal(await codeOf(sdk.client('nobody').list()), UNAUTHENTICATED)
  assert.equal(await codeOf(reader.delete(id)), PERMISSION_DENIED)
  assert.equal(await codeOf(client.create('x', { folderId: 'b1gother' })), PERMISSION_DENIED)
  assert.equal(await codeOf(client.list(0, '', 'b1gother')), PERMISSION_DENIED)
  assert.equal(await codeOf(stranger.get(id)), NOT_FOUND)
  assert.equal(await codeOf(client.get('fvt00000000000000000')), NOT_FOUND)
  assert.equal(await codeOf(client.create('')), INVALID_ARGUMENT)
  assert.equal(await codeOf(client.create('x', { folderId: '' })), INVALID_ARGUMENT)
  assert.equal(await codeOf(client.create('x', { mimeType: 'pdf' })), INVALID_ARGUMENT)
  assert.equal(await codeOf(client.list(3, 'nonsense')), INVALID_ARGUMENT)
  assert.equal(await codeOf(client.list(-1)), INVALID_ARGUMENT)
  assert.equal(await codeOf(client.update(id, [])), INVALID_ARGUMENT)
  assert.equal(await codeOf(client.update(id, ['mime_type'])), INVALID_ARGUMENT)
  const tooLong = { expirationConfig: { expirationPolicy: STATIC, ttlDays: 366 } }
  assert.equal(await codeOf(client.create('x', tooLong)), INVALID_ARGUMENT)
  const { blobs, metadata } = sdk.server.app.services
  const fail = (error: StoreError) => () => Promise.reject(error)
  const full = fail(new StoreError('full', 'no space'))
  // The database keeps a small body, a blob store a large one.
  for (const [content, mock] of [
    ['x', () => t.mock.method(metadata, 'commit', full)],
    ['x'.repeat(100_000), () => t.mock.method(blobs, 'put', full)],
  ] as const) {
    const failing = mock()
    assert.equal(await codeOf(client.create(content)), grpcCodes.INTERNAL)
    failing.mock.mockImplementation(fail(new StoreError('unavailable', 'not now')))
    assert.equal(await codeOf(client.create(content)), grpcCodes.UNAVAILABLE)
    failing.mock.restore()
  }
  await setQuota(sdk.server, 'project', { files: 0 })
  assert.equal(await codeOf(client.create('x')), grpcCodes.RESOURCE_EXHAUSTED)
  await setQuota(sdk.server, 'project', {})
  await client.delete(id)
  assert.equal(await codeOf(client.delete(id)), NOT_FOUND)
})

test('a file of the largest size arrives whole, and one byte more is refused', async () => {
  const content = Buffer.alloc(128 * 1024 * 1024, 'entrepot')
  const { id } = await client.create(content)
  const { headers, body } = await sdk.fetch(await client.url(id))
  assert.equal(headers['content-length'], String(content.byteLength))
  assert.ok(body.equals(content))
  const larger = Buffer.alloc(content.byteLength + 1)
  assert.equal(await codeOf(client.create(larger)), grpcCodes.INVALID_ARGUMENT)
})
