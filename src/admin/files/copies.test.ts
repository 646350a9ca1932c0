import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { after, before, type TestContext, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { AdminClient } from '../../../test/admin-client.ts'
import { TestServer } from '../../../test/harness.ts'
import { LightfieldClient, md5Of, ok } from '../../../test/lightfield-client.ts'
import { onlyLong } from '../../../test/rounds.ts'
import { storedFile } from '../../../test/stored-file.ts'
import { linkIn, patch, TusClient } from '../../../test/tus-client.ts'
import { until } from '../../../test/until.ts'
import { setQuota, usageNow } from '../../../test/usage.ts'
import { YandexRest } from '../../../test/yandex-rest.ts'
import { createProject } from '../../core/access/tenants.ts'
import type { FileBody } from './schemas.ts'

/** More than the database holds, and than one read of a disk brings. */
const LARGE = randomBytes(1_300_000)
const UNKNOWN = '01890000-0000-7000-8000-0000000000ff'

let server: TestServer
let admin: AdminClient
/** Of a key that has this project, too. */
let both: AdminClient
before(async () => {
  server = await TestServer.start()
  admin = new AdminClient(server)
  const { services } = server.app
  const organization = await services.metadata.findOrganization('default')
  const first = await services.metadata.findProject(organization?.id ?? '', 'default')
  const second = await createProject(services, organization?.id ?? '', 'second')
  const key = await server.newKey({ projectIds: [first?.id ?? '', second.id] })
  both = new AdminClient({ url: server.url, key })
})
after(() => server.stop())

const copyOf = (client: AdminClient, id: string, body: object = {}, headers = {}) =>
  client.send<FileBody>('POST', `/files/${id}/copies`, body, headers)

async function copied(id: string, body: object = {}): Promise<FileBody> {
  const { status, body: file, text } = await copyOf(both, id, body)
  assert.equal(status, 201, text)
  return file
}

async function bytesOf(id: string): Promise<Buffer> {
  const answer = await fetch(`${server.url}/admin/v1/files/${id}/content`, {
    headers: { authorization: `Bearer ${both.key}` },
  })
  assert.equal(answer.status, 200)
  return Buffer.from(await answer.arrayBuffer())
}

/** Of whom nothing but the source is there. */
async function assertNothingKept(tenant: AdminClient, source: string): Promise<void> {
  assert.deepEqual(await tenant.listAll(''), [source])
  const { metadata } = server.app.services
  assert.ok(await until(5_000, async () => (await metadata.listIntentions()).length === 0))
}

test('a copy keeps what describes the file, and is a file of its own', async () => {
  const source = await admin.stored(LARGE, {
    filename: 'a.bin',
    purpose: 'ocr',
    externalId: 'x-1',
    labels: '{"team":"search"}',
  })
  await admin.change(source.id, { description: 'Q1' })
  const copy = await copied(source.id)
  const { id, createdAt, updatedAt, storedAt, lastActiveAt, createdBy } = copy
  const own = {
    id,
    createdAt,
    updatedAt,
    storedAt,
    lastActiveAt,
    createdBy,
    externalId: null,
    description: 'Q1',
    dialect: 'admin',
  }
  assert.deepEqual(copy, { ...source, ...own })
  assert.notEqual(id, source.id)
  assert.equal((await admin.send('DELETE', `/files/${source.id}`)).status, 204)
  assert.deepEqual(await bytesOf(id), LARGE)
})

test('a copy goes to the project that is named, by its slug, under the name that is asked for', async () => {
  const source = await admin.stored('hello', { filename: 'a.txt' })
  const copy = await copied(source.id, { project: 'second', name: 'b.txt' })
  assert.deepEqual([copy.project.slug, copy.name, copy.sha256], ['second', 'b.txt', source.sha256])
  assert.deepEqual(await both.listAll('project=second'), [copy.id])
  const member = new AdminClient({ url: server.url, key: await server.newKey({ role: 'member' }) })
  assert.equal((await member.get(copy.id)).status, 404)
})

for (const [what, content] of [
  ['no byte', Buffer.alloc(0)],
  ['bytes that the database holds', Buffer.from('hello')],
  ['64 KiB', LARGE.subarray(0, 65536)],
] as const) {
  test(`a file of ${what} is copied`, async () => {
    const source = await admin.stored(content)
    const copy = await copied(source.id)
    assert.deepEqual([copy.sha256, copy.sizeBytes], [source.sha256, content.byteLength])
    assert.deepEqual(await bytesOf(copy.id), content)
  })
}

test('a file that came in pieces is copied', async () => {
  const made = await new TusClient(server).create({ 'upload-length': String(LARGE.byteLength) })
  const link = linkIn(made)
  let offset = 0
  for (const end of [5, 70_000, LARGE.byteLength]) {
    assert.equal((await patch(link, offset, LARGE.subarray(offset, end))).status, 204)
    offset = end
  }
  const copy = await copied(made.headers.get('entrepot-file-id') ?? '')
  assert.deepEqual(await bytesOf(copy.id), LARGE)
})

test('an MD5 that is known stays known', async () => {
  const field = new LightfieldClient(server)
  const { id } = await field.staged('hello')
  ok(await field.complete(id, { md5: md5Of('hello') }))
  assert.equal((await copied(id)).md5, md5Of('hello'))
})

test('a copy ends by the rule of the source: at its instant, or as many days from now', async () => {
  const fixed = await admin.stored('hello', { expiresInSeconds: String(10 * 24 * 3600) })
  // Seven days since the last activity, by default.
  const { id: sliding } = await new YandexRest(server).stored('hello')
  const never = await admin.stored('hello')
  server.clock.advance({ days: 1 })
  const now = server.clock.now()
  assert.equal((await copied(fixed.id)).expiresAt, fixed.expiresAt)
  assert.equal((await copied(sliding)).expiresAt, new Date(now + 7 * 24 * 3600 * 1000).toISOString())
  assert.equal((await copied(never.id)).expiresAt, null)
})

test('a hidden file is copied by its creator, and stays hidden', async () => {
  const member = (userId: string) => server.newKey({ userId, role: 'member' })
  const key = await member('ada')
  const ada = new AdminClient({ url: server.url, key })
  const bob = new AdminClient({ url: server.url, key: await member('bob') })
  const { id } = await storedFile(server, key, { visibility: 'subject' })
  assert.equal((await copyOf(bob, id)).status, 404)
  const { status, body } = await copyOf(ada, id)
  assert.deepEqual([status, body.visibility, body.createdBy], [201, 'subject', 'ada'])
  assert.equal((await bob.get(body.id)).status, 404)
})

test('a key needs the scopes to read and to create, and the project', async () => {
  const { id } = await admin.stored('hello')
  for (const scope of ['files:create', 'files:read'] as const) {
    const key = await server.newKey({ scopes: [scope] })
    const { status, text } = await copyOf(new AdminClient({ url: server.url, key }), id)
    assert.equal(status, 403)
    assert.match(text, /"scope_missing"/)
  }
  const member = new AdminClient({ url: server.url, key: await server.newKey({ role: 'member' }) })
  const { status, text } = await copyOf(member, id, { project: 'second' })
  assert.equal(status, 403)
  assert.match(text, /"project_forbidden"/)
})

test('a file of others, one that is gone and one that never was are told alike', async () => {
  const foreign = new AdminClient({ url: server.url, key: (await server.newTenant('foreign')).key })
  const theirs = await foreign.stored('hello')
  const gone = await admin.stored('hello')
  await admin.send('DELETE', `/files/${gone.id}`)
  const told = []
  for (const id of [theirs.id, gone.id, UNKNOWN, 'x']) {
    const { status, body } = await admin.send('POST', `/files/${id}/copies`, {})
    told.push({ ...body, requestId: '', status })
  }
  assert.equal(told[0]?.status, 404)
  for (const each of told) assert.deepEqual(each, told[0])
})

test('a copy beyond the quota is refused, and leaves nothing', async (t) => {
  for (const content of [Buffer.from('hello'), LARGE]) {
    const { id } = await admin.stored(content)
    const { files, bytes } = await usageNow(server)
    await setQuota(server, 'organization', { bytes: bytes + content.byteLength - 1 })
    t.after(() => setQuota(server, 'organization', {}))
    assert.equal((await copyOf(admin, id)).status, 402)
    assert.ok(await until(5_000, async () => isDeepStrictEqual(await usageNow(server), { files, bytes })))
    await setQuota(server, 'organization', { bytes: bytes + content.byteLength })
    assert.equal((await copyOf(admin, id)).status, 201)
    await setQuota(server, 'organization', {})
  }
})

test('a request that is repeated under its idempotency key makes one copy', async () => {
  const { id } = await admin.stored('hello')
  const headers = { 'idempotency-key': 'once' }
  const first = await copyOf(admin, id, {}, headers)
  assert.equal((await admin.send('POST', '/projects', { slug: 'made-meanwhile' })).status, 201)
  await admin.send('DELETE', `/files/${id}`)
  const again = await copyOf(admin, id, {}, headers)
  assert.deepEqual([first.status, again.status, again.text], [201, 201, first.text])
  assert.equal((await copyOf(admin, id)).status, 404)
  const long = await copyOf(admin, id, {}, { 'idempotency-key': 'x'.repeat(256) })
  assert.equal(long.status, 400)
})

/** A tenant with one large file; what each of its readers gets stops half-way until it is told to go on. */
async function halfRead(t: TestContext, slug: string, content: Uint8Array = LARGE, readers = 1) {
  let waiting = 0
  const { key } = await server.newTenant(slug)
  const tenant = new AdminClient({ url: server.url, key })
  const { id } = await tenant.stored(content)
  const { blobs } = server.app.services
  const open = blobs.open.bind(blobs)
  const began = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  blobs.open = async (...args) => {
    const bytes = await open(...args)
    return Readable.from(
      (async function* () {
        let isFirst = true
        for await (const chunk of bytes) {
          yield chunk
          if (!isFirst) continue
          isFirst = false
          waiting += 1
          if (waiting === readers) began.resolve()
          await goOn.promise
        }
      })(),
    )
  }
  t.after(() => {
    blobs.open = open
  })
  return { tenant, key, id, began: began.promise, goOn: goOn.resolve }
}

test('a file that is deleted while it is copied is not found, and nothing is kept', async (t) => {
  const { tenant, id, began, goOn } = await halfRead(t, 'deleted')
  const answer = copyOf(tenant, id)
  await began
  assert.equal((await tenant.send('DELETE', `/files/${id}`)).status, 204)
  goOn()
  const { status, text } = await answer
  assert.equal(status, 404, text)
  assert.deepEqual(await tenant.listAll(''), [])
  const { metadata } = server.app.services
  assert.ok(await until(5_000, async () => (await metadata.listIntentions()).length === 0))
})

test('a copy ends with its caller, and nothing is kept', async (t) => {
  const { tenant, key, id, began } = await halfRead(t, 'leaving')
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const outgoing = request(`${server.url}/admin/v1/files/${id}/copies`, { method: 'POST', headers })
  outgoing.on('error', () => undefined).end('{}')
  await began
  outgoing.destroy()
  await assertNothingKept(tenant, id)
})

test('of large files an organization copies four at a time', { skip: onlyLong }, async (t) => {
  const { tenant, id, began, goOn } = await halfRead(t, 'many', Buffer.alloc(16 * 1024 * 1024), 4)
  const running = Array.from({ length: 4 }, () => copyOf(tenant, id))
  await began
  const { status, headers, text } = await copyOf(tenant, id)
  assert.equal(status, 429, text)
  assert.ok(Number(headers.get('retry-after')) >= 5)
  const small = await tenant.stored('hello')
  assert.equal((await copyOf(tenant, small.id)).status, 201)
  goOn()
  for (const answer of await Promise.all(running)) assert.equal(answer.status, 201)
  assert.equal((await copyOf(tenant, id)).status, 201)
})

test('bytes that are damaged are not copied', async (t) => {
  const tenant = new AdminClient({ url: server.url, key: (await server.newTenant('damaged')).key })
  const { id } = await tenant.stored(LARGE)
  const { blobs } = server.app.services
  t.mock.method(blobs, 'open', async () => {
    const other = Buffer.from(LARGE)
    other[1_000_000] = (other[1_000_000] ?? 0) ^ 1
    return Readable.from([other])
  })
  const { status, text } = await copyOf(tenant, id)
  assert.equal(status, 500)
  assert.match(text, /"bytes_lost"/)
  await assertNothingKept(tenant, id)
})

test('bad fields are refused by name', async () => {
  const { id } = await admin.stored('hello')
  for (const [body, field] of [
    [{ name: 7 }, 'name'],
    [{ name: 'a\u0000b' }, 'name'],
    [{ name: 'x'.repeat(3001) }, 'name'],
    [{ project: null }, 'project'],
    [{ projekt: 'default' }, 'projekt'],
  ] as const) {
    const { status, body: problem } = await admin.send('POST', `/files/${id}/copies`, body)
    assert.deepEqual([status, problem.field], [400, field])
  }
})
