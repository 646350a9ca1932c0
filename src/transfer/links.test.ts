import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../test/harness.ts'
import {
  announcing,
  type CreatedFile,
  exchange,
  LightfieldClient,
  ok,
  putBytes,
} from '../../test/lightfield-client.ts'
import { linkToken } from '../../test/link-token.ts'
import { verifyLink } from '../core/links/link-token.ts'

const DOWNLOAD_SECONDS = 900
const SESSION_SECONDS = 3600
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

let server: TestServer
let client: LightfieldClient

before(async () => {
  server = await TestServer.start()
  client = new LightfieldClient(server)
})
after(() => server.stop())

function put(upload: CreatedFile, uploadUrl: string) {
  return putBytes({ ...upload, uploadUrl })
}

/** The link with its token changed, and no name after it. */
function altered(link: string, change: (token: string) => string): string {
  const token = linkToken(link)
  return link.slice(0, link.indexOf(token)) + change(token)
}

/** The link with another end after its token. */
function endingIn(link: string, end: string): string {
  return altered(link, (token) => token + end)
}

/** The next character of the alphabet: a change of the fewest bits, and never the same character. */
function withNextCharacter(token: string, at: number): string {
  const next = BASE64URL[(BASE64URL.indexOf(token[at] ?? '') + 1) % BASE64URL.length]
  return token.slice(0, at) + next + token.slice(at + 1)
}

test('a download link with any one character changed gets 403', async () => {
  const { id } = await client.stored()
  const link = await client.link(id)
  for (let at = 0; at < 84; at++) {
    for (const name of ['', '/notes.txt']) {
      const { status, error } = await exchange(
        'GET',
        altered(link, (token) => withNextCharacter(token, at) + name),
      )
      assert.equal(status, 403, `character ${at}`)
      assert.deepEqual([error.type, error.code], ['forbidden', 'link_invalid'])
    }
  }
  assert.equal((await exchange('GET', link)).status, 200)
})

test('an upload link with any one character changed gets 403 and stores nothing', async () => {
  const upload = await client.pending()
  for (let at = 0; at < 84; at++) {
    const url = altered(upload.uploadUrl, (token) => withNextCharacter(token, at))
    assert.equal((await put(upload, url)).status, 403, `character ${at}`)
  }
  assert.equal((await client.complete(upload.id)).status, 422)
  assert.equal((await putBytes(upload)).status, 200)
})

/** Other ways to spell or bend a token. */
const bends: Record<string, (token: string) => string> = {
  'a query': (token) => `${token}?x=1`,
  'an empty query': (token) => `${token}?`,
  'a signature of S3': (token) => `${token}?X-Amz-Signature=0`,
  'a character more': (token) => `${token}A`,
  'a character less': (token) => token.slice(0, -1),
  padding: (token) => `${token}==`,
  'a trailing slash': (token) => `${token}/`,
  'a path parameter': (token) => `${token};a=b`,
  'an encoded line end': (token) => `${token}%0a`,
  'an encoded NUL': (token) => `${token}%00`,
  'its halves exchanged': (token) => token.slice(42) + token.slice(0, 42),
  'all letters of one case': (token) => token.toLowerCase(),
  'the other alphabet of base64': (token) => `${token.slice(0, -1)}+`,
  'nothing but zeros': () => 'A'.repeat(84),
  'a name of all objects': () => '__proto__',
  'two hundred thousand bits': () => 'A'.repeat(8_000),
}

for (const [name, bend] of Object.entries(bends)) {
  test(`a link with ${name} is not the link`, async () => {
    const { id } = await client.stored()
    const download = await exchange('GET', altered(await client.link(id), bend))
    assert.ok([403, 404].includes(download.status), `${download.status}`)
    assert.doesNotMatch(download.text, /hello/)
    const upload = await client.pending()
    assert.ok([403, 404].includes((await put(upload, altered(upload.uploadUrl, bend))).status))
    assert.equal((await client.complete(upload.id)).status, 422)
  })
}

