import assert from 'node:assert/strict'
import { METHODS, request } from 'node:http'
import { after, before, test } from 'node:test'
import { TestServer } from '../../test/harness.ts'
import { LightfieldClient, ok, VERSION } from '../../test/lightfield-client.ts'
import { RawConnection, readAnswer, sendRaw } from '../../test/raw-http.ts'
import { until } from '../../test/until.ts'

const PATH = '/lightfield/v1/files'
const BODY = '{"filename":"a","mimeType":"t","sizeBytes":1}'

let server: TestServer
let client: LightfieldClient

before(async () => {
  server = await TestServer.start()
  client = new LightfieldClient(server)
})
after(async () => {
  // Whatever this file has sent, the process lives and serves.
  assert.equal((await client.create()).status, 200)
  await server.stop()
})

/** A request with a good key and version, then the given fields. */
function requestOf(line: string, fields: readonly string[], body = ''): string {
  const known = [`authorization: Bearer ${server.key}`, `lightfield-version: ${VERSION}`]
  return `${[line, ...known, ...fields].join('\r\n')}\r\n\r\n${body}`
}

async function send(line: string, fields: readonly string[], body = '') {
  return sendRaw(server.url, Buffer.from(requestOf(line, fields, body), 'latin1'))
}

const json = 'content-type: application/json'
const chunkedBody = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`

/** Requests that a proxy may read in another way than we do. Each would be a good create or list otherwise. */
const ambiguous: Record<string, readonly [line: string, fields: readonly string[], body?: string]> = {
  'two Host headers': [`GET ${PATH} HTTP/1.1`, ['host: a', 'host: b']],
  'the same Host header twice': [`GET ${PATH} HTTP/1.1`, ['host: a', 'Host: a']],
  'no Host header': [`GET ${PATH} HTTP/1.1`, []],
  'a whole address as its target': [`GET http://evil.example${PATH} HTTP/1.1`, ['host: a']],
  'an asterisk as its target': ['OPTIONS * HTTP/1.1', ['host: a']],
  'chunks in HTTP/1.0': [
    `POST ${PATH} HTTP/1.0`,
    ['host: a', json, 'transfer-encoding: chunked'],
    chunkedBody,
  ],
  'a length and chunks': [
    `POST ${PATH} HTTP/1.1`,
    ['host: a', json, `content-length: ${BODY.length}`, 'transfer-encoding: chunked'],
    chunkedBody,
  ],
  'two lengths': [
    `POST ${PATH} HTTP/1.1`,
    ['host: a', json, `content-length: ${BODY.length}`, 'content-length: 3'],
    BODY,
  ],
  'two lengths in one header': [
    `POST ${PATH} HTTP/1.1`,
    ['host: a', json, `content-length: ${BODY.length}, ${BODY.length}`],
    BODY,
  ],
  'a length with a sign': [
    `POST ${PATH} HTTP/1.1`,
    ['host: a', json, `content-length: +${BODY.length}`],
    BODY,
  ],
  'a length in hex': [`POST ${PATH} HTTP/1.1`, ['host: a', json, 'content-length: 0x2d'], BODY],
  'a negative length': [`POST ${PATH} HTTP/1.1`, ['host: a', json, 'content-length: -1'], BODY],
  'a space before a colon': [
    `POST ${PATH} HTTP/1.1`,
    ['host: a', json, 'transfer-encoding : chunked'],
    chunkedBody,
  ],
  'an unknown transfer coding': [
    `POST ${PATH} HTTP/1.1`,
    ['host: a', json, 'transfer-encoding: xchunked'],
    chunkedBody,
  ],
  'a coding after chunked': [
    `POST ${PATH} HTTP/1.1`,
    ['host: a', json, 'transfer-encoding: chunked, identity'],
    chunkedBody,
  ],
  'a folded header': [`GET ${PATH} HTTP/1.1`, ['host: a', 'x: a\r\n b']],
  'a bare line feed in a header': [`GET ${PATH} HTTP/1.1`, ['host: a', 'x: a\nhost: b']],
  'a bare carriage return in a header': [`GET ${PATH} HTTP/1.1`, ['host: a', 'x: a\rhost: b']],
  'NUL in a header': [`GET ${PATH} HTTP/1.1`, ['host: a', 'x: a\0b']],
  'no target': ['GET  HTTP/1.1', ['host: a']],
  'raw bytes in its target': [`GET ${PATH}/\u00e9 HTTP/1.1`, ['host: a']],
  'a version of its own': [`GET ${PATH} HTTP/9.9`, ['host: a']],
  'a method that nobody knows': [`FOO ${PATH} HTTP/1.1`, ['host: a']],
  'a chunk size that is no number': [
    `POST ${PATH} HTTP/1.1`,
    ['host: a', json, 'transfer-encoding: chunked'],
    'zz\r\n{}\r\n0\r\n\r\n',
  ],
}

