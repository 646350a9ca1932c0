import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { exchange, type Headings, LightfieldClient, ok, putBytes } from '../../../test/lightfield-client.ts'
import { linkToken, withToken } from '../../../test/link-token.ts'
import { LlamaCloudClient } from '../../../test/llamacloud-client.ts'
import { RawConnection, readAnswer } from '../../../test/raw-http.ts'
import { BYTES, head, linkIn, metadataOf, offsetAt, patch, TUS, TusClient } from '../../../test/tus-client.ts'
import { until } from '../../../test/until.ts'
import { setQuota, settledUsage } from '../../../test/usage.ts'
import { readLink } from '../../core/links/link-token.ts'

const SHA1_OF_NOTHING = 'sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk='
const HELLO = 'helloworld'

let server: TestServer
let client: TusClient
let field: LightfieldClient

before(async () => {
  server = await TestServer.start()
  client = new TusClient(server)
  field = new LightfieldClient(server)
})
after(() => server.stop())

const idOf = (link: string) => readLink(linkToken(link))?.fileId ?? assert.fail('no link')

async function statusOf(link: string): Promise<string> {
  return ok(await field.retrieve(idOf(link))).status
}

async function contentOf(link: string): Promise<string> {
  return (await fetch(await field.link(idOf(link)))).text()
}

function checksum(algorithm: 'sha1' | 'sha256' | 'md5', text: string): Headings {
  return { 'upload-checksum': `${algorithm} ${createHash(algorithm).update(text).digest('base64')}` }
}

/** The head of a PATCH, up to the blank line. */
function patchHead(link: string, offset: number, ...fields: readonly string[]): string {
  const { pathname, host } = new URL(link)
  const all = { ...BYTES, 'upload-offset': offset }
  const told = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  return [`PATCH ${pathname} HTTP/1.1`, `host: ${host}`, ...told, ...fields, '', ''].join('\r\n')
}

test('parts make a file, and HEAD tells how far it is', async () => {
  const link = await client.created(10, { filename: 'a.txt', externalId: 'x' })
  for (const [offset, part] of [
    [0, 'hel'],
    [3, 'lowor'],
    [8, ''],
    [8, 'ld'],
  ] as const) {
    const before = (await head(link)).headers
    assert.equal(before.get('upload-offset'), String(offset))
    assert.equal(before.get('upload-length'), '10')
    assert.equal(before.get('cache-control'), 'no-store')
    const metadata = metadataOf({ filename: 'a.txt', filetype: 'text/plain', externalId: 'x' })
    assert.equal(before.get('upload-metadata'), metadata)
    const { status, headers } = await patch(link, offset, part)
    assert.equal(status, 204)
    assert.equal(headers.get('upload-offset'), String(offset + part.length))
    assert.equal(headers.get('tus-resumable'), '1.0.0')
  }
  assert.equal(await contentOf(link), HELLO)
})

test('a client that lost the last answer sees that its file is whole', async () => {
  const link = await client.created(5)
  await patch(link, 0, 'hello')
  const { status, headers } = await head(link)
  assert.equal(status, 200)
  assert.deepEqual([headers.get('upload-offset'), headers.get('upload-length')], ['5', '5'])
  assert.equal(headers.get('upload-expires'), null)
})

test('an offset that is not the right one gets 409 with the right one', async () => {
  const link = await client.created(10)
  await patch(link, 0, 'hello')
  for (const offset of [0, 4, 6, 10]) {
    const { status, headers } = await patch(link, offset, 'w')
    assert.equal(status, 409)
    assert.equal(headers.get('upload-offset'), '5')
  }
  assert.equal(await offsetAt(link), 5)
})

test('of two parts at the same offset at the same time one is kept', async () => {
  const link = await client.created(10)
  const answers = await Promise.all(['hello', 'HELLO', 'hallo'].map((part) => patch(link, 0, part)))
  // One that a later one stopped before its bytes had come is told that nothing of it is kept.
  const taken = answers.filter(
    ({ headers, status }) => status === 204 && headers.get('upload-offset') === '5',
  )
  assert.equal(taken.length, 1)
  assert.equal(await offsetAt(link), 5)
})

