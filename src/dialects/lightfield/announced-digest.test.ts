import assert from 'node:assert/strict'
import { hash, randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import {
  announcing,
  assertRefusal,
  type CreatedFile,
  type CreateFields,
  LightfieldClient,
  md5Of,
  ok,
  putBytes,
} from '../../../test/lightfield-client.ts'
import { sendRaw } from '../../../test/raw-http.ts'
import { collect, headOf, keptBytes } from '../../../test/upload.harness.ts'

let server: TestServer
let client: LightfieldClient

before(async () => {
  server = await TestServer.start()
  client = new LightfieldClient(server)
})
after(() => server.stop())

/** An upload that was opened for these bytes alone. */
async function announced(content: string, fields: CreateFields = {}): Promise<CreatedFile> {
  return ok(await client.create({ sizeBytes: content.length, ...fields }, announcing(content)))
}

async function download(id: string): Promise<string> {
  return (await fetch(await client.link(id))).text()
}

/** Hashed where they are, hashed on another thread, and so large that they come in many pieces. */
for (const sizeBytes of [5, 200_000, 5_000_000]) {
  test(`an upload of ${sizeBytes} bytes takes the announced ones and no others`, async () => {
    const [right, wrong] = ['r'.repeat(sizeBytes), `w${'r'.repeat(sizeBytes - 1)}`]
    const upload = await announced(right)
    const before = await keptBytes(server)
    const refused = await putBytes(upload, wrong)
    assert.equal(refused.status, 422)
    assert.deepEqual(Object.keys(refused.error), ['type', 'message', 'code'])
    assert.deepEqual([refused.error.type, refused.error.code], ['unprocessable_content', 'checksum_mismatch'])
    assert.deepEqual(await keptBytes(server), before)
    assertRefusal(await client.complete(upload.id), [422, 'unprocessable_content'])
    assert.equal(ok(await client.retrieve(upload.id)).status, 'PENDING')
    const answer = await putBytes(upload, right)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('etag'), `"${md5Of(right)}"`)
    assert.equal(ok(await client.complete(upload.id, { md5: md5Of(right) })).status, 'COMPLETED')
    assert.equal(await download(upload.id), right)
  })
}

test('other bytes do not replace the announced ones', async () => {
  const upload = await announced('right')
  assert.equal((await putBytes(upload, 'right')).status, 200)
  const before = await keptBytes(server)
  assert.equal((await putBytes(upload, 'wrong')).status, 422)
  await collect(server)
  assert.deepEqual(await keptBytes(server), before)
  ok(await client.complete(upload.id))
  assert.equal(await download(upload.id), 'right')
})

test('a chunked body that is a part of the announced one is refused at once', async () => {
  const upload = await announced('right')
  const before = await keptBytes(server)
  const head = headOf(upload, 'transfer-encoding: chunked')
  assert.equal((await sendRaw(server.url, `${head}4\r\nrigh\r\n0\r\n\r\n`)).status, 422)
  assert.deepEqual(await keptBytes(server), before)
})

test('bytes that were refused do not use up a link that may be used once', async () => {
  const upload = await announced('right', { purpose: 'knowledge_user' })
  assert.equal((await putBytes(upload, 'wrong')).status, 422)
  assert.equal((await putBytes(upload, 'right')).status, 200)
  assert.equal((await putBytes(upload, 'right')).status, 412)
  assert.equal(ok(await client.complete(upload.id)).status, 'COMPLETED')
})

test('a wrong md5 is refused beside a right digest', async () => {
  const upload = await announced('right')
  assert.equal((await putBytes(upload, 'right')).status, 200)
  const refusal = [422, 'unprocessable_content', undefined, 'md5'] as const
  assertRefusal(await client.complete(upload.id, { md5: md5Of('wrong') }), refusal)
  ok(await client.complete(upload.id, { md5: md5Of('right') }))
})

test('a link of this server asks for no header more, and takes those of an upload to a bucket', async () => {
  const upload = await announced('right')
  assert.deepEqual(upload.uploadHeaders, { 'content-type': 'text/plain' })
  const more = { 'x-amz-checksum-sha256': hash('sha256', 'right', 'base64') }
  assert.equal((await putBytes(upload, 'right', more)).status, 200)
})

const digest = hash('sha256', 'hello')
const malformed: Record<string, string> = {
  'in capitals': digest.toUpperCase(),
  'that is too short': digest.slice(1),
  'that is too long': `${digest}0`,
  'in base64': hash('sha256', 'hello', 'base64'),
  'with its name': `sha256:${digest}`,
  'that is two': `${digest}, ${digest}`,
  'of another alphabet': 'g'.repeat(64),
}

for (const [name, text] of Object.entries(malformed)) {
  test(`create refuses a digest ${name}`, async () => {
    const before = ok(await client.list()).totalCount
    const answer = await client.create({}, { 'entrepot-content-sha256': text })
    assertRefusal(answer, [400, 'bad_request', 'invalid_type', 'Entrepot-Content-Sha256'])
    assert.equal(ok(await client.list()).totalCount, before)
  })
}

test('an empty header announces nothing', async () => {
  const upload = ok(await client.create({}, { 'entrepot-content-sha256': '' }))
  assert.equal((await putBytes(upload, 'other')).status, 200)
  assert.equal(ok(await client.complete(upload.id)).status, 'COMPLETED')
})

test('a digest counts at create and nowhere else', async () => {
  const other = announcing('other')
  assert.equal(ok(await client.complete((await client.staged()).id, {}, other)).status, 'COMPLETED')
  assert.equal((await putBytes(await client.pending(), 'hello', other)).status, 200)
  const unread = { 'entrepot-content-sha256': 'x' }
  assert.equal(ok(await client.cancel((await client.pending()).id, unread)).status, 'CANCELLED')
})

test('a repeated create keeps the digest of the first', async () => {
  const key = { 'idempotency-key': randomUUID() }
  const first = await client.create({}, { ...key, ...announcing('right') })
  const second = await client.create({}, { ...key, ...announcing('wrong') })
  assert.equal(second.text, ok(first) && first.text)
  assert.equal((await putBytes(second.body, 'wrong')).status, 422)
  assert.equal((await putBytes(second.body, 'right')).status, 200)
})
