import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { RawConnection } from '../../test/raw-http.ts'
import { FairBudget } from '../core/limits/fair-budget.ts'
import { toPlainErrorAnswer } from './errors.ts'
import { acceptJsonBodies } from './json-body.ts'
import { createHttpServer, defaultServerLimits } from './server.ts'

const MAX_MS = 200

/** Bodies that begin, or say that they will, and never end. */
const trickles: Record<string, string> = {
  'a JSON body with a length': 'content-type: application/json\r\ncontent-length: 100\r\n\r\n{"a":',
  'a JSON body in chunks': 'content-type: Application/JSON\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n',
  'a body of no type that may turn out to be empty': 'transfer-encoding: chunked\r\n\r\n',
}

/** A server that sends each JSON body back as it was understood. */
async function startEcho(
  t: TestContext,
  { jsonBytes = defaultServerLimits.jsonBytes, delayMs = 0, memory = new FairBudget(1024 ** 3) } = {},
): Promise<string> {
  const server = createHttpServer({
    limits: { ...defaultServerLimits, jsonBytes },
    memory,
    logger: pino({ level: 'silent' }),
    stopping: { endsConnections: false },
    dialectOf: () => '',
    toErrorAnswer: toPlainErrorAnswer,
  })
  t.after(() => server.close())
  server.setErrorHandler((error, _request, reply) => reply.code(400).send(String(error)))
  if (delayMs > 0) server.addHook('onRequest', () => delay(delayMs))
  acceptJsonBodies(server, MAX_MS)
  server.post('/', { config: { access: 'public' } }, async ({ body }) => body)
  return server.listen({ port: 0, host: '127.0.0.1' })
}

for (const [name, rest] of Object.entries(trickles)) {
  test(`${name} that does not end in time ends the connection, and others are served`, async (t) => {
    const url = await startEcho(t)
    const connection = await RawConnection.open(url)
    connection.write(`POST / HTTP/1.1\r\nhost: a\r\n${rest}`)
    assert.equal(await connection.closed(), '')
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(url, { method: 'POST', body: '{"a":1}', headers })
    assert.deepEqual(await response.json(), { a: 1 })
  })
}

test('a body of any size that is there before it is asked for is understood whole', async (t) => {
  const url = await startEcho(t, { delayMs: 20 })
  for (const size of [1, 1000, 16_384, 65_500, 65_536, 70_000, 131_072, 1_000_000]) {
    const text = `${'x'.repeat(size)}é`
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(url, { method: 'POST', body: JSON.stringify({ text }), headers })
    assert.deepEqual(await response.json(), { text }, `${size} characters`)
  }
})

test('a body that comes in pieces is refused where there is no memory for them, and gives back what it held', async (t) => {
  const memory = new FairBudget(8 * 64 * 1024)
  const url = await startEcho(t, { memory })
  const headers = { 'content-type': 'application/json' }
  const send = (characters: number) =>
    fetch(url, { method: 'POST', body: JSON.stringify({ text: 'x'.repeat(characters) }), headers })
  assert.match(await (await send(700_000)).text(), /hold too much memory/)
  assert.equal(memory.usedBytes, 0)
  assert.equal((await send(100_000)).status, 200)
  assert.equal(memory.usedBytes, 0)
})

const BODY = '{"name":"naïve 📁"}'
const HEAD = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n'
const WITH_LENGTH = `${HEAD}content-length: ${Buffer.byteLength(BODY)}\r\n\r\n${BODY}`
const IN_CHUNKS = `${HEAD}transfer-encoding: chunked\r\n\r\n2\r\n{"\r\n${(Buffer.byteLength(BODY) - 2).toString(16)}\r\n${BODY.slice(2)}\r\n0\r\n\r\n`
const ANSWERED = new RegExp(Buffer.from(BODY).toString('latin1'))

for (const [name, request] of Object.entries({ 'a length': WITH_LENGTH, chunks: IN_CHUNKS })) {
  test(`a body with ${name} is understood in whatever pieces it comes, one request after the other`, async (t) => {
    const url = await startEcho(t)
    const bytes = Buffer.from(request)
    for (const size of [bytes.length, bytes.length - 1, bytes.length - Buffer.byteLength(BODY), 7, 1]) {
      const connection = await RawConnection.open(url)
      for (let at = 0; at < bytes.length; at += size) {
        connection.write(bytes.subarray(at, at + size))
        await new Promise(setImmediate)
      }
      await connection.until(ANSWERED)
      connection.write(Buffer.concat([bytes, bytes, bytes]))
      await connection.until(new RegExp(`(${ANSWERED.source}[^]*){4}`))
      assert.equal(connection.received.match(/HTTP\/1\.1 200 OK/g)?.length, 4, `pieces of ${size}`)
      connection.end()
    }
  })

  test(`a body with ${name} may be as large as the limit and no larger`, async (t) => {
    const bytes = Buffer.byteLength(BODY)
    for (const [limit, expected] of [
      [bytes, ANSWERED],
      [bytes - 1, new RegExp(`The body exceeds the maximum of ${bytes - 1} bytes`)],
    ] as const) {
      const connection = await RawConnection.open(await startEcho(t, { jsonBytes: limit }))
      connection.write(request)
      assert.match(await connection.until(expected), expected)
      connection.end()
    }
  })

  test(`a body with ${name} that breaks off does not disturb the next`, async (t) => {
    const url = await startEcho(t)
    const broken = await RawConnection.open(url)
    broken.write(request.slice(0, -8))
    broken.reset()
    const connection = await RawConnection.open(url)
    connection.write(request)
    await connection.until(ANSWERED)
    connection.end()
  })
}