test('a part is checked by its checksum, of each kind', async () => {
  for (const algorithm of ['sha1', 'sha256', 'md5'] as const) {
    const link = await client.created(10)
    assert.equal((await patch(link, 0, 'hello', checksum(algorithm, 'hello'))).status, 204)
    const wrong = await patch(link, 5, 'world', checksum(algorithm, 'World'))
    assert.equal(wrong.status, 460)
    assert.equal(await offsetAt(link), 5)
    assert.equal((await patch(link, 5, 'world', checksum(algorithm, 'world'))).status, 204)
    assert.equal(await contentOf(link), HELLO)
  }
})

const refusals: readonly (readonly [what: string, headers: Headings, status: number])[] = [
  ['another version', { 'tus-resumable': '0.2.2' }, 412],
  ['another type', { 'content-type': 'application/octet-stream' }, 415],
  ['no type', { 'content-type': undefined }, 415],
  ['no offset', { 'upload-offset': undefined }, 400],
  ['a negative offset', { 'upload-offset': '-1' }, 400],
  ['an offset beyond 2^53', { 'upload-offset': '9007199254740992' }, 400],
  ['a length that is not the announced one', { 'upload-length': '11' }, 400],
  ['an unknown checksum', { 'upload-checksum': 'crc32 AAAAAA==' }, 400],
  ['a coding', { 'content-encoding': 'gzip' }, 415],
]

for (const [what, headers, status] of refusals) {
  test(`a part with ${what} gets ${status}, and nothing of it is kept`, async () => {
    const link = await client.created(10)
    const answer = await patch(link, 0, 'hello', headers)
    assert.equal(answer.status, status, answer.text)
    assert.equal(answer.headers.get('tus-version'), status === 412 ? '1.0.0' : null)
    assert.equal(await offsetAt(link), 0)
  })
}

test('more bytes than were announced get 413, and nothing of them is kept', async () => {
  const link = await client.created(6)
  assert.equal((await patch(link, 0, 'hello')).status, 204)
  assert.equal((await patch(link, 5, 'wo')).status, 413)
  const connection = await RawConnection.open(link)
  connection.write(`${patchHead(link, 5, 'transfer-encoding: chunked')}2\r\nwo\r\n0\r\n\r\n`)
  assert.equal(readAnswer(await connection.until(/\r\n\r\n/)).status, 413)
  connection.end()
  assert.equal(await offsetAt(link), 5)
  assert.equal((await patch(link, 5, '!')).status, 204)
})

test('a part that breaks off is kept as far as it came, unless it has a checksum', async () => {
  for (const [fields, kept] of [
    [[], 5],
    [[`upload-checksum: sha1 ${Buffer.alloc(20).toString('base64')}`], 0],
  ] as const) {
    const link = await client.created(10)
    const connection = await RawConnection.open(link)
    connection.write(`${patchHead(link, 0, 'content-length: 10', ...fields)}hello`)
    await connection.until(/^$/)
    // The bytes are on their way before the connection ends.
    await until(200, () => connection.unsentBytes > 0)
    connection.end()
    assert.ok(await until(5_000, async () => (await offsetAt(link)) === kept), `${kept}`)
    assert.equal((await patch(link, kept, HELLO.slice(kept))).status, 204)
    assert.equal(await contentOf(link), HELLO)
  }
})

test('a connection that hangs blocks nobody: HEAD tells what came on it, and a part goes on there', async () => {
  const link = await client.created(10)
  const hanging = await RawConnection.open(link)
  hanging.write(`${patchHead(link, 0, 'content-length: 10')}hel`)
  assert.ok(await until(5_000, async () => (await offsetAt(link)) === 3))
  assert.equal((await patch(link, 3, 'loworld')).status, 204)
  hanging.write('loworld')
  assert.equal(await contentOf(link), HELLO)
  hanging.end()
})

test('100 Continue comes once the headers of a part are found good', async () => {
  const link = await client.created(5)
  const connection = await RawConnection.open(link)
  connection.write(patchHead(link, 0, 'content-length: 5', 'expect: 100-continue'))
  await connection.until(/^HTTP\/1\.1 100 /)
  connection.write('hello')
  assert.match(await connection.until(/ 204 /), / 204 /)
  connection.write(patchHead(link, 0, 'content-length: 5', 'expect: 100-continue'))
  assert.match(await connection.until(/ 40[39] /), /204[\s\S]* 403 /)
  connection.end()
})

