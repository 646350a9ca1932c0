import assert from 'node:assert/strict'
import { createHash, hash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { after, before, test } from 'node:test'
import { TestServer } from '../../test/harness.ts'
import { exchange, type Headings, LightfieldClient, md5Of, ok } from '../../test/lightfield-client.ts'
import { withToken } from '../../test/link-token.ts'
import { RawConnection } from '../../test/raw-http.ts'
import { noBytes } from '../core/files/file.ts'
import type { Change } from '../core/ports/changes.ts'
import { releaseBytes } from '../core/uploads/receive-bytes.ts'
import { parseFileId } from '../dialects/all.ts'

const CONTENT = '0123456789'
const ETAG = `"${md5Of(CONTENT)}"`

let server: TestServer
let client: LightfieldClient
/** A link to the ten bytes of `CONTENT`, and when they were stored. */
let link: string
let storedAt: string

before(async () => {
  server = await TestServer.start({ ENTREPOT_LIGHTFIELD_DOWNLOAD_SECONDS: '86400' })
  client = new LightfieldClient(server)
  server.clock.advance({ ms: 750 })
  const { id } = await client.stored(CONTENT)
  link = await client.link(id)
  storedAt = 'Wed, 08 Apr 2026 12:00:00 GMT'
})
after(() => server.stop())

function get(headers: Headings = {}, method = 'GET') {
  return exchange<undefined>(method, link, undefined, headers)
}

/** What keeps stored bytes from acting as a page of ours, on every answer of a link whatever its status. */
const safe: Record<string, string> = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "sandbox; default-src 'none'",
  'referrer-policy': 'no-referrer',
  'cache-control': 'private, no-cache',
  'cross-origin-resource-policy': 'cross-origin',
}

function assertSafe(headers: Headers): void {
  for (const [name, value] of Object.entries(safe)) assert.equal(headers.get(name), value)
  assert.match(headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/)
}

const whole = {
  'content-type': 'text/plain',
  'content-length': '10',
  'content-disposition': `attachment; filename="notes.txt"; filename*=UTF-8''notes.txt`,
  'accept-ranges': 'bytes',
  etag: ETAG,
  'last-modified': 'Wed, 08 Apr 2026 12:00:00 GMT',
}

for (const [place, content] of [
  ['the database', CONTENT],
  ['a blob store', 'x'.repeat(100_000)],
] as const)
  test(`a file in ${place} that is deleted after its row was read and before its bytes were opened is gone, not lost`, async (t) => {
    const { id } = await client.stored(content)
    const doomed = await client.link(id)
    const { blobs, metadata } = server.app.services
    const file = (await metadata.findFile(parseFileId(id) ?? '')) ?? assert.fail()
    const { blobKey } = file
    assert.equal(blobKey === null, content === CONTENT)
    const remove = async () => {
      const patch = { ...noBytes, state: 'deleted' } as const
      const update: Change = { kind: 'file.update', id: file.id, guard: { state: 'stored' }, patch }
      await metadata.commit([update, ...releaseBytes(server.app.services, file)])
      if (blobKey !== null) await blobs.delete(blobKey)
    }
    const [open, find] = [blobs.open.bind(blobs), metadata.findSegmentBytes.bind(metadata)]
    t.mock.method(blobs, 'open', async (...args: Parameters<typeof open>) => {
      await remove()
      return open(...args)
    })
    t.mock.method(metadata, 'findSegmentBytes', async (...args: Parameters<typeof find>) => {
      await remove()
      return find(...args)
    })
    assert.equal((await exchange('GET', doomed)).status, 404)
  })

test('GET sends the file as an attachment, and HEAD the same headers without it', async () => {
  for (const method of ['GET', 'HEAD']) {
    const { status, headers, text } = await get({}, method)
    assert.equal(status, 200)
    assert.equal(text, method === 'GET' ? CONTENT : '')
    for (const [name, value] of Object.entries(whole)) assert.equal(headers.get(name), value)
    assertSafe(headers)
  }
})

test('a download asks for no header and minds none', async () => {
  for (const headers of [{ accept: '' }, { accept: 'application/json' }, { authorization: 'Bearer nobody' }])
    assert.equal((await get(headers)).text, CONTENT)
})

