import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { assertRefusal, LightfieldClient, ok, putBytes } from '../../../test/lightfield-client.ts'
import { createProject } from '../../core/access/tenants.ts'
import type { Change } from '../../core/ports/changes.ts'

const AT_ONCE = 50

let server: TestServer
let client: LightfieldClient

before(async () => {
  server = await TestServer.start()
  client = new LightfieldClient(server)
})
after(() => server.stop())

function newKey(): { 'idempotency-key': string } {
  return { 'idempotency-key': randomUUID() }
}

async function count(): Promise<number> {
  return ok(await client.list()).totalCount
}

test('a repeated create returns the first answer, byte for byte, and makes no second file', async () => {
  const key = newKey()
  const before = await count()
  const first = await client.create({}, key)
  server.clock.advance({ minutes: 10 })
  const second = await client.create({}, key)
  assert.equal(second.status, 200)
  assert.equal(second.text, first.text)
  assert.equal(second.headers.get('content-type'), first.headers.get('content-type'))
  assert.equal((await putBytes(second.body)).status, 200)
  assert.equal(await count(), before + 1)
})

test('a repeat with another payload still returns the first answer', async () => {
  const key = newKey()
  const first = await client.create({ filename: 'one.txt' }, key)
  const second = await client.create({ filename: 'two.txt', sizeBytes: 77 }, key)
  assert.equal(second.text, first.text)
})

test('a repeat that is not valid in itself is refused as it would be without a key', async () => {
  const key = newKey()
  ok(await client.create({}, key))
  assert.equal((await client.create({ sizeBytes: 0 }, key)).status, 400)
})

test('of fifty creates at once with one key one makes a file and the rest are told to wait', async () => {
  const key = newKey()
  const before = await count()
  const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => client.create({}, key)))
  const created = answers.filter(({ status }) => status === 200)
  const refused = answers.filter(({ status }) => status !== 200)
  assert.ok(created.length >= 1)
  assert.ok(refused.length >= 1)
  for (const { text } of created) assert.equal(text, created[0]?.text)
  for (const { status, error, headers } of refused) {
    assert.equal(status, 409)
    assert.equal(error.type, 'idempotency_conflict')
    assert.equal(headers.get('retry-after'), '1')
    assert.equal(headers.get('x-should-retry'), null)
  }
  assert.equal(await count(), before + 1)
  assert.equal((await client.create({}, key)).text, created[0]?.text)
})

test('a create that took so long that another of its key came first makes no file and is told to wait', async (t) => {
  const key = newKey()
  const before = await count()
  const { metadata } = server.app.services
  const commit = metadata.commit.bind(metadata)
  let faster: Promise<Awaited<ReturnType<typeof client.create>>> | undefined
  t.mock.method(metadata, 'commit', async (changes: readonly Change[]) => {
    if (faster === undefined && changes.some(({ kind }) => kind === 'file.insert')) {
      server.clock.advance({ seconds: 61 })
      faster = client.create({}, key)
      await faster
    }
    return commit(changes)
  })
  const slow = await client.create({}, key)
  assertRefusal(slow, [409, 'idempotency_conflict'])
  assert.equal(slow.headers.get('retry-after'), '1')
  assert.equal((await client.create({}, key)).text, (await faster)?.text)
  assert.equal(await count(), before + 1)
})

test('complete and cancel are repeated too, the file being part of the key', async () => {
  const key = newKey()
  const [one, two] = [await client.staged(), await client.staged()]
  const first = await client.complete(one.id, {}, key)
  assert.equal((await client.complete(one.id, {}, key)).text, ok(first) && first.text)
  assert.equal(ok(await client.complete(two.id, {}, key)).id, two.id)
  const other = await client.pending()
  const cancelled = await client.cancel(other.id, key)
  assert.equal((await client.cancel(other.id, key)).text, ok(cancelled) && cancelled.text)
  // Without the key the second cancel is what it is.
  assert.equal((await client.cancel(other.id)).status, 409)
})

test('of fifty cancels at once with one key none sees a state conflict', async () => {
  const key = newKey()
  const { id } = await client.pending()
  const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => client.cancel(id, key)))
  assert.ok(answers.some(({ status }) => status === 200))
  for (const { status, error } of answers) {
    if (status !== 200) assert.equal(error.type, 'idempotency_conflict')
  }
  assert.equal(ok(await client.cancel(id, key)).status, 'CANCELLED')
})