test('a method that a client cannot send stands in a header', async () => {
  const link = await client.created(5)
  const as = (method: string) => ({ 'x-http-method-override': method })
  const told = await exchange('POST', link, undefined, { ...TUS, ...as('HEAD') })
  assert.equal(told.headers.get('upload-length'), '5')
  const headers = { ...BYTES, 'upload-offset': '0', ...as('PATCH') }
  assert.equal((await exchange('POST', link, 'he', headers)).headers.get('upload-offset'), '2')
  assert.equal((await exchange('POST', link, undefined, { ...TUS, ...as('DELETE') })).status, 204)
  assert.equal((await head(link)).status, 410)
  assert.equal((await exchange('POST', link, undefined, TUS)).status, 405)
})

test('DELETE ends an upload and frees what it counted; a stored file is not its to delete', async () => {
  const before = await settledUsage(server)
  const link = await client.created(10)
  await patch(link, 0, 'hello')
  assert.equal((await exchange('DELETE', link, undefined, TUS)).status, 204)
  assert.equal(await statusOf(link), 'CANCELLED')
  assert.deepEqual(await settledUsage(server), before)
  for (const { status, headers } of [
    await head(link),
    await patch(link, 5, 'world'),
    await exchange('DELETE', link, undefined, TUS),
  ]) {
    assert.equal(status, 410)
    assert.equal(headers.get('upload-offset'), null)
  }
  const stored = await client.created(5)
  await patch(stored, 0, 'hello')
  assert.equal((await exchange('DELETE', stored, undefined, TUS)).status, 403)
  assert.equal((await patch(stored, 5, '!')).status, 403)
  assert.equal(await contentOf(stored), 'hello')
})

test('the end of an upload slides by an hour with each part, up to the end of its link', async () => {
  const link = await client.created(100)
  const begun = server.clock.now()
  let offset = 0
  for (let hour = 0; hour < 30 && (await patch(link, offset, 'x')).status === 204; hour++) {
    const expires = Date.parse((await head(link)).headers.get('upload-expires') ?? '')
    const inAnHour = Math.min(server.clock.now() + 3_600_000, begun + 24 * 3_600_000)
    assert.equal(expires, Math.floor(inAnHour / 1000) * 1000)
    offset++
    server.clock.advance({ minutes: 59 })
  }
  assert.equal(offset, 25)
  assert.equal((await head(link)).status, 403)
})

test('an upload to which nothing comes for an hour has ended', async () => {
  const link = await client.created(10)
  await patch(link, 0, 'hello')
  server.clock.advance({ minutes: 61 })
  for (const { status } of [await head(link), await patch(link, 5, 'world')]) assert.equal(status, 410)
  assert.equal(await statusOf(link), 'EXPIRED')
})

test('no other link is one of an upload', async () => {
  const link = await client.created(5)
  await patch(link, 0, 'hello')
  const download = await field.link(idOf(link))
  const forged = withToken(link, (token) => `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`)
  for (const other of [download, forged, `${link}?x`]) {
    assert.equal((await head(other)).status, 403)
    assert.equal((await patch(other, 0, 'x')).status, 403)
  }
  const withoutVersion = await exchange('PATCH', link, 'x', { ...BYTES, 'tus-resumable': undefined })
  assert.equal(withoutVersion.status, 405)
})

test("Lightfield's upload link takes parts, and a PUT replaces whatever came", async () => {
  const upload = await field.pending({ sizeBytes: 10 })
  const { uploadUrl: link } = upload
  const told = (await head(link)).headers
  assert.deepEqual([told.get('upload-offset'), told.get('upload-length')], ['0', '10'])
  assert.equal((await patch(link, 0, 'HELLO')).status, 204)
  assert.equal((await field.complete(upload.id)).status, 422)
  assert.equal((await patch(link, 5, 'WORLD')).status, 204)
  assert.equal(await statusOf(link), 'PENDING')
  assert.equal(await offsetAt(link), 10)
  assert.equal((await putBytes(upload, HELLO)).status, 200)
  assert.equal((await field.complete(upload.id)).status, 200)
  assert.equal(await contentOf(link), HELLO)
  const other = await field.pending({ sizeBytes: 10 })
  await patch(other.uploadUrl, 0, 'hello')
  await patch(other.uploadUrl, 5, 'world')
  assert.equal((await field.complete(other.id)).status, 200)
  assert.equal(await contentOf(other.uploadUrl), HELLO)
})