/** Names of files, and the last segment of the link to each. */
const segments: readonly (readonly [name: string, segment: string])[] = [
  ['notes.txt', 'notes.txt'],
  ['Report (1).pdf', 'Report%20%281%29.pdf'],
  ['50% off?.txt', '50%25%20off%3F.txt'],
  ['a#b&c=d+e.txt', 'a%23b%26c%3Dd%2Be.txt'],
  ['Jahresübersicht.pdf', 'Jahres%C3%BCbersicht.pdf'],
  ['../../etc/passwd', '.._.._etc_passwd'],
  ['a\\b.txt', 'a_b.txt'],
  ['.', 'file'],
  ['..', 'file'],
  ['.env', '.env'],
  ['invoice\u202efdp.exe', 'invoicefdp.exe'],
  ['n'.repeat(255), 'n'.repeat(200)],
  [`${'ü'.repeat(120)}.docx`, `${'%C3%BC'.repeat(97)}.docx`],
  [`${'📄'.repeat(60)}.pdf`, `${'%F0%9F%93%84'.repeat(49)}.pdf`],
]

for (const [filename, segment] of segments) {
  test(`the link to ${JSON.stringify(filename.slice(0, 20))} ends in a name, and leads to the file`, async () => {
    const link = await client.link((await client.stored('hello', { filename })).id)
    assert.equal(link, `${server.url}/transfer/${linkToken(link)}/${segment}`)
    assert.ok(Buffer.byteLength(decodeURIComponent(segment)) <= 200)
    // As a client has it that reads and writes the URL anew.
    assert.equal(new URL(link).href, link)
    for (const method of ['GET', 'HEAD']) {
      const { status, text } = await exchange(method, link)
      assert.deepEqual([status, text], [200, method === 'GET' ? 'hello' : ''])
    }
  })
}

test('the token decides, whatever name follows it or none', async () => {
  const link = await client.link((await client.stored()).id)
  const upload = await client.pending()
  const ends = ['', '/notes.txt', '/x', '/%20', '/a/b.txt', '/%2e%2e%2fx', `/${'n'.repeat(4_000)}`]
  for (const end of ends) {
    assert.equal((await exchange('GET', endingIn(link, end))).text, 'hello', end)
    assert.equal((await put(upload, endingIn(upload.uploadUrl, end))).status, 200, end)
    const other = await exchange('DELETE', endingIn(link, end))
    assert.deepEqual([other.status, other.headers.get('allow')], [405, 'GET, HEAD, PUT'])
  }
  // No UTF-8, and no escapes at all.
  for (const end of ['/%', '/%zz', '/%e9', '/%ff%fe', '/%u0041', '/a/100%.txt', '/%C3%A9%'])
    for (const method of ['GET', 'HEAD'])
      assert.equal((await exchange(method, endingIn(link, end))).status, 200, end)
  for (const end of ['/', '/%zz?', '/notes.txt?', '/notes.txt?x=1'])
    assert.equal((await exchange('GET', endingIn(link, end))).status, 403, end)
})

test('an upload link ends in its token', async () => {
  const { uploadUrl } = await client.pending()
  assert.ok(uploadUrl.endsWith(`/${linkToken(uploadUrl)}`))
})

test('a page of any origin may ask for a link with a name', async () => {
  const link = await client.link((await client.stored()).id)
  const { status, headers } = await exchange('OPTIONS', link, undefined, {
    origin: 'https://app.example',
    'access-control-request-method': 'GET',
    'access-control-request-headers': 'range',
  })
  assert.deepEqual([status, headers.get('access-control-allow-origin')], [204, '*'])
})

test('a link works for its own method alone', async () => {
  const upload = await client.staged()
  assert.equal((await exchange('GET', upload.uploadUrl)).status, 403)
  assert.equal((await exchange('HEAD', upload.uploadUrl)).status, 403)
  ok(await client.complete(upload.id))
  assert.equal((await exchange('GET', upload.uploadUrl)).status, 403)
  const link = await client.link(upload.id)
  assert.equal((await put(upload, link)).status, 403)
  assert.equal(await (await fetch(link)).text(), 'hello')
})

