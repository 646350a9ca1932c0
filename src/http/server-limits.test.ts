import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { RawConnection, readAnswer } from '../../test/raw-http.ts'
import { FairBudget } from '../core/limits/fair-budget.ts'
import { toPlainErrorAnswer } from './errors.ts'
import { createHttpServer, defaultServerLimits, type ServerLimits } from './server.ts'

const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'

/** A server of one public route with these limits. @returns its URL */
async function serve(t: TestContext, limits: Partial<ServerLimits>): Promise<string> {
  const server = createServer(limits)
  t.after(() => server.close())
  server.post('/', { config: { access: 'public' } }, async () => 'taken')
  server.get('/', { config: { access: 'public' } }, async () => 'served')
  return server.listen({ port: 0, host: '127.0.0.1' })
}

function createServer(limits: Partial<ServerLimits>) {
  return createHttpServer({
    limits: { ...defaultServerLimits, ...limits },
    memory: new FairBudget(1024 ** 3),
    logger: pino({ level: 'silent' }),
    stopping: { endsConnections: false },
    dialectOf: () => '',
    toErrorAnswer: toPlainErrorAnswer,
  })
}

test('a request whose headers do not end in time gets 408, and its connection ends', async (t) => {
  const connection = await RawConnection.open(await serve(t, { headersMs: 100 }))
  connection.write('GET / HTTP/1.1\r\nhost: a\r\nx: ')
  const answer = readAnswer(await connection.closed())
  assert.equal(answer.status, 408)
  assert.equal(JSON.parse(answer.body).error.message, 'The request took too long to arrive.')
})

test('a request whose body does not end in time gets 408, and its connection ends', async (t) => {
  const connection = await RawConnection.open(await serve(t, { headersMs: 100, requestMs: 300 }))
  connection.write(
    'POST / HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\ncontent-length: 10\r\n\r\nhello',
  )
  assert.equal(readAnswer(await connection.closed()).status, 408)
})

test('a connection is kept for the next request, and ends when none comes', async (t) => {
  const connection = await RawConnection.open(await serve(t, { keepAliveMs: 200 }))
  connection.write(GET)
  await connection.until(/served$/)
  connection.write(GET)
  await connection.until(/served[\s\S]+served$/)
  assert.equal((await connection.closed()).match(/HTTP\/1\.1 200/g)?.length, 2)
})

test('no more connections are taken than the limit, until one ends', async (t) => {
  const url = await serve(t, { maxConnections: 2 })
  const [first, second] = [await RawConnection.open(url), await RawConnection.open(url)]
  for (const each of [first, second]) {
    each.write(GET)
    await each.until(/served$/)
  }
  const third = await RawConnection.open(url)
  third.write(GET)
  assert.equal(await third.closed(), '')
  first.end()
  assert.match(await servedAtLast(url), / 200 OK/)
  second.end()
})

const LARGE = GET.replace('host', `x: ${'x'.repeat(60 * 1024)}\r\nhost`)
const heads = { maxBytes: 64 * 1024, crowdedBytes: 16 * 1024, roomyConnections: 2 }

/** Sends a large head; the connection ends unless it is served. @returns the answer that came to it */
async function sendLarge(connection: RawConnection) {
  const before = connection.received.length
  connection.write(LARGE)
  await connection.until(new RegExp(`^[\\s\\S]{${before}}HTTP[\\s\\S]+(?:served|\\})$`))
  return readAnswer(connection.received.slice(before))
}

async function openUsed(url: string): Promise<RawConnection> {
  const connection = await RawConnection.open(url)
  connection.write(GET)
  await connection.until(/served$/)
  return connection
}

test('a thousand idle connections do not make the heads of others smaller', async (t) => {
  const url = await serve(t, {})
  const idle = await Promise.all(Array.from({ length: 1_100 }, () => RawConnection.open(url)))
  t.after(() => {
    for (const each of idle) each.end()
  })
  assert.equal((await sendLarge(await openUsed(url))).status, 200)
})

test('a head that is too large in a crowd of idle connections is told to come back, and is taken then', async (t) => {
  const url = await serve(t, { heads })
  const [first, second] = [await openUsed(url), await openUsed(url)]
  const refused = await sendLarge(await openUsed(url))
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '1'])
  assert.match(JSON.parse(refused.body).error.message, /A new connection may have it/)
  assert.equal((await sendLarge(await openUsed(url))).status, 200)
  for (const each of [first, second]) await each.closed()
})

test('connections that are within a request do not make room for the heads of others', async (t) => {
  const url = await serve(t, { heads })
  const [first, second] = [await openUsed(url), await openUsed(url)]
  for (const each of [first, second]) each.write(LARGE.slice(0, -2))
  for (let attempt = 0; attempt < 2; attempt++)
    assert.equal((await sendLarge(await openUsed(url))).status, 503)
  for (const each of [first, second]) {
    each.write('\r\n')
    await each.until(/served[\s\S]+served$/)
    each.end()
  }
})

test('a head that is larger than any may be is told the limit', async (t) => {
  const connection = await RawConnection.open(await serve(t, { heads }))
  connection.write(LARGE.replace('host: a', `host: a\r\ny: ${'y'.repeat(60 * 1024)}`))
  const { status, body } = readAnswer(await connection.closed())
  assert.equal(status, 431)
  assert.match(JSON.parse(body).error.message, /may have 65536 bytes together/)
})

/** The server learns of a connection's end a moment after its client. */
async function servedAtLast(url: string): Promise<string> {
  for (;;) {
    const connection = await RawConnection.open(url)
    connection.write(GET)
    const received = await connection.until(/served$/)
    connection.end()
    if (received !== '') return received
  }
}

test('a body of more than the limit is refused', async (t) => {
  const url = await serve(t, { jsonBytes: 10 })
  const post = async (body: string) => {
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    })
    await response.text()
    return response.status
  }
  assert.equal(await post('"12345678"'), 200)
  assert.equal(await post('"123456789"'), 413)
})

test('a route that says nothing of who may call it stops the start', async (t) => {
  const server = createServer({})
  t.after(() => server.close())
  server.get('/silent', async () => 'oh')
  await assert.rejects(server.listen({ port: 0 }), /routes that declare no access: GET \/silent/)
})

test('every time and number of a server has a limit', () => {
  const { requestMs, headersMs, keepAliveMs, maxConnections, jsonBytes } = defaultServerLimits
  const server = createServer({}).server
  assert.deepEqual(
    [server.requestTimeout, server.headersTimeout, server.keepAliveTimeout, server.maxConnections],
    [requestMs, headersMs, keepAliveMs, maxConnections],
  )
  for (const limit of [requestMs, headersMs, keepAliveMs, maxConnections, jsonBytes]) assert.ok(limit > 0)
})
