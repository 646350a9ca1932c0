import assert from 'node:assert/strict'
import { createHash, hash, randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { LinkBody } from '../src/admin/links/schemas.ts'
import type { Environment } from '../src/config/setting.ts'
import { readLink } from '../src/core/links/link-token.ts'
import { collectBlobs } from '../src/core/upkeep/collect-blobs.ts'
import { joinSegments } from '../src/core/upkeep/join-segments.ts'
import { reconcile } from '../src/core/upkeep/reconcile.ts'
import { parseFileId } from '../src/dialects/all.ts'
import { AdminClient } from './admin-client.ts'
import { TestServer } from './harness.ts'
import { getLarge, putLarge } from './large-body.ts'
import { announcing, assertRefusal, LightfieldClient, md5Of, ok } from './lightfield-client.ts'
import { linkToken } from './link-token.ts'
import { LlamaCloudClient } from './llamacloud-client.ts'
import { isLong } from './rounds.ts'
import { type S3Quirks, S3TestServer } from './s3/server.ts'
import { s3Settings } from './s3/settings.ts'
import { patch, TusClient } from './tus-client.ts'

const MEBIBYTE = 1024 * 1024
/** In a long run what Lightfield takes at most; in a short one more than one part. */
const LARGE_BYTES = (isLong ? 512 : 48) * MEBIBYTE

async function start(t: TestContext, quirks: S3Quirks = {}, settings: Environment = {}) {
  const s3 = await S3TestServer.start(quirks)
  t.after(() => s3.stop())
  const server = await TestServer.start({ ...s3Settings(s3), ENTREPOT_DIRECT_TRANSFER: 'on', ...settings })
  t.after(() => server.stop())
  return { s3, server, client: new LightfieldClient(server) }
}

async function put(url: string, headers: Record<string, string>, body: string | Buffer): Promise<number> {
  const answer = await fetch(url, {
    method: 'PUT',
    headers,
    body: typeof body === 'string' ? body : new Uint8Array(body),
  })
  await answer.text()
  return answer.status
}

function rowOf(server: TestServer, id: string) {
  const uuid = parseFileId(id) ?? assert.fail('no id')
  return server.app.services.metadata.findFile(uuid).then((file) => file ?? assert.fail('no row'))
}

function readsOf({ calls }: S3TestServer): number {
  return calls.filter((call) => call === 'GetObject').length
}

/** No row unknown, no byte unowned. */
async function assertTidy(server: TestServer): Promise<void> {
  const { orphans, damaged } = await reconcile(server.app.services, false)
  assert.deepEqual([orphans, damaged], [[], []])
}

test('a large file goes to the bucket and comes back from it, past our process', async (t) => {
  const { s3, server, client } = await start(t)
  const upload = await client.pending({
    filename: 'large.bin',
    mimeType: 'application/octet-stream',
    sizeBytes: LARGE_BYTES,
  })
  const before = structuredClone(s3.bytes)
  assert.ok(upload.uploadUrl.startsWith(s3.endpoint))
  const { sha256, md5 } = await putLarge(upload.uploadUrl, upload.uploadHeaders, LARGE_BYTES)
  const completed = ok(await client.complete(upload.id, { md5 }))
  assert.equal(completed.status, 'COMPLETED')
  const link = await client.link(upload.id)
  assert.ok(link.startsWith(s3.endpoint))
  const got = await getLarge(link)
  assert.deepEqual([got.sizeBytes, got.sha256], [LARGE_BYTES, sha256])
  assert.equal(got.headers['content-type'], 'application/octet-stream')
  assert.match(got.headers['content-disposition'] ?? '', /^attachment; filename="large.bin"/)
  const row = await rowOf(server, upload.id)
  assert.deepEqual([row.sha256, row.md5, row.blobSizeBytes], [sha256, md5, LARGE_BYTES])
  // Through us went questions and answers, a few hundred bytes each.
  assert.ok(s3.bytes.signed.in - before.signed.in < 1000 && s3.bytes.signed.out - before.signed.out < 1000)
  assert.equal(s3.bytes.presigned.in, LARGE_BYTES)
  assert.equal(s3.bytes.presigned.out, LARGE_BYTES)
  await assertTidy(server)
})

test('a link that can be ended is served by us, and ends at once', async (t) => {
  const { server, client } = await start(t)
  const { id } = await client.stored('Hello')
  const admin = new AdminClient(server)
  const { body: link } = await admin.send<LinkBody>('POST', `/files/${id}/links`, { expiresInSeconds: 60 })
  assert.ok(link.url.startsWith(`${server.url}/transfer/`), link.url)
  assert.equal(await (await fetch(link.url, { redirect: 'error' })).text(), 'Hello')
  await admin.send('DELETE', `/files/${id}/links/${link.id}`)
  assert.equal((await fetch(link.url)).status, 403)
})

test('what is sent to the URL after the complete changes nothing that a reader sees, and is removed', async (t) => {
  const { s3, server, client } = await start(t)
  const upload = await client.pending({ sizeBytes: 5 })
  assert.equal(await put(upload.uploadUrl, upload.uploadHeaders, 'first'), 200)
  ok(await client.complete(upload.id))
  assert.equal(await put(upload.uploadUrl, upload.uploadHeaders, 'other'), 200)
  assert.equal(await (await fetch(await client.link(upload.id))).text(), 'first')
  const again = ok(await client.complete(upload.id))
  assert.equal(again.status, 'COMPLETED')
  assert.equal(await (await fetch(await client.link(upload.id))).text(), 'first')
  await assertTidy(server)
  server.clock.advance({ hours: 3 })
  while ((await collectBlobs(server.app.services)) > 0);
  assert.deepEqual(
    [...s3.objects.keys()].filter((name) => name.includes('staging')),
    [],
  )
  assert.equal(await (await fetch(await client.link(upload.id))).text(), 'first')
  await assertTidy(server)
})

test('a slow PUT that ends after what came before it was removed is removed, too', async (t) => {
  const { s3, server, client } = await start(t)
  const { uploadUrl, uploadHeaders } = await client.pending({ sizeBytes: 5 })
  for (const body of ['first', 'later']) {
    // To the bucket its URL is still good: that stands for a body that has been on its way since then.
    assert.equal(await put(uploadUrl, uploadHeaders, body), 200)
    server.clock.advance({ hours: 3 })
    while ((await collectBlobs(server.app.services)) > 0);
    assert.deepEqual([...s3.objects.keys()], ['STORE'])
  }
  assert.deepEqual(await server.app.services.metadata.listCollectableBlobs(Number.MAX_SAFE_INTEGER, 9), [])
})

test('the last body before the complete counts', async (t) => {
  const { client } = await start(t)
  const upload = await client.pending({ sizeBytes: 5 })
  for (const body of ['first', 'third'])
    assert.equal(await put(upload.uploadUrl, upload.uploadHeaders, body), 200)
  ok(await client.complete(upload.id))
  assert.equal(await (await fetch(await client.link(upload.id))).text(), 'third')
})

test('a URL takes the announced length and type and nothing else', async (t) => {
  const { client } = await start(t)
  const upload = await client.pending({ sizeBytes: 5 })
  const { uploadUrl, uploadHeaders } = upload
  assert.equal(await put(uploadUrl, uploadHeaders, 'toolong'), 403)
  assert.equal(await put(uploadUrl, { ...uploadHeaders, 'content-type': 'text/html' }, 'hello'), 403)
  assert.equal(await put(uploadUrl.replace('staging', 'blobs'), uploadHeaders, 'hello'), 403)
  assert.equal((await fetch(uploadUrl)).status, 403)
  assert.equal((await client.complete(upload.id)).status, 422)
  assert.equal(await put(uploadUrl, uploadHeaders, 'hello'), 200)
  ok(await client.complete(upload.id))
})

test('a wrong MD5 makes no file, and the right bytes may follow', async (t) => {
  const { s3, server, client } = await start(t)
  const upload = await client.pending({ sizeBytes: 5 })
  await put(upload.uploadUrl, upload.uploadHeaders, 'wrong')
  assert.equal((await client.complete(upload.id, { md5: md5Of('right') })).status, 422)
  assert.equal((await rowOf(server, upload.id)).state, 'pending')
  await put(upload.uploadUrl, upload.uploadHeaders, 'right')
  ok(await client.complete(upload.id, { md5: md5Of('right') }))
  server.clock.advance({ hours: 3 })
  while ((await collectBlobs(server.app.services)) > 0);
  assert.equal([...s3.objects.keys()].filter((name) => name.startsWith('blobs/')).length, 1)
  await assertTidy(server)
})

test('an upload that is cancelled, or over, leaves nothing in the bucket', async (t) => {
  const { s3, server, client } = await start(t)
  const [cancelled, lapsed, never] = await Promise.all([1, 2, 3].map(() => client.pending({ sizeBytes: 5 })))
  assert.ok(cancelled && lapsed && never)
  for (const { uploadUrl, uploadHeaders } of [cancelled, lapsed]) await put(uploadUrl, uploadHeaders, 'hello')
  ok(await client.cancel(cancelled.id))
  // Its URL is still good for the store, and for nobody else.
  await put(cancelled.uploadUrl, cancelled.uploadHeaders, 'hello')
  assert.equal((await client.complete(cancelled.id)).status, 409)
  await server.restart()
  server.clock.advance({ hours: 3 })
  while ((await collectBlobs(server.app.services)) > 0);
  assert.deepEqual([...s3.objects.keys()], ['STORE'])
  await assertTidy(server)
})

test('many completes at once make one file of one blob', async (t) => {
  const { server, client } = await start(t)
  const upload = await client.pending({ sizeBytes: 5 })
  await put(upload.uploadUrl, upload.uploadHeaders, 'hello')
  const answers = await Promise.all([1, 2, 3, 4].map(() => client.complete(upload.id)))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200, 200],
  )
  await assertTidy(server)
  server.clock.advance({ hours: 30 })
  while ((await collectBlobs(server.app.services)) > 0);
  const blobs = await Array.fromAsync(server.app.services.blobs.list())
  assert.equal(blobs.filter(({ published }) => published).length, 1)
})

