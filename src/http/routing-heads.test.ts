import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../test/harness.ts'
import { LightfieldClient, ok, VERSION } from '../../test/lightfield-client.ts'
import { RawConnection, readAnswer, sendRaw } from '../../test/raw-http.ts'

let server: TestServer
let client: LightfieldClient
let host: string

before(async () => {
  server = await TestServer.start()
  client = new LightfieldClient(server)
  host = new URL(server.url).host
})
after(() => server.stop())

/** A path of each surface, and what the body of an error is made of there. */
const surfaces: Readonly<Record<string, readonly string[]>> = {
  '/lightfield/v1/files': ['error'],
  '/v1/files': ['error'],
  '/api/v1/beta/files': ['detail'],
  '/session': ['detail'],
  '/files/v1/files': ['code', 'message', 'details'],
  '/transfer/x': ['error'],
  '/healthz': ['error'],
  '/nothing': ['error'],
  '/lightfield/%zz': ['error'],
}

/** Sends a request with a good key, and reads until the connection ends. */
async function refusalOf(line: string, fields: readonly string[], body = '') {
  const connection = await RawConnection.open(server.url)
  const known = [`authorization: Bearer ${server.key}`, `lightfield-version: ${VERSION}`]
  connection.write(`${[line, ...known, ...fields].join('\r\n')}\r\n\r\n${body}`)
  const { status, headers, body: text } = readAnswer(await connection.closed())
  assert.equal(headers.get('connection'), 'close')
  assert.match(headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/)
  return { status, headers, body: JSON.parse(text) as Record<string, unknown> }
}

const codings = ['gzip, chunked', 'deflate, chunked', 'identity, chunked', 'x-foo, chunked', ', chunked']

for (const [path, members] of Object.entries(surfaces)) {
  test(`a transfer coding that is not known gets 501 at ${path}, in the form of that path`, async () => {
    for (const coding of codings) {
      const fields = ['host: a', 'content-type: application/json', `transfer-encoding: ${coding}`]
      const { status, body } = await refusalOf(`POST ${path} HTTP/1.1`, fields, '2\r\n{}\r\n0\r\n\r\n')
      assert.equal(status, 501)
      assert.deepEqual(Object.keys(body), members)
    }
  })

  test(`an expectation that is not known gets 417 at ${path}, in the form of that path`, async () => {
    for (const expect of ['foo', '', '200-ok', '100-continue, foo', '100-continued']) {
      const { status, body } = await refusalOf(`GET ${path} HTTP/1.1`, ['host: a', `expect: ${expect}`])
      assert.equal(status, 417)
      assert.deepEqual(Object.keys(body), members)
    }
  })
}

test('SDKs are told not to send a transfer coding again', async () => {
  const fields = ['host: a', 'transfer-encoding: gzip, chunked']
  for (const path of ['/v1/files', '/api/v1/beta/files']) {
    const { headers } = await refusalOf(`POST ${path} HTTP/1.1`, fields, '0\r\n\r\n')
    assert.equal(headers.get('x-should-retry'), 'false')
  }
})

test('a link takes no bytes under a transfer coding but chunked, which may be written in any case', async () => {
  const { id, uploadUrl } = await client.pending({ sizeBytes: 5 })
  const put = (coding: string) => [
    `PUT ${new URL(uploadUrl).pathname} HTTP/1.1`,
    ['host: a', 'content-type: text/plain', `transfer-encoding: ${coding}`],
    '5\r\nhello\r\n0\r\n\r\n',
  ]
  const [line, fields, body] = put('gzip, chunked') as [string, string[], string]
  assert.equal((await refusalOf(line, fields, body)).status, 501)
  assert.equal((await client.complete(id)).status, 422)
  const [, plain] = put('Chunked') as [string, string[], string]
  assert.equal((await sendRaw(server.url, `${[line, ...plain].join('\r\n')}\r\n\r\n${body}`)).status, 200)
  assert.equal((await client.complete(id)).status, 200)
})

test('a target with a fragment gets 400, everywhere', async () => {
  const { id } = await client.stored(Buffer.from('hello'))
  const link = new URL(await client.link(id)).pathname
  for (const path of [`${link}#x`, `${link}#`, '/v1/files#x', '/healthz#', `http://a${link}#x`]) {
    assert.equal((await refusalOf(`GET ${path} HTTP/1.1`, ['host: a'])).status, 400)
  }
})

/** Targets as a client of a proxy writes them, and the Host header beside each. */
const addresses: readonly (readonly [prefix: string, host: string])[] = [
  ['http://files.example', 'files.example'],
  ['HTTP://FILES.example', 'files.EXAMPLE'],
  ['http://files.example:80', 'files.example'],
  ['http://files.example', 'files.example:80'],
  ['http://files.example:8420', 'files.example:8420'],
  ['http://[::1]:8420', '[::1]:8420'],
]