for (const [name, [line, fields, body]] of Object.entries(ambiguous)) {
  test(`a request with ${name} gets 400 and ends the connection`, async () => {
    const before = ok(await client.list()).totalCount
    const connection = await RawConnection.open(server.url)
    connection.write(Buffer.from(requestOf(line, fields, body), 'latin1'))
    const answer = readAnswer(await connection.closed())
    assert.equal(answer.status, 400)
    assert.equal(answer.headers.get('connection'), 'close')
    const { error } = JSON.parse(answer.body)
    assert.ok(error.message)
    assert.equal(ok(await client.list()).totalCount, before)
  })
}

test('a method that nobody serves is refused in the form of the dialect whose path it is', async () => {
  const forms: Readonly<
    Record<string, (body: Record<string, { type?: string; message?: string }>) => unknown>
  > = {
    '/v1/files': ({ error }) => typeof error?.message === 'string',
    '/lightfield/v1/files': ({ error }) => error?.type === 'bad_request',
    '/llamacloud/api/v1/files': ({ detail }) => typeof detail === 'string',
    '/files/v1/files': ({ message, details }) => typeof message === 'string' && Array.isArray(details),
    '/healthz': ({ error }) => error?.type === 'bad_request',
  }
  const before = `GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n`
  for (const [path, isForm] of Object.entries(forms))
    for (const method of ['FOO', 'CONNECT'])
      for (const behind of ['', before]) {
        const connection = await RawConnection.open(server.url)
        connection.write(`${behind}${method} ${path}?a=b HTTP/1.1\r\nhost: a\r\n\r\n`)
        const received = await connection.closed()
        const { status, headers, body } = readAnswer(received.slice(received.lastIndexOf('HTTP/1.1 ')))
        assert.equal(status, 400)
        assert.ok(headers.get('x-request-id'))
        assert.ok(isForm(JSON.parse(body)), `${method} ${path}: ${body}`)
      }
})

test('a client that sends all of a body that is refused before it looks for the answer gets it', async () => {
  const size = 20 * 1024 * 1024
  const body = Buffer.alloc(size, 'x')
  const form = 'content-type: multipart/form-data; boundary=b'
  const requests = [
    ['POST /api/v1/beta/files/query', json, 413],
    ['PUT /api/v1/files', json, 413],
    ['PUT /api/v1/files', 'content-type: text/plain', 415],
    ['POST /api/v1/files', form, 400],
    [`POST ${PATH}`, json, 400],
    ['POST /api/v1/none', json, 404],
  ] as const
  for (const [line, type, status] of requests) {
    const connection = await RawConnection.open(server.url)
    connection.pause()
    connection.write(requestOf(`${line} HTTP/1.1`, ['host: a', type, `content-length: ${size}`]))
    connection.write(body)
    await until(10_000, async () => connection.unsentBytes === 0 || connection.isClosed)
    connection.resume()
    const answer = readAnswer(await connection.until(/\r\n\r\n[\s\S]*\}/))
    connection.end()
    assert.equal(answer.status, status, line)
  }
})

test('every line may not end in a bare line feed', async () => {
  const text = requestOf(`GET ${PATH} HTTP/1.1`, ['host: a']).replaceAll('\r\n', '\n')
  assert.equal((await sendRaw(server.url, text)).status, 400)
})

