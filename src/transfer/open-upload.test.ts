import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { TestServer } from '../../test/harness.ts'
import { type Answer, exchange, type Headings, LightfieldClient, ok } from '../../test/lightfield-client.ts'
import { linkToken } from '../../test/link-token.ts'
import { RawConnection, readAnswer } from '../../test/raw-http.ts'
import { collect, keptBytes, settledBytes } from '../../test/upload.harness.ts'
import { setQuota, settledUsage, usageNow } from '../../test/usage.ts'
import type { Caller } from '../core/caller.ts'
import type { FileRecord } from '../core/files/file.ts'
import { issueLink } from '../core/links/link.ts'
import { verifyLink } from '../core/links/link-token.ts'
import { expireFiles } from '../core/upkeep/expire-files.ts'
import { reconcile } from '../core/upkeep/reconcile.ts'
import { type StartUpload, startUpload } from '../core/uploads/start-upload.ts'
import { fileIds as lightfieldIds } from '../dialects/lightfield/ids.ts'

const MAX_BYTES = 100_000

let server: TestServer
let client: LightfieldClient
let caller: Caller

before(async () => {
  server = await TestServer.start()
  client = new LightfieldClient(server)
  caller = await callerOf(server)
})
after(() => server.stop())

async function callerOf({ app }: TestServer): Promise<Caller> {
  const organization = (await app.services.metadata.findOrganization('default')) ?? assert.fail()
  const project = (await app.services.metadata.findProject(organization.id, 'default')) ?? assert.fail()
  const subject = { type: 'user', id: 'tester' } as const
  const { id: organizationId } = organization
  return {
    keyId: 'k',
    organizationId,
    projectIds: [project.id],
    subject,
    role: 'admin',
    scopes: [],
    fidelity: 'open',
  }
}

interface Opened {
  readonly file: FileRecord
  readonly id: string
  readonly url: string
}

/** An upload of unknown size that its PUT alone stores. */
async function open(given: Partial<StartUpload> = {}): Promise<Opened> {
  const { services } = server.app
  const file = await startUpload(services, caller, {
    name: 'notes.txt',
    mimeType: 'text/plain',
    sizeBytes: 0,
    maxBytes: MAX_BYTES,
    purpose: null,
    lifetimeSeconds: 3600,
    writeOnce: false,
    sha256: null,
    expiry: { policy: 'never' },
    ...given,
  })
  const { url, headers } = await issueLink(services, 'PUT', file, file.uploadExpiresAt ?? 0)
  assert.deepEqual(headers, {})
  return { file, url, id: lightfieldIds.print(file.id) }
}

function put(url: string, content: string | Uint8Array, headers: Headings = {}): Promise<Answer<undefined>> {
  return exchange('PUT', url, content, headers)
}

async function statusOf(id: string): Promise<string> {
  return ok(await client.retrieve(id)).status
}

async function contentOf(id: string): Promise<string> {
  return (await fetch(await client.link(id))).text()
}

/** Sends the body in two chunks, without a length. */
async function putChunked(url: string, content: string): Promise<number> {
  const { pathname, host } = new URL(url)
  const connection = await RawConnection.open(url)
  const half = Math.ceil(content.length / 2)
  connection.write(`PUT ${pathname} HTTP/1.1\r\nhost: ${host}\r\ntransfer-encoding: chunked\r\n\r\n`)
  for (const part of [content.slice(0, half), content.slice(half)])
    if (part) connection.write(`${part.length.toString(16)}\r\n${part}\r\n`)
  connection.write('0\r\n\r\n')
  const { status } = readAnswer(await connection.until(/\r\n\r\n/))
  connection.end()
  return status
}

for (const type of [undefined, 'application/x-www-form-urlencoded', 'application/pdf', '*/*', 'x'])
  test(`a PUT of the type ${type} alone stores an open upload`, async () => {
    const { id, url } = await open()
    assert.deepEqual([await statusOf(id), ok(await client.retrieve(id)).sizeBytes], ['PENDING', 0])
    const answer = await put(url, 'hello', { 'content-type': type })
    assert.equal(answer.status, 200, answer.text)
    const file = ok(await client.retrieve(id))
    assert.deepEqual([file.status, file.sizeBytes, file.mimeType], ['COMPLETED', 5, 'text/plain'])
    assert.equal(await contentOf(id), 'hello')
  })

test('bytes of no announced length are stored, too', async () => {
  const { id, url } = await open()
  assert.equal(await putChunked(url, 'hello again'), 200)
  assert.equal(await contentOf(id), 'hello again')
})

test('what the name does not tell of the type the PUT does, or the content', async () => {
  const typeFor = async (sent: string | undefined) => {
    const { id, url } = await open({ name: 'scan', mimeType: 'application/octet-stream' })
    assert.equal((await put(url, '%PDF-1.7\n%âãÏÓ\n', { 'content-type': sent })).status, 200)
    return ok(await client.retrieve(id)).mimeType
  }
  assert.equal(await typeFor('text/x-own'), 'text/x-own')
  assert.equal(await typeFor(undefined), 'application/pdf')
  assert.equal(await typeFor('application/octet-stream'), 'application/pdf')
})