for (const [prefix, name] of addresses) {
  test(`the target ${prefix}/… is taken as its path where the Host is ${name}`, async () => {
    const get = async (path: string, key = server.key) => {
      const fields = [`host: ${name}`, `authorization: Bearer ${key}`, `lightfield-version: ${VERSION}`]
      return sendRaw(server.url, `GET ${prefix}${path} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`)
    }
    const { id } = await client.stored(Buffer.from('hello'))
    assert.equal(JSON.parse((await get(`/lightfield/v1/files/${id}`)).body).id, id)
    assert.equal(JSON.parse((await get(`/v1/files/${id}?x=1`)).body).id, id)
    assert.equal((await get(new URL(await client.link(id)).pathname)).body, 'hello')
    assert.ok(JSON.parse((await get(`/files/v1/files%3AgetUrl?fileId=${id}`)).body).url)
    assert.deepEqual(Object.keys(JSON.parse((await get('/api/v1/beta/files', 'wrong')).body)), ['detail'])
    assert.equal((await get('')).status, 200)
    assert.equal((await get('?x')).status, 200)
    assert.equal((await get('/nothing')).status, 404)
  })
}

/** What is no path here: another server's address, or what RFC 9112 has for proxies and servers as a whole. */
const strange: readonly (readonly [line: string, host: string])[] = [
  ['GET http://evil.example/v1/files HTTP/1.1', 'files.example'],
  ['GET http://files.example:81/v1/files HTTP/1.1', 'files.example'],
  ['GET http://files.example:443/v1/files HTTP/1.1', 'files.example'],
  ['GET http://me@files.example/v1/files HTTP/1.1', 'files.example'],
  ['GET http:///v1/files HTTP/1.1', ''],
  ['GET ftp://files.example/v1/files HTTP/1.1', 'files.example'],
  ['GET https://files.example/v1/files HTTP/1.1', 'files.example'],
  ['GET https://files.example:443/v1/files HTTP/1.1', 'files.example'],
  ['GET http://me@files.example/v1/files HTTP/1.1', 'me@files.example'],
  ['GET /v1/files HTTP/1.1', 'a b,c/d'],
  ['GET /v1/files HTTP/1.1', 'me@files.example'],
  ['GET /v1/files HTTP/1.1', 'files.example:x'],
  ['GET /v1/files HTTP/1.1', 'files.example:65536'],
  ['GET /v1/files HTTP/1.1', '[::1'],
  ['GET /v1/files HTTP/1.1', '%zz'],
  ['GET /v1/files HTTP/2.0', 'files.example'],
  ['OPTIONS * HTTP/1.1', 'files.example'],
  ['CONNECT files.example:443 HTTP/1.1', 'files.example:443'],
]

for (const [line, name] of strange) {
  test(`"${line}" gets 400 where the Host is "${name}", and the connection ends`, async () => {
    const { status, body } = await refusalOf(line, [`host: ${name}`])
    assert.equal(status, 400)
    assert.deepEqual(Object.keys(body), ['error'])
  })
}

test('a tunnel that is asked for behind another request is refused after its answer', async () => {
  const connection = await RawConnection.open(server.url)
  connection.write(`GET /healthz HTTP/1.1\r\nhost: a\r\n\r\nCONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n`)
  assert.match(await connection.closed(), /^HTTP\/1.1 200[\s\S]+HTTP\/1.1 400/)
})

test('a Host that is a name, an address or nothing is taken', async () => {
  for (const name of [
    'files.example',
    'files.example.:1',
    'my_files',
    '10.0.0.1:65535',
    '[2001:db8::1]:80',
    '%41',
    '',
  ]) {
    const { status } = await sendRaw(server.url, `GET /healthz HTTP/1.1\r\nhost: ${name}\r\n\r\n`)
    assert.equal(status, 200, name)
  }
})

test('bytes that are no request are answered with an id, too', async () => {
  const { status, headers } = readAnswer(
    await (async () => {
      const connection = await RawConnection.open(server.url)
      connection.write('garbage\r\n\r\n')
      return connection.closed()
    })(),
  )
  assert.equal(status, 400)
  assert.match(headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/)
})

test('a client of HTTP/1.0 may expect whatever it likes', async () => {
  const text = `GET /healthz HTTP/1.0\r\nhost: ${host}\r\nexpect: foo\r\n\r\n`
  assert.equal((await sendRaw(server.url, text)).status, 200)
  assert.equal(ok(await client.list()).totalCount >= 0, true)
})