test('bytes that are no HTTP get 400', async () => {
  for (const text of [
    '\x16\x03\x01\x02\x00\x01\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '{"jsonrpc":"2.0"}\r\n',
  ])
    assert.equal((await sendRaw(server.url, text)).status, 400)
})

test('the head of a request may have 64 KiB and 900 headers; a larger one gets 431', async () => {
  const large = (bytes: number) => send(`GET ${PATH} HTTP/1.1`, ['host: a', `x: ${'y'.repeat(bytes)}`])
  const long = (bytes: number) => send(`GET ${PATH}?${'x'.repeat(bytes)} HTTP/1.1`, ['host: a'])
  const many = (count: number) =>
    send(`GET ${PATH} HTTP/1.1`, ['host: a', ...Array.from({ length: count }, (_, i) => `h${i}: 1`)])
  for (const answer of await Promise.all([large(65_000), long(65_000), many(900)]))
    assert.equal(answer.status, 200)
  for (const answer of await Promise.all([large(66_000), long(66_000), many(1_000)])) {
    assert.equal(answer.status, 431)
    assert.ok(JSON.parse(answer.body).error.message)
  }
})

test('extensions of a chunk without end get 413', async () => {
  const body = `2;${'a'.repeat(70_000)}\r\n{}\r\n0\r\n\r\n`
  assert.equal(
    (await send(`POST ${PATH} HTTP/1.1`, ['host: a', json, 'transfer-encoding: chunked'], body)).status,
    413,
  )
})

test('a client of HTTP/1.0 is served, and never sent an interim answer', async () => {
  assert.equal((await send(`GET ${PATH} HTTP/1.0`, [])).status, 200)
  const fields = ['expect: 100-continue', json, `content-length: ${BODY.length}`]
  assert.equal((await send(`POST ${PATH} HTTP/1.0`, fields, BODY)).status, 200)
})

/** Paths that look like another path to one who decodes or folds them. */
const oddPaths = [
  '//lightfield/v1/files',
  '/lightfield//v1/files',
  '/lightfield/v1//files',
  '/lightfield/v1/../v1/files',
  '/lightfield/./v1/files',
  '/lightfield/v1/%2e%2e/v1/files',
  '/lightfield%2fv1%2ffiles',
  '/LIGHTFIELD/v1/files',
  '/lightfield/v1/files;a=b',
  '/lightfield/v1/files%00',
  '/lightfield/v1/files%0d%0ax:%20y',
  '/lightfield/v1/files/%zz',
  '/lightfield/v1/files/%',
  '/lightfield/v1/files/%ff%fe',
  '/lightfield/v1/files/%c0%ae%c0%ae',
  '/lightfield/v1/files/a%2fcomplete',
  '/v1/files/%zz',
  '/%',
  '/transfer/%zz',
  '/__proto__',
  '/constructor/prototype',
]