test('the signature of one upload does not fit another', async () => {
  const [one, two] = [await client.pending(), await client.pending()]
  const signature = one.uploadUrl.slice(-43)
  assert.equal((await put(two, two.uploadUrl.slice(0, -43) + signature)).status, 403)
})

test('an upload link ends with the session, to the millisecond', async () => {
  const upload = await client.pending()
  server.clock.advance({ seconds: SESSION_SECONDS, ms: -1 })
  assert.equal((await putBytes(upload)).status, 200)
  server.clock.advance({ ms: 1 })
  assert.equal((await putBytes(upload)).status, 403)
})

test('an upload link ends when the upload is completed or cancelled, and bytes stay as they were', async () => {
  const completed = await client.staged()
  ok(await client.complete(completed.id))
  assert.equal((await putBytes(completed, 'jello')).status, 403)
  assert.equal(await (await fetch(await client.link(completed.id))).text(), 'hello')
  const cancelled = await client.staged()
  ok(await client.cancel(cancelled.id))
  assert.equal((await putBytes(cancelled)).status, 403)
})

test('a download link lives 900 seconds, and each call of url mints a new one', async () => {
  const { id } = await client.stored()
  const first = ok(await client.url(id))
  assert.equal(Date.parse(first.expiresAt), server.clock.now() + DOWNLOAD_SECONDS * 1000)
  server.clock.advance({ seconds: DOWNLOAD_SECONDS, ms: -1 })
  const second = ok(await client.url(id))
  assert.notEqual(second.url, first.url)
  assert.equal((await exchange('GET', first.url)).status, 200)
  server.clock.advance({ ms: 1 })
  assert.equal((await exchange('GET', first.url)).status, 403)
  assert.equal((await exchange('GET', second.url)).status, 200)
})

test('links outlive a restart of the server', async (t) => {
  const other = await TestServer.start({ ENTREPOT_PUBLIC_URL: 'https://files.example/store/' })
  t.after(() => other.stop())
  const own = new LightfieldClient(other)
  const upload = await own.pending()
  // The public URL is where clients are; here it is only a name.
  assert.match(upload.uploadUrl, /^https:\/\/files\.example\/store\/transfer\/[\w-]{84}$/)
  await other.restart()
  const local = (url: string) => url.replace('https://files.example/store', other.url)
  assert.equal((await put(upload, local(upload.uploadUrl))).status, 200)
  ok(await own.complete(upload.id))
  assert.equal(await (await fetch(local(await own.link(upload.id)))).text(), 'hello')
})

test('links are never made from the Host header', async () => {
  const { port } = new URL(server.url)
  const { request } = await import('node:http')
  const body = JSON.stringify({ filename: 'x', mimeType: 'y', sizeBytes: 1 })
  const text = await new Promise<string>((resolve, reject) => {
    const headers = {
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      forwarded: 'host=evil.example',
      authorization: `Bearer ${server.key}`,
      'lightfield-version': '2026-03-01',
      'content-type': 'application/json',
    }
    request({ port, method: 'POST', path: '/lightfield/v1/files', headers }, async (response) => {
      let received = ''
      for await (const chunk of response) received += chunk
      resolve(received)
    })
      .on('error', reject)
      .end(body)
  })
  assert.ok(JSON.parse(text).uploadUrl.startsWith(`${server.url}/transfer/`))
})

test('a server that knows no announced digests takes no PUT for one, and serves the file afterwards', async () => {
  const { linkKeys } = server.app.services
  const isGoodThere = (link: string) =>
    verifyLink(linkKeys, linkToken(link), {
      mimeType: 'text/plain',
      sizeBytes: 5,
      writeOnce: false,
      sha256: null,
      maxBytes: null,
    })
  const upload = ok(await client.create({}, announcing('hello')))
  assert.equal(isGoodThere(upload.uploadUrl), false)
  assert.equal(isGoodThere((await client.pending()).uploadUrl), true)
  assert.equal((await putBytes(upload)).status, 200)
  ok(await client.complete(upload.id))
  assert.equal(isGoodThere(await client.link(upload.id)), true)
})
