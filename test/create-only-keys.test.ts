/** What a key learns of files that others made, if it lacks `files:read`: nothing that it could ask for again. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { grpcCodes } from '../src/grpc/status.ts'
import { TestServer } from './harness.ts'
import { type Answer, assertRefusal, LightfieldClient, md5Of, ok, putBytes } from './lightfield-client.ts'
import { codeOf, withGrpc, YandexClient } from './yandex-client.ts'
import { done, YandexRest } from './yandex-rest.ts'

const NAME = 'name-that-others-may-not-know.txt'
const CONTENT = 'of 17 characters.'

let server: TestServer
let owner: LightfieldClient
/** Of another subject. */
let creator: LightfieldClient
let reader: LightfieldClient
/** Of the subject that makes the files, but without `files:read`. */
let own: LightfieldClient

before(async () => {
  server = await TestServer.start(withGrpc)
  const keyOf = (userId: string, scopes: readonly ('files:create' | 'files:read')[]) =>
    server.newKey({ userId, role: 'member', scopes })
  owner = new LightfieldClient(server, await keyOf('ada', []))
  creator = new LightfieldClient(server, await keyOf('bob', ['files:create']))
  reader = new LightfieldClient(server, await keyOf('eve', ['files:create', 'files:read']))
  own = new LightfieldClient(server, await keyOf('ada', ['files:create']))
})
after(() => server.stop())

const fields = { filename: NAME }

function assertHidden(answer: Answer<unknown>): void {
  assertRefusal(answer, [403, 'forbidden'])
  assert.match(answer.error.message, /lacks the scope files:read/)
  for (const secret of [NAME, 'text/plain', String(CONTENT.length), 'COMPLETED', 'CANCELLED'])
    assert.ok(!answer.text.includes(secret), answer.text)
}

test('completing a stored file answers its creator and readers, and nobody else', async () => {
  const { id } = await owner.stored(CONTENT, fields)
  const key = { 'idempotency-key': 'complete again' }
  for (const client of [owner, own, reader]) assert.equal(ok(await client.complete(id)).filename, NAME)
  assert.equal(ok(await reader.complete(id, {}, key)).filename, NAME)
  assertHidden(await creator.complete(id))
  assertHidden(await creator.complete(id, {}, key))
  // Nor does it tell which bytes a file has.
  assertHidden(await creator.complete(id, { md5: md5Of(CONTENT) }))
  assertHidden(await creator.complete(id, { md5: md5Of('other') }))
})

test('in which state an upload ended is told to its creator and readers alone', async () => {
  const ended = [await owner.stored(CONTENT, fields), await owner.cancelled()]
  for (const { id } of ended) {
    assertHidden(await creator.cancel(id))
    for (const client of [own, reader]) assertRefusal(await client.cancel(id), [409, 'conflict'])
  }
  assertHidden(await creator.complete(ended[1]?.id ?? ''))
})

test('who may create ends a pending upload of others, once', async () => {
  const upload = await owner.staged(CONTENT, fields)
  assert.equal(ok(await creator.complete(upload.id)).status, 'COMPLETED')
  assertHidden(await creator.complete(upload.id))
  const { id } = await owner.pending()
  assert.equal(ok(await creator.cancel(id)).status, 'CANCELLED')
})

test('an idempotency key of others brings no answer of theirs to who may not read', async () => {
  const key = { 'idempotency-key': 'create with a known key' }
  const first = ok(await owner.create(fields, key))
  const other = ok(await creator.create({}, key))
  assert.notEqual(other.id, first.id)
  assert.equal(other.filename, 'notes.txt')
  assert.equal(ok(await creator.create({}, key)).id, other.id)
  assert.equal(ok(await reader.create(fields, key)).id, first.id)
  assert.equal((await putBytes(first)).status, 200)
})

test('an update needs the right to read what it answers, over REST and gRPC', async () => {
  const file = done(await new YandexRest(server, `Api-Key ${server.key}`).create({ name: NAME }))
  const keyOf = (userId: string, scopes: readonly ('files:update' | 'files:read')[]) =>
    server.newKey({ userId, role: 'member', scopes })
  const change = { updateMask: 'labels', labels: { a: 'b' } }
  const blind = `Api-Key ${await keyOf('bob', ['files:update'])}`
  const refused = await new YandexRest(server, blind).update(file.id, change)
  assert.equal(refused.status, 403)
  assert.ok(!refused.text.includes(NAME))
  const grpc = new YandexClient(server.grpcAddress, blind)
  assert.equal(await codeOf(grpc.update(file.id, ['labels'])), grpcCodes.PERMISSION_DENIED)
  grpc.close()
  const creating = `Api-Key ${await keyOf('admin', ['files:update'])}`
  const seeing = `Api-Key ${await keyOf('eve', ['files:update', 'files:read'])}`
  for (const key of [creating, seeing])
    assert.equal(done(await new YandexRest(server, key).update(file.id, change)).name, NAME)
})
