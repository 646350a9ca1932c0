import assert from 'node:assert/strict'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { TestServer } from '../../test/harness.ts'
import {
  assertRefusal,
  exchange,
  LightfieldClient,
  md5Of,
  ok,
  putBytes,
} from '../../test/lightfield-client.ts'
import { RawConnection, readAnswer, sendRaw } from '../../test/raw-http.ts'
import { bodyBegun, collect, headOf, keptBytes, settledBytes } from '../../test/upload.harness.ts'

let server: TestServer
let client: LightfieldClient

before(async () => {
  server = await TestServer.start()
  client = new LightfieldClient(server)
})
after(() => server.stop())

test('a PUT answers 200 without a body, and the md5 as its ETag', async () => {
  const answer = await putBytes(await client.pending())
  assert.equal(answer.status, 200)
  assert.equal(answer.text, '')
  assert.equal(answer.headers.get('etag'), `"${md5Of('hello')}"`)
  assert.match(answer.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/)
})

/** Too large for the database. */
const LARGE = 'x'.repeat(100_000)

const NEUTRAL = 'application/octet-stream'
/** Types as announced, and as a download has them: only what is surely a document or data keeps its own. */
const types: readonly (readonly [string, string])[] = [
  ['mimeType', NEUTRAL],
  ['text/plain; charset=utf-8', 'text/plain; charset=utf-8'],
  ['application/json', 'application/json'],
  ['multipart/form-data; boundary=x', NEUTRAL],
  ['application/x-www-form-urlencoded', 'application/x-www-form-urlencoded'],
  ['image/svg+xml', NEUTRAL],
  ['a/b;c="d, e"', 'a/b;c="d, e"'],
  ['*/*', NEUTRAL],
  ['{}', NEUTRAL],
]

for (const [mimeType, served] of types) {
  test(`bytes of the type ${mimeType} go in and come out as they are`, async () => {
    const content = '{"not": json\r\n--x\r\n'
    const file = await client.stored(content, { mimeType })
    assert.equal(file.mimeType, mimeType)
    const response = await fetch(await client.link(file.id))
    assert.equal(response.headers.get('content-type'), served)
    assert.equal(await response.text(), content)
  })
}

test('the vendor’s headers are neither asked for nor minded', async () => {
  const upload = await client.pending()
  const headers = {
    authorization: 'Bearer nobody',
    'lightfield-version': 'x',
    'idempotency-key': 'k'.repeat(999),
  }
  assert.equal((await putBytes(upload, 'hello', headers)).status, 200)
})

/** Headers that differ from those that were signed. */
const wrongHeaders: Record<string, Record<string, string | undefined>> = {
  'no content type': { 'content-type': undefined },
  'another content type': { 'content-type': 'text/html' },
  'a content type with a parameter more': { 'content-type': 'text/plain; charset=utf-8' },
  'two content types': { 'content-type': 'text/plain, text/plain' },
}

for (const [name, headers] of Object.entries(wrongHeaders)) {
  test(`a PUT with ${name} gets 403 and stores nothing`, async () => {
    const upload = await client.pending()
    const before = await keptBytes(server)
    assert.equal((await putBytes(upload, 'hello', headers)).status, 403)
    assert.deepEqual(await keptBytes(server), before)
    assert.equal((await client.complete(upload.id)).status, 422)
    assert.equal((await putBytes(upload)).status, 200)
  })
}

test('a Content-Length that is not the announced size gets 400 and stores nothing', async () => {
  const upload = await client.pending()
  const before = await keptBytes(server)
  for (const content of ['', 'hell', 'hello!', 'x'.repeat(100_000)]) {
    assertRefusal(await putBytes(upload, content), [400, 'bad_request', 'length_mismatch'])
  }
  assert.deepEqual(await keptBytes(server), before)
  assert.equal((await client.complete(upload.id)).status, 422)
  assert.equal((await putBytes(upload)).status, 200)
})

test('the connection of a refused PUT serves the next request once the body is read', async () => {
  const upload = await client.pending()
  const connection = await RawConnection.open(server.url)
  connection.write(`${headOf(upload, 'content-length: 6')}hello!`)
  await connection.until(/ 400 [\s\S]*\}$/)
  connection.write(`${headOf(upload, 'content-length: 5')}hello`)
  assert.match(await connection.until(/ 200 OK/), / 200 OK/)
  connection.end()
})

