import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  constants,
  type OutgoingHttpHeaders,
} from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { until } from '../../test/until.ts'
import { callRaw, connect, ECHO, type EchoServer, SLEEP, startEcho } from './server.harness.ts'
import { grpcCodes } from './status.ts'

let echo: EchoServer
let session: ClientHttp2Session

before(async () => {
  echo = await startEcho({ minRateWindowSeconds: 0.2, maxConcurrentStreams: 20, idleMs: 60_000 })
  session = openSession()
})
after(async () => {
  session.destroy()
  await echo.server.stop(1000)
})

function openSession(): ClientHttp2Session {
  const opened = connectHttp2(`http://${echo.server.address}`)
  opened.on('error', () => undefined)
  return opened
}

function framed(message: Uint8Array, flag = 0, length = message.byteLength): Buffer {
  const prefix = Buffer.alloc(5)
  prefix[0] = flag
  prefix.writeUInt32BE(length, 1)
  return Buffer.concat([prefix, message])
}

interface RawAnswer {
  readonly headers: Record<string, unknown>
  readonly trailers: Record<string, unknown>
  readonly reset: number
}

/** Sends these bytes as the body of a call; without `end` the stream stays open. */
async function send(body: Buffer, headers: OutgoingHttpHeaders = {}, end = true): Promise<RawAnswer> {
  const stream = session.request({
    ':method': 'POST',
    ':path': ECHO,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  })
  const found: { headers: Record<string, unknown>; trailers: Record<string, unknown> } = {
    headers: {},
    trailers: {},
  }
  stream.on('response', (received) => {
    found.headers = received
  })
  stream.on('trailers', (received) => {
    found.trailers = received
  })
  stream.on('error', () => undefined)
  stream.resume()
  stream.write(body)
  if (end) stream.end()
  await new Promise((resolve) => stream.once('close', resolve))
  return { ...found, reset: stream.rstCode ?? 0 }
}

function codeOf({ headers, trailers }: RawAnswer): number {
  return Number(trailers['grpc-status'] ?? headers['grpc-status'])
}

const PATIENCE_MS = 10_000

/** Who has just abused many connections may have new ones refused for a while. */
async function assertAlive(): Promise<void> {
  const isServed = async () => {
    const client = connect(echo.server)
    const { answer } = await callRaw(client, ECHO, Buffer.from('alive'))
    client.close()
    return answer?.toString() === 'alive'
  }
  assert.ok(await until(PATIENCE_MS, isServed))
  assert.equal(echo.memory.usedBytes, 0)
}

test('a whole message is answered', async () => {
  assert.equal(codeOf(await send(framed(Buffer.from('a')))), grpcCodes.OK)
})

test('a small gzip that inflates is refused as it stands', async () => {
  const bomb = gzipSync(Buffer.alloc(50_000_000))
  const answer = await send(framed(bomb, 1), { 'grpc-encoding': 'gzip' })
  assert.equal(codeOf(answer), grpcCodes.UNIMPLEMENTED)
  await assertAlive()
})

test('a length that lies is refused by the length alone', async () => {
  const answer = await send(framed(Buffer.from('a'), 0, 0xffff_ffff), {}, false)
  assert.equal(codeOf(answer), grpcCodes.INVALID_ARGUMENT)
  await assertAlive()
})

test('two messages in one call are refused', async () => {
  const answer = await send(Buffer.concat([framed(Buffer.from('a')), framed(Buffer.from('b'))]))
  assert.equal(codeOf(answer), grpcCodes.INVALID_ARGUMENT)
  await assertAlive()
})

test('no message, and half of one, are errors', async () => {
  for (const body of [Buffer.alloc(0), framed(Buffer.from('abc')).subarray(0, 6), Buffer.from([0])]) {
    assert.notEqual(codeOf(await send(body)), grpcCodes.OK)
  }
  await assertAlive()
})

test('a message that crawls is cut off, and its room given back', async () => {
  const answer = await send(framed(Buffer.from('a'), 0, 1_000_000), {}, false)
  assert.equal(codeOf(answer), grpcCodes.DEADLINE_EXCEEDED)
  await assertAlive()
})

test('a message that never begins is cut off too', async () => {
  const answer = await send(Buffer.alloc(0), {}, false)
  assert.equal(codeOf(answer), grpcCodes.DEADLINE_EXCEEDED)
})

