import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { AdminClient } from '../../../test/admin-client.ts'
import { TestServer } from '../../../test/harness.ts'
import { OpenAIClient, type FileBody as OpenAIFile } from '../../../test/openai-client.ts'
import { storedFile } from '../../../test/stored-file.ts'
import { TusClient } from '../../../test/tus-client.ts'
import type { FileBody } from './schemas.ts'

let server: TestServer
let admin: AdminClient
before(async () => {
  server = await TestServer.start()
  admin = new AdminClient(server)
})
after(() => server.stop())

test('a file that came by tus is told with all that is known of it', async () => {
  const { id } = await admin.stored('hello', {
    filename: 'a.txt',
    purpose: 'ocr',
    externalId: 'x-1',
    labels: '{"team":"search"}',
  })
  const { body: file } = await admin.get(id)
  assert.match(file.project.id, /^[\da-f-]{36}$/)
  assert.deepEqual(file, {
    id,
    project: { id: file.project.id, slug: 'default' },
    name: 'a.txt',
    state: 'stored',
    sizeBytes: 5,
    mimeType: 'text/plain',
    sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
    md5: null,
    purpose: 'ocr',
    labels: { team: 'search' },
    description: null,
    externalId: 'x-1',
    visibility: 'project',
    createdAt: '2026-04-08T12:00:00.000Z',
    updatedAt: '2026-04-08T12:00:00.000Z',
    storedAt: '2026-04-08T12:00:00.000Z',
    lastActiveAt: '2026-04-08T12:00:00.000Z',
    expiresAt: null,
    expiry: { policy: 'never', days: null },
    createdBy: file.createdBy,
    dialect: 'tus',
  })
})

test('every form of an id finds the file, and its bytes', async () => {
  const { id } = await admin.stored('hello')
  const hex = id.replaceAll('-', '')
  for (const form of [id, id.toUpperCase(), `dfl-${id}`, `file-${hex}`, `file_${hex}`]) {
    assert.equal((await admin.get(form)).body.id, id)
    assert.equal((await admin.send('GET', `/files/${form}/content`)).text, 'hello')
  }
})

test('a page follows another, in either order, until there is none', async () => {
  const { key } = await server.newTenant('pages')
  const tenant = new AdminClient({ url: server.url, key })
  const made: string[] = []
  for (let at = 0; at < 5; at++) {
    made.push((await tenant.stored('x', { filename: `${at}.txt` })).id)
    server.clock.advance({ ms: 1 })
  }
  assert.deepEqual(await tenant.listAll('order=asc&limit=2'), made)
  assert.deepEqual(await tenant.listAll('limit=2'), made.toReversed())
  assert.deepEqual(await tenant.listAll('limit=5'), made.toReversed())
})

test('a page of files with much to tell ends early, and the next goes on', async () => {
  const { key } = await server.newTenant('labels')
  const tenant = new AdminClient({ url: server.url, key })
  const labels = Object.fromEntries(Array.from({ length: 64 }, (_, at) => [`k${at}`, 'x'.repeat(4096)]))
  const made = await Promise.all(Array.from({ length: 20 }, () => storedFile(server, key, { labels })))
  const { body, text } = await tenant.send<{ files: unknown[]; next: string }>('GET', '/files')
  assert.ok(body.files.length < 20 && text.length < 5 * 1024 * 1024, `${body.files.length} files`)
  assert.deepEqual(new Set(await tenant.listAll('')), new Set(made.map(({ id }) => id)))
})

test('a long page is the same as many short ones', async () => {
  const { key } = await server.newTenant('long')
  const tenant = new AdminClient({ url: server.url, key })
  await Promise.all(Array.from({ length: 205 }, () => storedFile(server, key)))
  const { body } = await tenant.send<{ files: FileBody[]; next: string | null }>('GET', '/files?limit=205')
  assert.equal(body.next, null)
  const ids = body.files.map(({ id }) => id)
  assert.equal(ids.length, 205)
  assert.deepEqual(await tenant.listAll('limit=41'), ids)
})

test('uploads that wait for their bytes are listed when they are asked for, and DELETE ends them', async () => {
  const { key } = await server.newTenant('pending')
  const tenant = new AdminClient({ url: server.url, key })
  await new TusClient({ url: server.url, key }).created(5, { filename: 'later.txt' })
  assert.deepEqual(await tenant.listAll(''), [])
  const [id = ''] = await tenant.listAll('state=pending')
  const { body } = await tenant.get(id)
  assert.deepEqual([body.state, body.sizeBytes, body.sha256, body.storedAt], ['pending', 5, null, null])
  assert.equal((await tenant.send('GET', `/files/${id}/content`)).status, 404)
  assert.equal((await tenant.send('DELETE', `/files/${id}`)).status, 204)
  assert.deepEqual(await tenant.listAll('state=pending'), [])
  assert.equal((await tenant.send('DELETE', `/files/${id}`)).status, 404)
})