for (const path of oddPaths) {
  test(`the path ${path} leads nowhere`, async () => {
    const { status, headers, body } = await send(`GET ${path} HTTP/1.1`, ['host: a'])
    assert.ok(status === 404 || status === 400 || status === 403, `${status}`)
    assert.match(headers.get('content-type') ?? '', /^application\/json/)
    assert.match(headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/)
    assert.match(body, /"error":\{"/)
  })
}

test('no method of any name leads to a fault', async () => {
  const { port } = new URL(server.url)
  for (const method of METHODS.filter((each) => each !== 'CONNECT')) {
    for (const path of [PATH, '/v1/files', '/transfer/x', '/nothing', '/lightfield/nothing', '/']) {
      const status = await new Promise<number>((resolve, reject) => {
        request({ port, method, path }, (response) => {
          response.resume()
          resolve(response.statusCode ?? 0)
        })
          .on('error', reject)
          .end()
      })
      const isToldAbilities = method === 'OPTIONS' && path === '/transfer/x'
      const isFrontPage = path === '/' && ['GET', 'HEAD'].includes(method)
      assert.ok(
        isToldAbilities || isFrontPage ? status < 300 : status >= 400 && status < 500,
        `${method} ${path}: ${status}`,
      )
    }
  }
})

test('a method in a header overrides nothing', async () => {
  const { id } = await client.pending()
  const fields = ['host: a', 'x-http-method-override: GET', 'content-length: 0']
  assert.equal((await send(`POST ${PATH}/${id} HTTP/1.1`, fields)).status, 405)
})

/** Content types that look like JSON to a lenient reader, and what becomes of a body that is no good create. */
const typeTricks: readonly (readonly [string, 400 | 415])[] = [
  ['content-type:   application/json', 400],
  ['content-type: application/json;', 400],
  ['content-type: APPLICATION/JSON; charset=utf-8', 400],
  ['content-type: application/json\tgarbage', 415],
  ['content-type: application/json garbage', 415],
  ['content-type: application/json, text/plain', 415],
  ['content-type: text/plain\r\ncontent-type: application/json', 415],
  ['content-type: application/json\r\ncontent-type: text/plain', 400],
  ['content-type: \tapplication/jsonp', 415],
  ['content-type: application/x-json', 415],
]

for (const [field, status] of typeTricks) {
  test(`a body under ${JSON.stringify(field)} is validated or refused, never let through`, async () => {
    const answer = await send(
      `POST ${PATH} HTTP/1.1`,
      ['host: a', field, 'content-length: 14'],
      '{"sizeBytes":0',
    )
    assert.equal(answer.status, status)
  })
}

test('a body that names the prototype of objects changes none', async () => {
  const bodies = [
    '{"__proto__":{"polluted":1}}',
    '{"constructor":{"prototype":{"polluted":1}}}',
    '{"a":{"__proto__":{}}}',
  ]
  for (const body of bodies) {
    const answer = await client.send('POST', '/v1/files', body, { 'content-type': 'application/json' })
    assert.equal(answer.status, 400)
  }
  assert.equal((await client.list('?__proto__[polluted]=1&constructor.prototype.polluted=1')).status, 200)
  assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false)
})

test('an unknown address is told before anything about the body is', async () => {
  for (const type of ['text/plain', 'garbage', 'application/json']) {
    const answer = await client.send('POST', '/v1/nothing', '{', {
      'content-type': type,
      'content-encoding': 'gzip',
    })
    assert.equal(answer.status, 404)
  }
})

test('a large body that is refused at once can still read why', async () => {
  const body = Buffer.alloc(4 * 1024 * 1024, ' ')
  for (const [headers, status] of [
    [{ authorization: undefined }, 401],
    [{ 'content-type': 'application/json' }, 400],
    [{ 'content-type': 'text/plain' }, 415],
  ] as const) {
    for (let i = 0; i < 3; i++)
      assert.equal((await client.send('POST', '/v1/files', body, headers)).status, status)
  }
})

test('requests in one go on one connection are answered in order', async () => {
  const { id } = await client.pending()
  const connection = await RawConnection.open(server.url)
  const get = (path: string) => requestOf(`GET ${path} HTTP/1.1`, ['host: a'])
  connection.write(get(`${PATH}/${id}`) + get(`${PATH}/unknown`) + get(`${PATH}?limit=1`))
  const received = await connection.until(/totalCount":\d+\}$/)
  assert.deepEqual(received.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 200'])
  connection.end()
})

test('garbage after a request does not get into its answer', async () => {
  const { id } = await client.stored(Buffer.alloc(2_000_000, 'x'))
  const { pathname } = new URL(await client.link(id))
  const connection = await RawConnection.open(server.url)
  connection.write(`GET ${pathname} HTTP/1.1\r\nhost: a\r\n\r\n`)
  await connection.until(/\r\n\r\nx/)
  connection.write('garbage\r\n\r\n')
  const { body } = readAnswer(await connection.closed())
  // What comes after the last byte of the answer is another one.
  assert.equal(body.slice(0, 2_000_000).replaceAll('x', ''), '')
  connection.end()
})

test('every request has an id of its own, whatever id the client sends', async () => {
  const answers = await Promise.all(
    [1, 2].map(() => client.send('GET', '/v1/files', undefined, { 'x-request-id': 'mine' })),
  )
  const ids = answers.map(({ headers }) => headers.get('x-request-id'))
  assert.equal(new Set(ids).size, 2)
  assert.ok(!ids.includes('mine'))
})