/** A Range header, and the bytes that it yields: a pair is sent as 206, nothing means 416, `whole` 200. */
const ranges: readonly (readonly [string, readonly [number, number] | 'none' | 'whole'])[] = [
  ['bytes=0-0', [0, 0]],
  ['bytes=0-9', [0, 9]],
  ['bytes=2-5', [2, 5]],
  ['bytes=9-9', [9, 9]],
  ['bytes=5-', [5, 9]],
  ['bytes=0-', [0, 9]],
  ['bytes=-1', [9, 9]],
  ['bytes=-4', [6, 9]],
  ['bytes=-10', [0, 9]],
  ['bytes=-99', [0, 9]],
  ['bytes=8-99', [8, 9]],
  ['bytes=0-99999999999999999999999', [0, 9]],
  ['bytes=007-008', [7, 8]],
  ['Bytes=2-5', [2, 5]],
  ['BYTES=-4', [6, 9]],
  ['bytes=10-', 'none'],
  ['bytes=10-20', 'none'],
  ['bytes=99999999999999999999999-', 'none'],
  ['bytes=-0', 'none'],
  ['bytes=9-1', 'whole'],
  ['bytes=0-1,3-4', 'whole'],
  [`bytes=${'0-,'.repeat(100)}0-`, 'whole'],
  ['bytes=', 'whole'],
  ['bytes=-', 'whole'],
  ['bytes=a-b', 'whole'],
  ['bytes=1.5-2', 'whole'],
  ['bytes=+1-2', 'whole'],
  ['bytes 1-2', 'whole'],
  ['1-2', 'whole'],
  ['items=1-2', 'whole'],
  ['', 'whole'],
]

for (const [range, expected] of ranges) {
  const name = range.length > 40 ? 'a hundred ranges' : `"${range}"`
  const outcome =
    expected === 'whole'
      ? 'sends the whole file'
      : expected === 'none'
        ? 'is refused'
        : `sends ${expected.join(' to ')}`
  test(`the range ${name} ${outcome}`, async () => {
    const { status, headers, text } = await get({ range })
    assertSafe(headers)
    if (expected === 'none') {
      assert.equal(status, 416)
      assert.equal(headers.get('content-range'), 'bytes */10')
      assert.equal(headers.get('content-disposition'), null)
      return
    }
    const [first, last] = expected === 'whole' ? [0, 9] : expected
    assert.equal(status, expected === 'whole' ? 200 : 206)
    assert.equal(headers.get('content-range'), expected === 'whole' ? null : `bytes ${first}-${last}/10`)
    assert.equal(headers.get('content-length'), String(last - first + 1))
    assert.equal(headers.get('etag'), ETAG)
    assert.equal(text, CONTENT.slice(first, last + 1))
  })
}

test('HEAD has no ranges: it tells of the whole file', async () => {
  for (const [range] of ranges) {
    for (const ifRange of [undefined, ETAG, '"a"']) {
      const { status, headers, text } = await get({ range, 'if-range': ifRange }, 'HEAD')
      assert.equal(status, 200, range)
      assert.equal(text, '')
      assert.equal(headers.get('content-range'), null)
      for (const [name, value] of Object.entries(whole)) assert.equal(headers.get(name), value)
    }
  }
})

const before1s = 'Wed, 08 Apr 2026 11:59:59 GMT'
const after1s = 'Wed, 08 Apr 2026 12:00:01 GMT'

/** What some clients send as a date, and some parsers take for one; RFC 9110 has none of these forms. */
const noDates = [
  '2099',
  '2099-01-01T00:00:00Z',
  '1/1/2099',
  'Sun, 30 Feb 2098 00:00:00 GMT',
  'Tue, 31 Dec 2099 16:00:01 PST',
  'Wed, 01 Jan 2098 00:00:00 +0300',
  '0',
  '10',
  '2001-01-01',
  'x 5',
]