test('a chunked body is counted as it comes', async () => {
  const upload = await client.pending()
  const answer = await sendRaw(
    server.url,
    `${headOf(upload, 'transfer-encoding: chunked')}3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n`,
  )
  assert.equal(answer.status, 200)
  assert.equal(ok(await client.complete(upload.id, { md5: md5Of('hello') })).status, 'COMPLETED')
})

test('a chunked body that is too long gets 413 and stores nothing', async () => {
  const upload = await client.pending()
  const before = await keptBytes(server)
  const body = `6\r\nhello!\r\n0\r\n\r\n`
  const answer = await sendRaw(server.url, `${headOf(upload, 'transfer-encoding: chunked')}${body}`)
  assert.equal(answer.status, 413)
  assert.deepEqual(await settledBytes(server, before), before)
  assert.equal((await client.complete(upload.id)).status, 422)
})

test('a chunked body without end gets 413 as soon as it is too long', async () => {
  const upload = await client.pending({ sizeBytes: 100_000 })
  const connection = await RawConnection.open(server.url)
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
  connection.write(headOf(upload, 'transfer-encoding: chunked'))
  for (let i = 0; i < 4; i++) connection.write(chunk)
  assert.match(await connection.until(/\r\n\r\n/), /^HTTP\/1\.1 413 /)
  connection.end()
})

test('a chunked body that is too short is stored, and complete tells of it', async () => {
  const upload = await client.pending()
  const body = `4\r\nhell\r\n0\r\n\r\n`
  const answer = await sendRaw(server.url, `${headOf(upload, 'transfer-encoding: chunked')}${body}`)
  assert.equal(answer.status, 200)
  const { status, error } = await client.complete(upload.id)
  assert.equal(status, 422)
  assert.equal(error.param, 'sizeBytes')
  assert.equal((await putBytes(upload)).status, 200)
  assert.equal((await client.complete(upload.id)).status, 200)
})

/** How a client can go away in the middle of a body. */
const departures: Record<string, (connection: RawConnection) => void> = {
  'closes the connection': (connection) => connection.end(),
  'resets the connection': (connection) => connection.reset(),
}

for (const [name, leave] of Object.entries(departures)) {
  for (const framing of ['content-length: 200000', 'transfer-encoding: chunked']) {
    test(`a client that ${name} in the middle of a body (${framing}) leaves nothing behind`, async () => {
      const upload = await client.pending({ sizeBytes: 200_000 })
      const before = await keptBytes(server)
      const connection = await RawConnection.open(server.url)
      const start = framing.startsWith('transfer') ? `186a0\r\n` : ''
      connection.write(headOf(upload, framing) + start + 'x'.repeat(100_000))
      await bodyBegun(server, before)
      leave(connection)
      assert.deepEqual(await settledBytes(server, before), before)
      assert.equal((await client.complete(upload.id)).status, 422)
      assert.equal((await putBytes(upload, 'y'.repeat(200_000))).status, 200)
    })
  }
}

test('a body in a content coding gets 415 and stores nothing', async () => {
  const upload = await client.pending()
  assert.equal((await putBytes(upload, 'hello', { 'content-encoding': 'gzip' })).status, 415)
  assert.equal((await client.complete(upload.id)).status, 422)
})

for (const sizeBytes of [5, LARGE.length])
  test(`${sizeBytes} bytes that were replaced or cancelled are removed`, async () => {
    await collect(server)
    const before = await keptBytes(server)
    const upload = await client.staged('f'.repeat(sizeBytes))
    assert.equal((await putBytes(upload, 'o'.repeat(sizeBytes))).status, 200)
    const cancelled = await client.staged('c'.repeat(sizeBytes))
    ok(await client.cancel(cancelled.id))
    await collect(server)
    assert.equal((await keptBytes(server)).length, before.length + 1)
  })

test('a client that closes its half of the connection after the body still gets its answer', async () => {
  const upload = await client.pending()
  const connection = await RawConnection.open(server.url)
  connection.finish(`${headOf(upload, 'content-length: 5')}hello`)
  assert.match(await connection.until(/\r\n\r\n/), /^HTTP\/1\.1 200 /)
  connection.end()
})