test('a store that cannot tell digests is read back, so that every file has its SHA-256', async (t) => {
  const { server, client } = await start(t, { noChecksums: true, opaqueEtags: true, noConditions: false })
  const upload = await client.pending({ sizeBytes: 5 })
  await put(upload.uploadUrl, upload.uploadHeaders, 'hello')
  ok(await client.complete(upload.id, { md5: md5Of('hello') }))
  const { sha256, md5 } = await rowOf(server, upload.id)
  assert.equal(sha256, createHash('sha256').update('hello').digest('hex'))
  assert.equal(md5, md5Of('hello'))
})

test('an upload whose time is over while its bytes are read for the MD5 is no file', async (t) => {
  const { s3, server, client } = await start(t, { opaqueEtags: true })
  const { id, uploadUrl, uploadHeaders } = await client.pending({ sizeBytes: 5 })
  await put(uploadUrl, uploadHeaders, 'hello')
  s3.break({ operation: 'GetObject', effect: { delayMs: 500 } })
  const before = readsOf(s3)
  const completing = client.complete(id, { md5: md5Of('hello') })
  while (readsOf(s3) === before) await delay(5)
  server.clock.advance({ hours: 3 })
  assertRefusal(await completing, [409, 'conflict'])
  assert.equal(ok(await client.retrieve(id)).status, 'EXPIRED')
  await assertTidy(server)
})