test('an upload of unknown size takes up to its bound, and not a byte more', async () => {
  const before = await keptBytes(server)
  const { id, url } = await open()
  const tooLarge = 'x'.repeat(MAX_BYTES + 1)
  assert.equal((await put(url, tooLarge)).status, 413)
  assert.equal(await putChunked(url, tooLarge), 413)
  assert.equal((await put(url, '')).status, 422)
  assert.equal(await statusOf(id), 'PENDING')
  await collect(server)
  assert.deepEqual(await settledBytes(server, before), before)
  assert.equal((await put(url, tooLarge.slice(1))).status, 200)
  assert.equal(ok(await client.retrieve(id)).sizeBytes, MAX_BYTES)
})

test('an upload of a known size takes exactly that', async () => {
  const { id, url } = await open({ sizeBytes: 5, maxBytes: 5 })
  assert.equal((await put(url, 'hell')).status, 400)
  assert.equal(await putChunked(url, 'hell'), 422)
  assert.equal(await putChunked(url, 'hello!'), 413)
  assert.equal(await statusOf(id), 'PENDING')
  assert.equal(await putChunked(url, 'hello'), 200)
  const empty = await open({ sizeBytes: 0, maxBytes: 0 })
  assert.equal((await put(empty.url, '')).status, 200)
  assert.equal(await statusOf(empty.id), 'COMPLETED')
})

test('an open upload, too, minds digests and conditions', async () => {
  const { id, url } = await open()
  for (const [headers, status] of [
    [{ 'content-digest': `sha-256=:${hash('sha256', 'jello', 'base64')}:` }, 400],
    [{ 'x-amz-checksum-crc32': 'AAAAAA==' }, 400],
    [{ 'content-range': 'bytes 0-4/5' }, 400],
    [{ 'if-match': '*' }, 412],
  ] as const)
    assert.equal((await put(url, 'hello', headers)).status, status)
  assert.equal(await statusOf(id), 'PENDING')
  const told = { 'content-md5': hash('md5', 'hello', 'base64'), 'if-none-match': '*' }
  assert.equal((await put(url, 'hello', told)).status, 200)
  assert.equal(await contentOf(id), 'hello')
})

test('of many PUTs one stores, and none after it', async () => {
  const { id, url } = await open()
  const contents = ['a', 'bb', 'ccc', 'dddd']
  const answers = await Promise.all(contents.map((content) => put(url, content)))
  const winner = answers.findIndex(({ status }) => status === 200)
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 403, 403, 403])
  assert.equal((await put(url, 'late')).status, 403)
  assert.equal(await contentOf(id), contents[winner])
  await collect(server)
  const { orphans, damaged } = await reconcile(server.app.services, false)
  assert.deepEqual([orphans, damaged], [[], []])
})

test('the bytes are counted once they are stored', async () => {
  const before = await usageNow(server)
  const counted = async () => {
    const { files, bytes } = await usageNow(server)
    return [files - before.files, bytes - before.bytes]
  }
  const uploads = [await open(), await open(), await open({ sizeBytes: 7, maxBytes: 7 })]
  assert.deepEqual(await counted(), [3, 7])
  assert.equal(await putChunked(uploads[0]?.url ?? '', 'hello'), 200)
  assert.equal((await put(uploads[1]?.url ?? '', 'hello!')).status, 200)
  assert.equal((await put(uploads[2]?.url ?? '', 'hello!!')).status, 200)
  assert.deepEqual(await counted(), [3, 18])
  await settledUsage(server)
})

test('what does not fit into the quota is refused, and the upload goes on waiting', async (t) => {
  const { bytes } = await usageNow(server)
  const { id, url } = await open()
  await setQuota(server, 'organization', { bytes: bytes + 10 })
  t.after(() => setQuota(server, 'organization', {}))
  assert.equal((await put(url, 'x'.repeat(11))).status, 402)
  assert.equal(await putChunked(url, 'x'.repeat(11)), 402)
  assert.equal(await statusOf(id), 'PENDING')
  assert.deepEqual((await usageNow(server)).bytes, bytes)
  assert.equal((await put(url, 'x'.repeat(10))).status, 200)
  assert.equal((await usageNow(server)).bytes, bytes + 10)
})

test('an open upload ends with its time, and can be cancelled; it is counted no more', async () => {
  const before = await usageNow(server)
  const [late, cancelled] = [await open({ lifetimeSeconds: 60 }), await open()]
  ok(await client.cancel(cancelled.id))
  assert.equal((await put(cancelled.url, 'hello')).status, 403)
  assert.equal((await client.complete(late.id)).status, 422)
  server.clock.advance({ seconds: 61 })
  assert.equal((await put(late.url, 'hello')).status, 403)
  assert.deepEqual([await statusOf(late.id), await statusOf(cancelled.id)], ['EXPIRED', 'CANCELLED'])
  await expireFiles(server.app.services)
  assert.deepEqual(await usageNow(server), before)
})

test('a server that knows no open uploads takes no PUT for one, and serves the file afterwards', async () => {
  const { linkKeys } = server.app.services
  const bound = { mimeType: 'text/plain', sizeBytes: 5, writeOnce: false, sha256: null, maxBytes: null }
  const isGoodThere = (link: string) => verifyLink(linkKeys, linkToken(link), bound)
  const { id, url } = await open({ sizeBytes: 5, maxBytes: 5 })
  assert.equal(isGoodThere(url), false)
  assert.equal((await put(url, 'hello')).status, 200)
  assert.equal(isGoodThere(await client.link(id)), true)
})
