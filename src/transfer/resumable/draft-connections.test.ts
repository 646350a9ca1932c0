import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { exchangeDraft } from '../../../test/draft-client.ts'
import { TestServer } from '../../../test/harness.ts'
import { RawConnection, readAnswer } from '../../../test/raw-http.ts'
import { bodyBegun, keptBytes } from '../../../test/upload.harness.ts'
import { append, begin, contentOf, offsetAt, openUpload, statusOf, told } from './draft.harness.ts'

let server: TestServer

before(async () => {
  server = await TestServer.start({ ENTREPOT_RESUMABLE_DRAFT: 'on' })
})
after(() => server.stop())

const VERSION = 'upload-draft-interop-version: 9'

/** A request up to the blank line. */
function headOf(method: string, url: string, fields: readonly string[], version = '1.1'): string {
  const { pathname, host } = new URL(url)
  return [`${method} ${pathname} HTTP/${version}`, `host: ${host}`, ...fields, '', ''].join('\r\n')
}

async function connected(t: TestContext): Promise<RawConnection> {
  const connection = await RawConnection.open(server.url)
  t.after(() => connection.end())
  return connection
}

function statusesIn(received: string): number[] {
  return [...received.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => Number(status))
}

/** What is received once so many final answers have come. */
async function answersOn(connection: RawConnection, count: number): Promise<string> {
  return connection.until(new RegExp(`(?:HTTP/1\\.1 [2-5]\\d\\d[\\s\\S]*?\\r\\n\\r\\n[\\s\\S]*?){${count}}`))
}

test('only a client of the same version is told where its upload is', async () => {
  for (const version of ['8', '10', '9, 9', 'nine', '']) {
    const { url } = await openUpload(server)
    const answer = await begin(url, 'hello', {
      'upload-complete': '?1',
      'upload-draft-interop-version': version,
    })
    assert.deepEqual([answer.status, answer.interim, told(answer).complete], [200, [], '?1'], version)
  }
})

test('each pipelined request gets its interim answer before its own answer', async (t) => {
  const connection = await connected(t)
  const uploads = await Promise.all([openUpload(server), openUpload(server), openUpload(server)])
  const fields = [VERSION, 'upload-complete: ?1', 'content-length: 5']
  connection.write(uploads.map(({ url }) => `${headOf('PUT', url, fields)}hello`).join(''))
  const received = await answersOn(connection, 3)
  assert.deepEqual(statusesIn(received), [104, 200, 104, 200, 104, 200])
  const located = [...received.matchAll(/^location: (.*)\r$/gm)].map(([, location]) => location)
  assert.deepEqual(
    located,
    uploads.flatMap(({ url }) => [url, url]),
  )
  connection.write(headOf('HEAD', uploads[0]?.url ?? '', []))
  assert.deepEqual(statusesIn(await answersOn(connection, 4)).at(-1), 204)
})

test('a client that waits for 100 gets it after the 104', async (t) => {
  const connection = await connected(t)
  const { id, url } = await openUpload(server)
  connection.write(
    headOf('POST', url, [VERSION, 'upload-complete: ?1', 'content-length: 5', 'expect: 100-continue']),
  )
  assert.deepEqual(statusesIn(await connection.until(/ 100 Continue\r\n\r\n/)), [104, 100])
  connection.write('hello')
  assert.deepEqual(statusesIn(await answersOn(connection, 1)), [104, 100, 200])
  assert.equal(await contentOf(server, id), 'hello')
})

test('a request of HTTP/1.0 gets no interim answer', async (t) => {
  const connection = await connected(t)
  const { url } = await openUpload(server)
  connection.write(`${headOf('PUT', url, [VERSION, 'upload-complete: ?1', 'content-length: 5'], '1.0')}hello`)
  const { status, headers } = readAnswer(await connection.closed())
  assert.deepEqual([status, headers.get('upload-complete')], [200, '?1'])
})

test('a refused request gets no interim answer', async (t) => {
  const connection = await connected(t)
  const { url } = await openUpload(server)
  const fields = [VERSION, 'upload-complete: ?1', 'upload-length: 6', 'content-length: 5']
  connection.write(headOf('PUT', url, [...fields, 'expect: 100-continue']))
  assert.deepEqual(statusesIn(await answersOn(connection, 1)), [400])
})