test('other methods get 405 with the methods that a link takes', async () => {
  const upload = await client.pending()
  for (const method of ['POST', 'PATCH', 'DELETE']) {
    const answer = await exchange(method, upload.uploadUrl, 'hello', upload.uploadHeaders)
    assert.equal(answer.status, 405)
    assert.equal(answer.headers.get('allow'), 'GET, HEAD, PUT')
  }
  const form = new FormData()
  form.set('file', new Blob(['hello']), 'a.txt')
  assert.equal((await fetch(upload.uploadUrl, { method: 'POST', body: form })).status, 405)
  assert.equal((await fetch(upload.uploadUrl, { method: 'PUT', body: form })).status, 403)
  assert.equal((await client.complete(upload.id)).status, 422)
})

test('a PUT that expects 100 Continue is told to go on only if its headers are right', async () => {
  const upload = await client.pending()
  const good = await RawConnection.open(server.url)
  good.write(headOf(upload, 'content-length: 5', 'expect: 100-continue'))
  assert.equal(await good.until(/\r\n\r\n/), 'HTTP/1.1 100 Continue\r\n\r\n')
  good.write('hello')
  assert.match(
    await good.until(/ 200 OK[\s\S]*\r\n\r\n/),
    /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
  )
  good.end()
  const wrongLength = headOf(upload, 'content-length: 6', 'expect: 100-continue')
  const wrongType = wrongLength
    .replace('content-length: 6', 'content-length: 5')
    .replace('text/plain', 'text/html')
  const wrongLink = wrongLength.replace('/transfer/A', '/transfer/B')
  for (const [head, status] of [
    [wrongLength, 400],
    [wrongType, 403],
    [wrongLink, 403],
  ] as const) {
    const refused = await RawConnection.open(server.url)
    refused.write(head)
    assert.equal(readAnswer(await refused.until(/\r\n\r\n[\s\S]+/)).status, status)
    refused.end()
  }
})

test('a large body that is refused at once can still read why', async () => {
  const upload = await client.pending({ sizeBytes: 8 * 1024 * 1024 })
  ok(await client.cancel(upload.id))
  for (let i = 0; i < 5; i++) {
    const answer = await putBytes(upload, Buffer.alloc(8 * 1024 * 1024))
    assert.equal(answer.status, 403)
    assert.equal(answer.error.code, 'link_invalid')
  }
})

test('bytes that come after the session is over are not stored', async () => {
  await collect(server)
  const upload = await client.pending({ sizeBytes: 200_000 })
  const before = await keptBytes(server)
  const connection = await RawConnection.open(server.url)
  connection.write(headOf(upload, 'content-length: 200000', 'connection: close') + 'x'.repeat(100_000))
  await bodyBegun(server, before)
  server.clock.advance({ hours: 1 })
  connection.write('x'.repeat(100_000))
  assert.match(await connection.until(/\r\n\r\n/), /^HTTP\/1\.1 403 /)
  connection.end()
  await collect(server)
  assert.deepEqual(await settledBytes(server, before), before)
})

test('a disk without room for the file refuses it before its first byte', async (t) => {
  const full = await TestServer.start({ ENTREPOT_DISK_RESERVE_BYTES: String(Number.MAX_SAFE_INTEGER) })
  t.after(() => full.stop())
  if (full.s3) return t.skip('only on a disk: a bucket has no such bound')
  const own = new LightfieldClient(full)
  // On PostgreSQL small bodies are on another disk.
  for (const bytes of full.databaseUrl ? [LARGE] : ['hello', LARGE]) {
    const upload = await own.pending({ sizeBytes: bytes.length })
    const answer = await putBytes(upload, bytes)
    assert.equal(answer.status, 507)
    assert.deepEqual([answer.error.type, answer.error.code], ['insufficient_storage', 'storage_full'])
    assert.equal((await own.complete(upload.id)).status, 422)
  }
})

test('a disk that cannot be written to is a fault of ours, and the upload goes on once it can', async (t) => {
  const own = await TestServer.start()
  t.after(() => own.stop())
  if (own.s3) return t.skip('only on a disk')
  const other = new LightfieldClient(own)
  const upload = await other.pending({ sizeBytes: LARGE.length })
  const staging = join(own.dataDir, 'staging')
  await rm(staging, { recursive: true })
  const answer = await putBytes(upload, LARGE)
  assert.equal(answer.status, 503)
  assert.doesNotMatch(answer.text, /ENOENT|staging|entrepot-test/)
  assert.equal((await fetch(`${own.url}/readyz`)).status, 503)
  assert.equal((await other.complete(upload.id)).status, 422)
  await mkdir(staging)
  assert.equal((await putBytes(upload, LARGE)).status, 200)
  assert.equal((await other.complete(upload.id)).status, 200)
})