test('a file of the same key may be completed after its complete failed', async () => {
  const key = newKey()
  const upload = await client.pending()
  assert.equal((await client.complete(upload.id, {}, key)).status, 422)
  assert.equal((await client.complete(upload.id, { md5: 'x' }, key)).status, 400)
  await putBytes(upload)
  assert.equal(ok(await client.complete(upload.id, {}, key)).status, 'COMPLETED')
})

test('a refused create is not kept', async () => {
  const key = newKey()
  const fields = { purpose: 'meeting_transcript' }
  assert.equal((await client.create({ ...fields, mimeType: 'image/png' }, key)).status, 422)
  assert.equal((await client.create({ sizeBytes: 0 }, key)).status, 400)
  assert.equal((await client.create(fields, key)).status, 200)
})

test('one key on create, complete and cancel is three keys', async () => {
  const key = newKey()
  const upload = ok(await client.create({}, key))
  await putBytes(upload)
  assert.equal(ok(await client.complete(upload.id, {}, key)).status, 'COMPLETED')
  assert.equal((await client.cancel(upload.id, key)).status, 409)
})

test('a key of another organization or project is another key', async () => {
  const key = newKey()
  const first = ok(await client.create({ filename: 'secret.txt' }, key))
  const stranger = new LightfieldClient(server, (await server.newTenant('idempotent-stranger')).key)
  const { metadata } = server.app.services
  const organization = await metadata.findOrganization('default')
  const project = await createProject(server.app.services, organization?.id ?? '', 'idempotent-neighbour')
  const neighbour = new LightfieldClient(server, await server.newKey({ projectIds: [project.id] }))
  ok(await client.cancel(first.id, key))
  for (const other of [stranger, neighbour]) {
    const second = ok(await other.create({}, key))
    assert.notEqual(second.id, first.id)
    assert.equal(second.filename, 'notes.txt')
    assert.equal((await other.cancel(first.id, key)).status, 404)
  }
})

test('another key of the same project gets the answer that was given before', async () => {
  const key = newKey()
  const first = await client.create({}, key)
  const colleague = new LightfieldClient(server, await server.newKey({ userId: 'colleague' }))
  assert.equal((await colleague.create({}, key)).text, first.text)
})

test('an answer is kept for 24 hours and no longer', async () => {
  const key = newKey()
  const first = await client.create({}, key)
  server.clock.advance({ hours: 24, ms: -1 })
  assert.equal((await client.create({}, key)).text, first.text)
  server.clock.advance({ ms: 1 })
  assert.notEqual(ok(await client.create({}, key)).id, first.body.id)
})

test('an answer outlives the server', async () => {
  const key = newKey()
  const first = await client.create({}, key)
  await server.restart()
  const second = await client.create({}, key)
  assert.equal(second.text, first.text)
})

test('an empty header is no key', async () => {
  const key = { 'idempotency-key': '' }
  const [first, second] = [await client.create({}, key), await client.create({}, key)]
  assert.notEqual(ok(first).id, ok(second).id)
})

test('a key has at most 255 characters', async () => {
  const longest = { 'idempotency-key': 'k'.repeat(255) }
  const first = await client.create({}, longest)
  assert.equal((await client.create({}, longest)).text, ok(first) && first.text)
  const { id } = first.body
  const longer = { 'idempotency-key': 'k'.repeat(256) }
  const answers = [client.create({}, longer), client.complete(id, {}, longer), client.cancel(id, longer)]
  for (const { status, error } of await Promise.all(answers)) {
    assert.equal(status, 400)
    assert.equal(error.code, 'idempotency_key_too_long')
    assert.equal(error.param, 'Idempotency-Key')
  }
})

test('a key may be any text that a header carries', async () => {
  for (const text of ['a b', '"quoted"', 'x; DROP TABLE answers --', 'caf\u00e9', '..\\../']) {
    const key = { 'idempotency-key': text }
    const first = await client.create({}, key)
    assert.equal((await client.create({}, key)).text, ok(first) && first.text, text)
  }
})

test('reads do not mind a key', async () => {
  const key = { 'idempotency-key': 'k'.repeat(256) }
  assert.equal((await client.send('GET', '/v1/files', undefined, key)).status, 200)
})