test('bytes that were read for their MD5 are not read again for it', async (t) => {
  const { s3, client } = await start(t, { opaqueEtags: true })
  const { id, uploadUrl, uploadHeaders } = await client.pending({ sizeBytes: 5 })
  await put(uploadUrl, uploadHeaders, 'hello')
  const before = readsOf(s3)
  for (let i = 0; i < 2; i++) ok(await client.complete(id, { md5: md5Of('hello') }))
  assert.equal((await client.complete(id, { md5: md5Of('other') })).status, 422)
  assert.equal(readsOf(s3) - before, 1)
})

test('a copy that fails, or whose answer is lost, can be completed again', async (t) => {
  const { s3, server, client } = await start(t)
  const upload = await client.pending({ sizeBytes: 5 })
  await put(upload.uploadUrl, upload.uploadHeaders, 'hello')
  s3.break({ operation: 'CopyObject', times: 3, effect: { okWith: 'InternalError' } })
  assert.equal((await client.complete(upload.id)).status, 503)
  s3.break({ operation: 'CopyObject', effect: 'response-lost' })
  ok(await client.complete(upload.id))
  assert.equal(await (await fetch(await client.link(upload.id))).text(), 'hello')
  await assertTidy(server)
})

test('bytes that are replaced while they are taken are taken anew', async (t) => {
  const { s3, client } = await start(t)
  const upload = await client.pending({ sizeBytes: 5 })
  await put(upload.uploadUrl, upload.uploadHeaders, 'first')
  s3.break({ operation: 'CopyObject', effect: { delayMs: 100 } })
  const completing = client.complete(upload.id)
  while (!s3.calls.includes('CopyObject', s3.calls.lastIndexOf('PutObject')))
    await new Promise((resolve) => setTimeout(resolve, 1))
  await put(upload.uploadUrl, upload.uploadHeaders, 'other')
  ok(await completing)
  assert.equal(await (await fetch(await client.link(upload.id))).text(), 'other')
})