test('a body that breaks off is kept as far as it came', async () => {
  const { id, url } = await openUpload(server)
  const connection = await RawConnection.open(url)
  connection.write(`${headOf('PUT', url, [VERSION, 'upload-complete: ?1', 'content-length: 11'])}hello `)
  await connection.until(/ 104 /)
  connection.reset()
  assert.deepEqual(await offsetOnceKept(url, 6), { status: 204, offset: '6', complete: '?0', length: '11' })
  assert.equal(await statusOf(server, id), 'PENDING')
  assert.equal((await append(url, 6, 'world')).status, 200)
  assert.equal(await contentOf(server, id), 'hello world')
})

/** The reset may arrive after the question. */
async function offsetOnceKept(url: string, offset: number) {
  for (let i = 0; ; i++) {
    const answer = await offsetAt(url)
    if (answer.offset === String(offset) || i === 100) return answer
  }
}

const LONG = 'x'.repeat(99_999)

/** A request of which some bytes have been read, and no more come. */
async function hanging(t: TestContext, url: string): Promise<RawConnection> {
  const connection = await connected(t)
  const before = await keptBytes(server)
  const fields = [VERSION, 'upload-complete: ?1', `content-length: ${LONG.length + 1}`]
  connection.write(headOf('POST', url, fields) + LONG)
  await bodyBegun(server, before)
  return connection
}

test('whoever asks for the offset ends a request that hangs, and keeps what it brought', async (t) => {
  const { id, url } = await openUpload(server)
  const connection = await hanging(t, url)
  const { offset, length } = await offsetAt(url)
  assert.equal(length, '100000')
  const came = Number(offset)
  assert.ok(came > 0 && came < 100_000, `${came}`)
  assert.equal((await append(url, came, 'y'.repeat(100_000 - came))).status, 200)
  // What the first request would still send comes too late.
  connection.write('x')
  assert.deepEqual(statusesIn(await answersOn(connection, 1)), [104, 201])
  assert.equal(await contentOf(server, id), 'x'.repeat(came) + 'y'.repeat(100_000 - came))
})

test('a cancel ends a request that hangs', async (t) => {
  const { url } = await openUpload(server)
  const connection = await hanging(t, url)
  assert.equal((await exchangeDraft('DELETE', url)).status, 204)
  assert.deepEqual(statusesIn(await answersOn(connection, 1)), [104, 201])
  assert.equal((await offsetAt(url)).status, 403)
})

test('pages of any origin may resume', async () => {
  const { url } = await openUpload(server)
  const preflight = await fetch(url, {
    method: 'OPTIONS',
    headers: {
      origin: 'https://app.example',
      'access-control-request-method': 'PATCH',
      'access-control-request-headers': 'upload-complete,upload-offset,content-type',
    },
  })
  assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /PATCH/)
  assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /upload-complete/i)
  const head = await fetch(url, { method: 'HEAD', headers: { origin: 'https://app.example' } })
  assert.equal(head.headers.get('access-control-expose-headers'), '*')
})

test('a server tells the limits of a link before an upload begins', async () => {
  const { url } = await openUpload(server)
  const { status, headers } = await exchangeDraft('OPTIONS', url)
  assert.equal(status, 204)
  assert.match(String(headers['upload-limit']), /^max-size=100000, max-age=\d+$/)
})

test('without the setting a link is as it was', async (t) => {
  const other = await TestServer.start()
  t.after(() => other.stop())
  const { id, url } = await openUpload(other)
  assert.equal((await append(url, 0, 'hello')).status, 405)
  assert.equal((await begin(url, 'hello', { 'upload-complete': '?1' })).status, 405)
  assert.equal((await offsetAt(url)).status, 403)
  const answer = await begin(url, 'hello', { 'upload-complete': '?1' }, 'PUT')
  assert.deepEqual([answer.status, answer.interim, told(answer).complete], [200, [], undefined])
  assert.equal(await contentOf(other, id), 'hello')
})