test("LlamaCloud's presigned URL takes parts of a length that is told last", async () => {
  const llama = new LlamaCloudClient(server)
  const json = { 'content-type': 'application/json' }
  const made = await llama.send<{ url: string }>('PUT', '/api/v1/files', '{"name":"a.txt"}', json)
  const { url } = made.body
  assert.equal((await head(url)).headers.get('upload-defer-length'), '1')
  assert.equal((await patch(url, 0, 'hello')).status, 204)
  assert.equal((await patch(url, 5, 'world', { 'upload-length': '10' })).status, 204)
  assert.equal(await contentOf(url), HELLO)
})

test('a PUT brings a whole file to a link of tus, too', async () => {
  const link = linkIn(await client.create({ 'upload-length': '10' }))
  await patch(link, 0, 'HELLO')
  assert.equal((await exchange('PUT', link, HELLO)).status, 200)
  assert.equal(await contentOf(link), HELLO)
  const deferred = linkIn(await client.create({ 'upload-defer-length': '1' }))
  assert.equal((await exchange('PUT', deferred, HELLO)).status, 200)
  const { headers } = await head(deferred)
  assert.deepEqual([headers.get('upload-length'), headers.get('upload-defer-length')], ['10', null])
})

test('a server that stops answers the parts that are running with what came of them', async (t) => {
  const own = await TestServer.start()
  t.after(() => own.stop())
  const link = await new TusClient(own).created(1_000_000)
  const connection = await RawConnection.open(own.url)
  t.after(() => connection.end())
  connection.write(patchHead(link, 0, 'content-length: 1000000'))
  connection.write('x'.repeat(300_000))
  assert.ok(await until(5_000, () => own.app.memory.usedBytes > 0))
  await own.restart()
  const { status, headers } = readAnswer(await connection.closed())
  assert.equal(status, 204)
  const told = Number(headers.get('upload-offset'))
  assert.ok(told > 0)
  assert.equal(await offsetAt(`${own.url}${new URL(link).pathname}`), told)
})

test('a server that stops asks for a piece with a checksum again, of which it can keep no part', async (t) => {
  const own = await TestServer.start()
  t.after(() => own.stop())
  const link = await new TusClient(own).created(1_000_000)
  const connection = await RawConnection.open(own.url)
  t.after(() => connection.end())
  connection.write(patchHead(link, 0, `content-length: 1000000\r\nupload-checksum: ${SHA1_OF_NOTHING}`))
  connection.write('x'.repeat(300_000))
  assert.ok(await until(5_000, () => own.app.memory.usedBytes > 0))
  await own.restart()
  const { status, headers } = readAnswer(await connection.closed())
  assert.deepEqual([status, headers.get('retry-after')], [503, '1'])
  assert.equal(await offsetAt(`${own.url}${new URL(link).pathname}`), 0)
})

test('a body that tells no length is taken as far as the quota reaches', async (t) => {
  const own = await TestServer.start()
  t.after(() => own.stop())
  await setQuota(own, 'project', { bytes: 100_000 })
  const link = linkIn(await new TusClient(own).create({ 'upload-defer-length': '1' }))
  const sendInChunks = async (offset: number, sizeBytes: number) => {
    const body = ReadableStream.from([Buffer.alloc(sizeBytes)])
    const headers = { ...BYTES, 'upload-offset': String(offset) }
    return fetch(link, { method: 'PATCH', headers, body, duplex: 'half' })
  }
  assert.equal((await sendInChunks(0, 60_000)).status, 204)
  assert.equal((await sendInChunks(60_000, 40_001)).status, 402)
  assert.equal(await offsetAt(link), 60_000)
  assert.equal((await sendInChunks(60_000, 40_000)).status, 204)
  assert.deepEqual(await settledUsage(own), { files: 1, bytes: 100_000 })
})