test('a URL that may be used once is used once, or is ours', async (t) => {
  for (const noConditions of [false, true]) {
    const { s3, client } = await start(t, { noConditions })
    const upload = await client.pending({ sizeBytes: 5, purpose: 'knowledge_user' })
    assert.equal(upload.uploadHeaders['if-none-match'], '*')
    assert.equal(upload.uploadUrl.startsWith(s3.endpoint), !noConditions)
    assert.equal(await put(upload.uploadUrl, upload.uploadHeaders, 'first'), 200)
    assert.equal(await put(upload.uploadUrl, upload.uploadHeaders, 'other'), 412)
    ok(await client.complete(upload.id))
    assert.equal(await (await fetch(await client.link(upload.id))).text(), 'first')
  }
})

const DIGEST = 'x-amz-checksum-sha256'
const MISMATCH = [422, 'unprocessable_content', undefined, 'Entrepot-Content-Sha256'] as const

function stagedIn({ objects }: S3TestServer): string[] {
  return [...objects.keys()].filter((name) => name.startsWith('staging/'))
}

test('a URL signs the announced digest, and the store itself refuses other bytes', async (t) => {
  const { s3, server, client } = await start(t)
  const { id, uploadUrl, uploadHeaders } = ok(await client.create({}, announcing('right')))
  const signed = { 'content-type': 'text/plain', [DIGEST]: hash('sha256', 'right', 'base64') }
  assert.deepEqual(uploadHeaders, signed)
  const query = new URL(uploadUrl).searchParams
  assert.equal(query.get('X-Amz-SignedHeaders'), `content-length;content-type;host;${DIGEST}`)
  // In the query a digest would bind nobody, and the SDK knows only that of no bytes at all.
  assert.deepEqual(
    [...query.keys()].filter((name) => /checksum/i.test(name)),
    [],
  )
  assert.equal(await put(uploadUrl, signed, 'wrong'), 400)
  const { [DIGEST]: _digest, ...dropped } = uploadHeaders
  const changed = { ...signed, [DIGEST]: hash('sha256', 'wrong', 'base64') }
  for (const body of ['right', 'wrong'])
    for (const headers of [dropped, changed]) assert.equal(await put(uploadUrl, headers, body), 403)
  assert.equal(await put(`${uploadUrl}&${new URLSearchParams(signed)}`, dropped, 'right'), 403)
  assert.deepEqual(stagedIn(s3), [])
  assert.equal((await client.complete(id)).status, 422)
  assert.equal(await put(uploadUrl, uploadHeaders, 'right'), 200)
  ok(await client.complete(id, { md5: md5Of('right') }))
  assert.equal(await (await fetch(await client.link(id))).text(), 'right')
  assert.equal((await rowOf(server, id)).sha256, hash('sha256', 'right'))
  await assertTidy(server)
})

test('a URL for which nothing was announced signs no digest', async (t) => {
  const { client } = await start(t)
  const { uploadUrl, uploadHeaders } = await client.pending()
  assert.deepEqual(uploadHeaders, { 'content-type': 'text/plain' })
  assert.doesNotMatch(uploadUrl, /checksum/i)
})

test('a URL that may be used once signs the digest, too', async (t) => {
  const { client } = await start(t)
  const fields = { purpose: 'knowledge_user' }
  const { id, uploadUrl, uploadHeaders } = ok(await client.create(fields, announcing('right')))
  assert.deepEqual(Object.keys(uploadHeaders), ['content-type', 'if-none-match', DIGEST])
  assert.equal(await put(uploadUrl, uploadHeaders, 'wrong'), 400)
  assert.equal(await put(uploadUrl, uploadHeaders, 'right'), 200)
  assert.equal(await put(uploadUrl, uploadHeaders, 'right'), 412)
  ok(await client.complete(id))
})

test('a repeated create answers with the same URL and headers', async (t) => {
  const { client } = await start(t)
  const key = { 'idempotency-key': randomUUID() }
  const first = await client.create({}, { ...key, ...announcing('right') })
  const second = await client.create({}, { ...key, ...announcing('wrong') })
  assert.equal(second.text, ok(first) && first.text)
  assert.equal(second.body.uploadHeaders[DIGEST], hash('sha256', 'right', 'base64'))
})