/** Conditions and the status that they lead to; the file is sent with 200 and 206 alone. */
const conditions: readonly (readonly [string, Headings, number])[] = [
  ...noDates.flatMap((date) => [
    [`If-Modified-Since with "${date}"`, { 'if-modified-since': date }, 200] as const,
    [`If-Unmodified-Since with "${date}"`, { 'if-unmodified-since': date }, 200] as const,
    [`If-Range with "${date}"`, { 'if-range': date, range: 'bytes=0-0' }, 200] as const,
  ]),
  [
    'If-Modified-Since in the form of RFC 850',
    { 'if-modified-since': 'Wednesday, 08-Apr-26 12:00:00 GMT' },
    304,
  ],
  ['If-Modified-Since in the form of asctime', { 'if-modified-since': 'Wed Apr  8 12:00:00 2026' }, 304],
  [
    'If-Unmodified-Since in the form of RFC 850',
    { 'if-unmodified-since': 'Wednesday, 08-Apr-26 11:59:59 GMT' },
    412,
  ],
  ['If-Unmodified-Since in the form of asctime', { 'if-unmodified-since': 'Wed Apr  8 11:59:59 2026' }, 412],
  ['If-None-Match with * inside of a tag', { 'if-none-match': '"a,*,b"' }, 200],
  ['If-Match with * inside of a tag', { 'if-match': '"a,*,b"' }, 412],
  ['If-None-Match with the ETag', { 'if-none-match': ETAG }, 304],
  ['If-None-Match with the weak ETag', { 'if-none-match': `W/${ETAG}` }, 304],
  ['If-None-Match with the ETag among others', { 'if-none-match': `"a", ${ETAG} , "b"` }, 304],
  ['If-None-Match with *', { 'if-none-match': '*' }, 304],
  ['If-None-Match with another tag', { 'if-none-match': '"a"' }, 200],
  ['If-None-Match with the tag unquoted', { 'if-none-match': ETAG.slice(1, -1) }, 200],
  ['If-Modified-Since with the time', { 'if-modified-since': 'Wed, 08 Apr 2026 12:00:00 GMT' }, 304],
  ['If-Modified-Since with a later time', { 'if-modified-since': after1s }, 304],
  ['If-Modified-Since with an earlier time', { 'if-modified-since': before1s }, 200],
  ['If-Modified-Since with no time', { 'if-modified-since': 'yesterday' }, 200],
  ['another tag and If-Modified-Since', { 'if-none-match': '"a"', 'if-modified-since': after1s }, 200],
  ['If-Match with the ETag', { 'if-match': ETAG }, 200],
  ['If-Match with another tag', { 'if-match': '"a"' }, 412],
  ['If-Match with *', { 'if-match': '*' }, 200],
  [
    'If-Match with another tag and If-None-Match with the ETag',
    { 'if-match': '"a"', 'if-none-match': ETAG },
    412,
  ],
  ['If-Unmodified-Since with an earlier time', { 'if-unmodified-since': before1s }, 412],
  ['If-Unmodified-Since with a later time', { 'if-unmodified-since': after1s }, 200],
  ['If-Range with the ETag', { 'if-range': ETAG, range: 'bytes=0-0' }, 206],
  ['If-Range with the weak ETag', { 'if-range': `W/${ETAG}`, range: 'bytes=0-0' }, 200],
  ['If-Range with another tag', { 'if-range': '"a"', range: 'bytes=0-0' }, 200],
  ['If-Range with the time', { 'if-range': 'Wed, 08 Apr 2026 12:00:00 GMT', range: 'bytes=0-0' }, 206],
  [
    'If-Range with the time in another form',
    { 'if-range': 'Wed Apr  8 12:00:00 2026', range: 'bytes=0-0' },
    206,
  ],
  ['If-Range with another time', { 'if-range': before1s, range: 'bytes=0-0' }, 200],
  ['If-Range with another tag and a range beyond the end', { 'if-range': '"a"', range: 'bytes=99-' }, 200],
  [
    'If-None-Match with the ETag and a range beyond the end',
    { 'if-none-match': ETAG, range: 'bytes=99-' },
    304,
  ],
]

for (const [name, headings, expected] of conditions) {
  test(`${name} leads to ${expected}`, async () => {
    for (const method of ['GET', 'HEAD']) {
      const { status, headers, text } = await get(headings, method)
      assert.equal(status, method === 'HEAD' && expected === 206 ? 200 : expected)
      assert.equal(headers.get('etag'), ETAG)
      assert.equal(headers.get('last-modified'), storedAt)
      assertSafe(headers)
      const sent = expected === 206 ? '0' : expected === 200 ? CONTENT : ''
      assert.equal(text, method === 'GET' ? sent : '')
    }
  })
}

/** Names as given at create, and the header in which they come back. */
const names: readonly (readonly [string, string])[] = [
  ['a b.txt', `filename="a b.txt"; filename*=UTF-8''a%20b.txt`],
  ['naïve 📁.pdf', `filename="na_ve __.pdf"; filename*=UTF-8''na%C3%AFve%20%F0%9F%93%81.pdf`],
  ['say "hi".txt', `filename="say _hi_.txt"; filename*=UTF-8''say%20%22hi%22.txt`],
  ['a\\b.txt', `filename="a_b.txt"; filename*=UTF-8''a%5Cb.txt`],
  ['../../etc/passwd', `filename=".._.._etc_passwd"; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd`],
  ["it's (1)*.txt", `filename="it's (1)*.txt"; filename*=UTF-8''it%27s%20%281%29%2A.txt`],
  [
    '%0d%0aset-cookie: a=b',
    `filename="_0d_0aset-cookie: a=b"; filename*=UTF-8''%250d%250aset-cookie%3A%20a%3Db`,
  ],
  ['a; filename=b.exe', `filename="a; filename=b.exe"; filename*=UTF-8''a%3B%20filename%3Db.exe`],
  ['invoice\u202efdp.exe', `filename="invoicefdp.exe"; filename*=UTF-8''invoicefdp.exe`],
  ['a\u200bb\ufeff\u2066c.txt', `filename="abc.txt"; filename*=UTF-8''abc.txt`],
  ['\u202e', `filename="file"; filename*=UTF-8''file`],
  ['.', `filename="file"; filename*=UTF-8''file`],
  ['..\u200b', `filename="file"; filename*=UTF-8''file`],
  ['e\u0301.txt', `filename="e_.txt"; filename*=UTF-8''e%CC%81.txt`],
]

