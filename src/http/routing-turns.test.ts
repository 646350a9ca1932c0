import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { RawConnection } from '../../test/raw-http.ts'
import { until } from '../../test/until.ts'
import { FairBudget } from '../core/limits/fair-budget.ts'
import { toPlainErrorAnswer } from './errors.ts'
import { createHttpServer, defaultServerLimits, type ServerLimits } from './server.ts'

const MIB = 1024 * 1024
const PATIENCE_MS = 10_000

/** A server that tells which requests were routed, and how many of them at a time. */
async function serve(t: TestContext, limits: Partial<ServerLimits> = {}) {
  const server = createHttpServer({
    limits: { ...defaultServerLimits, ...limits },
    memory: new FairBudget(1024 ** 3),
    logger: pino({ level: 'silent' }),
    dialectOf: () => '',
    stopping: { endsConnections: false },
    toErrorAnswer: toPlainErrorAnswer,
  })
  t.after(() => {
    server.server.closeAllConnections()
    return server.close()
  })
  const routed: string[] = []
  let running = 0
  let mostAtOnce = 0
  server.addHook('onRequest', async ({ url }) => {
    routed.push(url)
    mostAtOnce = Math.max(mostAtOnce, ++running)
    await new Promise(setImmediate)
  })
  server.addHook('onResponse', async () => void running--)
  server.get('/*', { config: { access: 'public' } }, async ({ url }) =>
    url.slice(1).padEnd(url === '/big' ? 8 * MIB : 1, '.'),
  )
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  server.post('/*', { config: { access: 'public' }, bodyLimit: 2 * MIB }, async ({ body }) =>
    String((body as Buffer).length),
  )
  const url = await server.listen({ port: 0, host: '127.0.0.1' })
  return { url, routed, mostAtOnce: () => mostAtOnce }
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`
const post = (body: string) =>
  `POST / HTTP/1.1\r\nhost: a\r\ncontent-type: x/y\r\ncontent-length: ${body.length}\r\n\r\n${body}`

/** The bodies of all answers in a text, in order. */
function bodiesOf(received: string): string[] {
  return [...received.matchAll(/\r\n\r\n([^\r]*?)(?=HTTP\/1\.1|$)/g)].map(([, body = '']) => body)
}

test('requests that come in one go are run one after the other, and answered in order', async (t) => {
  const { url, mostAtOnce } = await serve(t)
  const connection = await RawConnection.open(url)
  const paths = Array.from({ length: 3_000 }, (_, index) => `/${index}`)
  connection.write(paths.map(get).join(''))
  assert.deepEqual(
    bodiesOf(await connection.until(/\r\n2999$/)),
    paths.map((path) => path.slice(1)),
  )
  assert.equal(mostAtOnce(), 1)
  connection.end()
})

test('a connection that reads no answer has one request run, and is not read on', async (t) => {
  const { url, routed } = await serve(t)
  const idle = await RawConnection.open(url)
  idle.pause()
  // More than what both systems take in between.
  idle.write(get('/big').repeat(500_000))
  const other = await RawConnection.open(url)
  for (let turn = 0; turn < 20; turn++) {
    other.write(get(`/${turn}`))
    await other.until(new RegExp(`\r\n\r\n${turn}$`))
  }
  assert.equal(routed.filter((path) => path === '/big').length, 1)
  assert.ok(idle.unsentBytes > 0)
  other.end()
  idle.end()
})

test('bodies in front of and behind waiting requests arrive whole', async (t) => {
  const { url } = await serve(t)
  const connection = await RawConnection.open(url)
  const many = Array.from({ length: 40 }, () => get('/x')).join('')
  connection.write(post('a'.repeat(MIB)) + many + post('b'.repeat(MIB + 1)) + many + post('last'))
  const bodies = bodiesOf(await connection.until(/\r\n\r\n4$/))
  assert.deepEqual(
    bodies.filter((body) => body !== 'x'),
    [`${MIB}`, `${MIB + 1}`, '4'],
  )
  assert.equal(bodies.length, 83)
  connection.end()
})

test('a request that waits is told to continue in its turn', async (t) => {
  const { url } = await serve(t)
  const connection = await RawConnection.open(url)
  const head = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-type: x/y\r\nexpect: 100-continue\r\n'
  connection.write(`${get('/first')}${head}content-length: 5\r\n\r\n`)
  await connection.until(/first[\s\S]+100 Continue\r\n\r\n$/)
  connection.write('hello')
  assert.match(await connection.until(/\r\n\r\n5$/), /^HTTP\/1.1 200[\s\S]+first/)
  connection.end()
})

test('a client that has closed its half gets all answers, and then the end', async (t) => {
  const { url } = await serve(t)
  const connection = await RawConnection.open(url)
  connection.finish(get('/a') + get('/b') + get('/c'))
  assert.deepEqual(bodiesOf(await connection.closed()), ['a', 'b', 'c'])
})

test('requests that wait on a connection that ends are never run', async (t) => {
  const { url, routed } = await serve(t)
  const connection = await RawConnection.open(url)
  connection.pause()
  connection.write(get('/big') + get('/b'))
  await until(PATIENCE_MS, () => routed.length === 1)
  connection.reset()
  const other = await RawConnection.open(url)
  other.write(get('/c'))
  await other.until(/c/)
  assert.deepEqual(routed, ['/big', '/c'])
  other.end()
})

test('beyond what may wait in all, whoever has filled a connection loses it, and nobody else', async (t) => {
  const turns = { waitingPerConnection: 3, waitingInAll: 20 }
  const { url, routed } = await serve(t, { turns })
  const open = async (behind: number) => {
    const connection = await RawConnection.open(url)
    connection.pause()
    const before = routed.length
    connection.write(get('/big') + get('/x').repeat(behind))
    await until(PATIENCE_MS, () => routed.length > before)
    return connection
  }
  const [first, polite, greedy] = [await open(19), await open(2), await open(19)]
  greedy.resume()
  // Part of its first answer, at most.
  assert.ok((await greedy.closed()).length < 8 * MIB)
  const readsAll = async (connection: RawConnection, answers: number) => {
    connection.resume()
    await until(PATIENCE_MS, () => connection.received.split('200 OK').length > answers)
    assert.equal(connection.received.split('200 OK').length, answers + 1)
    connection.end()
  }
  await readsAll(polite, 3)
  await readsAll(first, 20)
  await readsAll(await open(19), 20)
})

test('a large head takes as much of what may wait as many small ones', async (t) => {
  const turns = { waitingPerConnection: 3, waitingInAll: 20 }
  const { url, routed } = await serve(t, { turns })
  const open = async (behind: string) => {
    const connection = await RawConnection.open(url)
    t.after(() => connection.end())
    connection.pause()
    const before = routed.length
    connection.write(get('/big') + behind)
    await until(PATIENCE_MS, () => routed.length > before)
    return connection
  }
  const large = get('/x').replace('host', `x: ${'x'.repeat(60 * 1024)}\r\nhost`)
  for (let filled = 0; filled < 5; filled++) await open(large)
  await open(get('/x').repeat(2))
  const greedy = await open(large)
  greedy.resume()
  assert.ok((await greedy.closed()).length < 8 * MIB)
})

const statusesOf = (received: string) =>
  [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)
const upgrade = (path: string, to: string) =>
  `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: ${to}\r\n\r\n`

for (const to of ['websocket', 'h2c']) {
  test(`a wish to upgrade to ${to} is ignored, and what comes with it is answered in order`, async (t) => {
    const { url } = await serve(t)
    const connection = await RawConnection.open(url)
    connection.write(get('/a') + upgrade('/b', to) + upgrade('/c', to) + get('/d') + get('/e').slice(0, 9))
    await connection.until(/\r\n\r\nd$/)
    connection.write(get('/e').slice(9))
    assert.deepEqual(bodiesOf(await connection.until(/\r\n\r\ne$/)), ['a', 'b', 'c', 'd', 'e'])
    connection.end()
  })
}

test('a request with a body that wishes to upgrade is answered, and ends the connection', async (t) => {
  const { url } = await serve(t)
  const connection = await RawConnection.open(url)
  connection.write(post('hello').replace('host', 'connection: upgrade\r\nupgrade: h2c\r\nhost') + get('/b'))
  const received = await connection.closed()
  assert.match(received, /connection: close/i)
  assert.deepEqual(bodiesOf(received), ['5'])
})

const brokenChunk =
  'POST / HTTP/1.1\r\nhost: a\r\ncontent-type: x/y\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'

test('broken bytes behind requests are answered after them, and end the connection', async (t) => {
  const { url } = await serve(t)
  for (const broken of [
    'GARBAGE\r\n\r\n',
    'CONNECT x:1 HTTP/1.1\r\nhost: x:1\r\n\r\n',
    '\0'.repeat(100),
    brokenChunk,
  ]) {
    const connection = await RawConnection.open(url)
    connection.write(post('hello') + get('/b') + broken)
    assert.deepEqual(statusesOf(await connection.closed()), ['200', '200', '400'])
  }
})

test('what comes behind the last request of a connection is ignored', async (t) => {
  const { url } = await serve(t)
  const last = get('/big').replace('host', 'connection: close\r\nhost')
  for (const text of [`${last}x`, last + get('/b'), get('/big').replace('1.1', '1.0').repeat(3)]) {
    const connection = await RawConnection.open(url)
    connection.write(text)
    const received = await connection.closed()
    assert.deepEqual(statusesOf(received), ['200'])
    assert.ok(received.length > 8 * MIB)
  }
})