test('an upload whose time is over is not listed as pending, before any job has seen it', async () => {
  const { key } = await server.newTenant('lapsed')
  const tenant = new AdminClient({ url: server.url, key })
  await new TusClient({ url: server.url, key }).created(5)
  server.clock.advance({ hours: 2 })
  assert.deepEqual(await tenant.listAll('state=pending'), [])
})

test('a change is seen by every API, and what is absent stays', async () => {
  const { id } = await admin.stored('hello', { filename: 'a.txt', purpose: 'ocr', labels: '{"a":"1"}' })
  const expiresAt = '2026-05-01T12:00:00.000Z'
  const { body: changed } = await admin.change(id, { name: 'b.txt', description: 'Q1', expiresAt })
  assert.deepEqual(
    [changed.name, changed.description, changed.expiresAt, changed.purpose, changed.labels],
    ['b.txt', 'Q1', expiresAt, 'ocr', { a: '1' }],
  )
  const seen = await new OpenAIClient(server).send<OpenAIFile>('GET', `/files/${id}`)
  assert.equal(seen.body.filename, 'b.txt')
  const { body } = await admin.change(id, { purpose: null, labels: { b: '2' }, expiresAt: null })
  assert.deepEqual([body.purpose, body.labels, body.expiresAt], [null, { b: '2' }, null])
})

test('a change that is for one state of a file is refused in any other, and of many at once one is made', async () => {
  const { id } = await admin.stored('hello', { filename: 'a.txt' })
  const seen = await admin.get(id)
  const tag = seen.headers.get('etag') ?? assert.fail('no ETag')
  assert.equal(tag, `"${seen.body.updatedAt}"`)
  const change = (name: string, headers: Record<string, string>) =>
    admin.send('PATCH', `/files/${id}`, { name }, headers)
  const raced = await Promise.all(
    Array.from({ length: 8 }, (_, i) => change(`${i}.txt`, { 'if-match': tag })),
  )
  assert.deepEqual(raced.map(({ status }) => status).toSorted(), [200, ...Array(7).fill(412)])
  const late = await change('late.txt', { 'if-match': tag })
  assert.deepEqual([late.status, late.body.code], [412, 'precondition_failed'])
  const { body, headers } = await admin.get(id)
  assert.match(body.name, /^\d\.txt$/)
  for (const now of [`"x", ${headers.get('etag')}`, '*'])
    assert.equal((await change('now.txt', { 'if-match': now })).status, 200, now)
})

test('the end of a file follows a rule, which is told and can be set again', async () => {
  const { id } = await admin.stored('hello')
  const rule = { policy: 'since_last_active', days: 3 }
  const { body: sliding } = await admin.change(id, { expiry: rule })
  assert.deepEqual(sliding.expiry, rule)
  assert.equal(Date.parse(sliding.expiresAt ?? '') - Date.parse(sliding.lastActiveAt), 3 * 86_400_000)
  server.clock.advance({ hours: 1 })
  const { body: fixed } = await admin.change(id, { expiresAt: '2027-01-01T00:00:00Z' })
  assert.deepEqual(fixed.expiry, { policy: 'at', days: null })
  // Taken back, it ends when it would have ended.
  assert.equal((await admin.change(id, { expiry: rule })).body.expiresAt, sliding.expiresAt)
  const { body: created } = await admin.change(id, { expiry: { policy: 'since_created', days: 1 } })
  assert.equal(Date.parse(created.expiresAt ?? '') - Date.parse(created.lastActiveAt), 86_400_000)
})

test('a rule by which a file would have ended already is refused', async () => {
  const { id } = await admin.stored('hello')
  server.clock.advance({ hours: 25 })
  for (const [expiry, code] of [
    [{ policy: 'since_created', days: 1 }, 'field_invalid'],
    [{ policy: 'since_created', days: 0 }, 'field_invalid'],
    [{ policy: 'since_created', days: 36_526 }, 'field_invalid'],
    [{ policy: 'never', days: 1 }, 'field_invalid'],
    [{ policy: 'since_created', days: 2, hours: 1 }, 'field_unknown'],
    [null, 'field_invalid'],
  ] as const) {
    const { status, body } = await admin.send('PATCH', `/files/${id}`, { expiry })
    assert.deepEqual([status, body.code], [400, code], JSON.stringify(expiry))
  }
  const both = { expiry: { policy: 'since_created', days: 2 }, expiresAt: null }
  assert.equal((await admin.send('PATCH', `/files/${id}`, both)).body.field, 'expiry')
  assert.equal((await admin.get(id)).body.expiresAt, null)
})

test('a file is gone at its new end, to the millisecond', async () => {
  const { id } = await admin.stored('hello')
  const end = new Date(server.clock.now() + 1000).toISOString()
  assert.equal((await admin.change(id, { expiresAt: end })).status, 200)
  server.clock.advance({ ms: 999 })
  assert.equal((await admin.get(id)).status, 200)
  server.clock.advance({ ms: 1 })
  assert.equal((await admin.get(id)).status, 404)
  assert.equal((await admin.send('DELETE', `/files/${id}`)).status, 404)
})