/** Puts wrong bytes where the store lets them in; no file comes of them, and the right ones may follow. */
async function assertLateRefusal(t: TestContext, quirks: S3Quirks): Promise<void> {
  const { s3, server, client } = await start(t, quirks)
  const { id, uploadUrl, uploadHeaders } = ok(await client.create({}, announcing('right')))
  assert.ok(uploadUrl.startsWith(s3.endpoint))
  assert.deepEqual(uploadHeaders, { 'content-type': 'text/plain' })
  assert.equal(await put(uploadUrl, uploadHeaders, 'wrong'), 200)
  assertRefusal(await client.complete(id), MISMATCH)
  assertRefusal(await client.complete(id, { md5: md5Of('wrong') }), MISMATCH)
  assert.equal((await rowOf(server, id)).state, 'pending')
  await assertTidy(server)
  while ((await collectBlobs(server.app.services)) > 0);
  assert.deepEqual(
    [...s3.objects.keys()].filter((name) => name.startsWith('blobs/')),
    [],
  )
  assert.equal(await put(uploadUrl, uploadHeaders, 'right'), 200)
  ok(await client.complete(id))
  assert.equal(await (await fetch(await client.link(id))).text(), 'right')
}

test('a store that minds checksums is sent none, and what it lets in is no file', async (t) => {
  await assertLateRefusal(t, { noChecksums: true })
  await assertLateRefusal(t, { noDigests: true })
  await assertLateRefusal(t, { noChecksums: true, opaqueEtags: true })
  await assertLateRefusal(t, { noChecksums: true, noConditions: true })
})

test('a store on which a copy cannot be told from another gives out no upload URLs', async (t) => {
  const quirks = { noConditions: true, opaqueEtags: true }
  const { s3, server, client } = await start(t, quirks, { ENTREPOT_INLINE_BYTES: '0' })
  const { id, uploadUrl, uploadHeaders } = ok(await client.create({}, announcing('right')))
  assert.ok(uploadUrl.startsWith(server.url))
  assert.equal(await put(uploadUrl, uploadHeaders, 'right'), 200)
  ok(await client.complete(id))
  const link = await client.link(id)
  assert.ok(link.startsWith(s3.endpoint))
  assert.equal(await (await fetch(link)).text(), 'right')
})

test('wrong bytes that get past a store which tells digests are no file either', async (t) => {
  const { s3, server, client } = await start(t)
  const { id, uploadUrl, uploadHeaders } = ok(await client.create({}, announcing('right')))
  assert.equal(await put(uploadUrl, uploadHeaders, 'right'), 200)
  const [name = ''] = stagedIn(s3)
  const other = await client.pending()
  assert.equal(await put(other.uploadUrl, other.uploadHeaders, 'wrong'), 200)
  const [wrong] = stagedIn(s3).filter((each) => each !== name)
  s3.objects.set(name, s3.objects.get(wrong ?? '') ?? assert.fail('nothing staged'))
  assertRefusal(await client.complete(id), MISMATCH)
  assert.equal((await rowOf(server, id)).state, 'pending')
  assert.equal(await put(uploadUrl, uploadHeaders, 'right'), 200)
  assert.equal(ok(await client.complete(id)).status, 'COMPLETED')
  await assertTidy(server)
})

test('a file that is not one blob is served by us, and by the bucket once its pieces are joined', async (t) => {
  const { s3, server, client } = await start(t, {}, { ENTREPOT_INLINE_BYTES: '1000' })
  const small = await new LlamaCloudClient(server).stored('in the database')
  const pieces = ['a', 'b', 'c'].map((letter) => letter.repeat(900))
  const upload = await new TusClient(server).created(2700)
  for (const [at, piece] of pieces.entries()) assert.equal((await patch(upload, at * 900, piece)).status, 204)
  const { fileId } = readLink(linkToken(upload)) ?? assert.fail('no link')
  const reads = readsOf(s3)
  const links = [await client.link(small.id), await client.link(fileId)] as const
  for (const link of links) assert.ok(link.startsWith(server.url))
  assert.equal(await (await fetch(links[0])).text(), 'in the database')
  assert.equal(await (await fetch(links[1])).text(), pieces.join(''))
  assert.equal(readsOf(s3), reads)
  await joinSegments(server.app.services)
  const joined = await client.link(fileId)
  assert.ok(joined.startsWith(s3.endpoint))
  for (const link of [joined, links[1]]) assert.equal(await (await fetch(link)).text(), pieces.join(''))
  await assertTidy(server)
})