test('an answer that its caller lets no window for ends its call, and no other', async () => {
  const opened = connectHttp2(`http://${echo.server.address}`, { settings: { initialWindowSize: 0 } })
  const stream = opened.request({ ':method': 'POST', ':path': ECHO, 'content-type': 'application/grpc' })
  stream.on('error', () => undefined).end(framed(Buffer.alloc(100)))
  await once(stream, 'close')
  assert.equal(stream.rstCode, constants.NGHTTP2_CANCEL)
  opened.destroy()
  await assertAlive()
})

test('odd paths, methods, types, timeouts and metadata harm nobody', async () => {
  const odd: OutgoingHttpHeaders[] = [
    { ':path': '/' },
    { ':path': '/%00%ff' },
    { ':path': `/${'x'.repeat(8000)}` },
    { ':path': '/\u00e9\u00ff' },
    { ':path': '__proto__' },
    { ':method': 'GET' },
    { 'content-type': 'text/html' },
    { 'grpc-timeout': 'soon' },
    { 'grpc-timeout': '99999999H' },
    { 'grpc-timeout': '0n' },
    { 'x-client-request-id': 'a\u00e9b' },
    { 'x-data-bin': '!!! not base64 !!!' },
    { 'x-some': ['a', 'b'] },
    { 'grpc-encoding': '\u00ff' },
    { host: '' },
  ]
  for (const headers of odd) {
    const { headers: answered, reset } = await send(framed(Buffer.from('a')), headers)
    assert.ok(answered[':status'] !== undefined || reset !== 0, JSON.stringify(headers))
  }
  await assertAlive()
})

test('a flood of headers ends the stream or the connection, not the server', async () => {
  const many = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`x-${i}`, 'y']))
  await send(framed(Buffer.from('a')), many).catch(() => undefined)
  session.destroy()
  session = openSession()
  await assertAlive()
})

test('more streams than allowed wait or are refused', async () => {
  const answers = await Promise.all(Array.from({ length: 500 }, () => send(framed(Buffer.from('a')))))
  assert.ok(answers.some((answer) => codeOf(answer) === grpcCodes.OK))
  assert.ok(answers.every((answer) => codeOf(answer) === grpcCodes.OK || answer.reset !== 0))
  await assertAlive()
})

test('a thousand streams that are reset at once leave nothing behind', async () => {
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 20; i++) {
      if (session.destroyed) session = openSession()
      const stream = session.request({
        ':method': 'POST',
        ':path': SLEEP,
        'content-type': 'application/grpc',
      })
      stream.on('error', () => undefined)
      stream.close(8)
    }
    await sleep(2)
  }
  session.destroy()
  session = openSession()
  await assertAlive()
})

test('noise instead of HTTP/2 ends its connection alone', async () => {
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
  const frame = (type: number, flags: number, stream: number, payload: Buffer) => {
    const head = Buffer.alloc(9)
    head.writeUIntBE(payload.length, 0, 3)
    head[3] = type
    head[4] = flags
    head.writeUInt32BE(stream, 5)
    return Buffer.concat([head, payload])
  }
  const noises = [
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.alloc(1000, 7),
    Buffer.concat([Buffer.from(preface), Buffer.alloc(100, 0xff)]),
    // HEADERS that mean nothing; DATA on no stream; a CONTINUATION flood.
    Buffer.concat([
      Buffer.from(preface),
      frame(4, 0, 0, Buffer.alloc(0)),
      frame(1, 4, 1, Buffer.from('nonsense')),
    ]),
    Buffer.concat([
      Buffer.from(preface),
      frame(4, 0, 0, Buffer.alloc(0)),
      frame(0, 0, 1, Buffer.from('data')),
    ]),
    Buffer.concat([
      Buffer.from(preface),
      frame(4, 0, 0, Buffer.alloc(0)),
      frame(1, 0, 1, Buffer.from([0x82])),
      ...Array.from({ length: 5000 }, () => frame(9, 0, 1, Buffer.from([0x82]))),
    ]),
    // An empty header block: a stream without a path (GHSA-5375-pq7m-f5r2).
    Buffer.concat([Buffer.from(preface), frame(4, 0, 0, Buffer.alloc(0)), frame(1, 5, 1, Buffer.alloc(0))]),
    // A POST without a path.
    Buffer.concat([
      Buffer.from(preface),
      frame(4, 0, 0, Buffer.alloc(0)),
      frame(1, 5, 1, Buffer.from([0x83])),
    ]),
  ]
  const port = Number(echo.server.address.split(':')[1])
  for (const noise of noises) {
    const socket = connectTcp(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.resume()
    socket.end(noise)
    await Promise.race([once(socket, 'close'), sleep(300)])
    socket.destroy()
  }
  await assertAlive()
})