for (const [filename, expected] of names) {
  test(`the name ${JSON.stringify(filename)} comes back in a safe header, and as it is in JSON`, async () => {
    const file = await client.stored(CONTENT, { filename })
    assert.equal(file.filename, filename)
    const response = await fetch(await client.link(file.id))
    assert.equal(response.headers.get('content-disposition'), `attachment; ${expected}`)
    assert.equal(response.headers.get('set-cookie'), null)
    assert.equal(await response.text(), CONTENT)
  })
}

test('content that a browser would run comes as an attachment that it may not', async () => {
  for (const mimeType of ['text/html', 'image/svg+xml', 'application/xhtml+xml', 'text/javascript']) {
    const { id } = await client.stored('<script>alert(1)</script>', { mimeType, filename: 'x.html' })
    const { headers } = await fetch(await client.link(id))
    assert.match(headers.get('content-disposition') ?? '', /^attachment;/)
    assertSafe(headers)
  }
})

test('refusals carry the safe headers too, and name no file', async () => {
  const upload = await client.staged(CONTENT)
  ok(await client.cancel(upload.id))
  const longer = withToken(link, (token) => `${token}x`)
  const shorter = withToken(link, (token) => token.slice(0, -1))
  for (const url of [longer, shorter, upload.uploadUrl]) {
    const { status, headers } = await exchange('GET', url)
    assert.equal(status, 403)
    assertSafe(headers)
    for (const name of ['content-disposition', 'etag', 'last-modified', 'accept-ranges'])
      assert.equal(headers.get(name), null)
  }
})

test('a file of several megabytes comes back whole and in ranges', async () => {
  const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 7919) % 251))
  const { id } = await client.stored(bytes)
  const url = await client.link(id)
  assert.deepEqual(Buffer.from(await (await fetch(url)).arrayBuffer()), bytes)
  for (const [first, last] of [
    [0, 1_048_575],
    [1_048_575, 1_048_577],
    [2_999_999, 2_999_999],
  ] as const) {
    const response = await fetch(url, { headers: { range: `bytes=${first}-${last}` } })
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), bytes.subarray(first, last + 1))
  }
})

/** The SHA-256 of a body that is read a little at a time, so that it piles up wherever it can. */
async function readSlowly(url: string): Promise<string> {
  const [response] = (await once(request(url).end(), 'response')) as [IncomingMessage]
  const digest = createHash('sha256')
  let received = 0
  for await (const chunk of response) {
    digest.update(chunk)
    received += chunk.length
    if (received % 7 === 0) await new Promise(setImmediate)
  }
  return digest.digest('hex')
}

test('slow readers, many at once, get every byte as it is', async () => {
  const bytes = randomBytes(5_000_001)
  const { id } = await client.stored(bytes)
  const url = await client.link(id)
  const digests = await Promise.all(Array.from({ length: 12 }, () => readSlowly(url)))
  assert.deepEqual([...new Set(digests)], [hash('sha256', bytes)])
})

test('downloads that are asked for at once on one connection come whole, in their order', async () => {
  const files = [3_000_001, 1, 4_000_000].map((size) => randomBytes(size))
  const links = await Promise.all(files.map(async (bytes) => client.link((await client.stored(bytes)).id)))
  const connection = await RawConnection.open(server.url)
  const host = new URL(server.url).host
  const requests = links.map((url, i) => {
    const close = i === links.length - 1 ? 'connection: close\r\n' : ''
    return `GET ${new URL(url).pathname} HTTP/1.1\r\nhost: ${host}\r\n${close}\r\n`
  })
  connection.write(requests.join(''))
  let received = Buffer.from(await connection.closed(), 'latin1')
  for (const bytes of files) {
    const start = received.indexOf('\r\n\r\n') + 4
    assert.match(received.subarray(0, start).toString(), /^HTTP\/1\.1 200 /)
    assert.equal(hash('sha256', received.subarray(start, start + bytes.length)), hash('sha256', bytes))
    received = received.subarray(start + bytes.length)
  }
  assert.equal(received.length, 0)
})

test('a reader that goes away does not disturb the next', async () => {
  const { id } = await client.stored(Buffer.alloc(3_000_000))
  const url = await client.link(id)
  for (let i = 0; i < 5; i++) {
    const controller = new AbortController()
    const { body } = await fetch(url, { signal: controller.signal })
    await body?.getReader().read()
    controller.abort()
  }
  assert.equal((await (await fetch(url)).arrayBuffer()).byteLength, 3_000_000)
})
