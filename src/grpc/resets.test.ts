import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { until } from '../../test/until.ts'
import { HOUR_MS } from '../core/ports/clock.ts'
import type { TlsIdentity } from '../net/listening.ts'
import { createAuthority, signServer } from '../ops/certificates.ts'
import { END_HEADERS, frame, frameTypes, headOf, PREFACE } from './frames.harness.ts'
import { callRaw, connect, ECHO, SLEEP, startEcho } from './server.harness.ts'

const PATIENCE_MS = 10_000
const LIMITS = { resetBurst: 50, resetsPerSecond: 10 }
/** Of connections, each with half the bound or more: surely more than a peer may do on all of them. */
const ROUNDS = 15
/** RFC 9113, 7. */
const CANCEL = 8
const NO_ERROR = 0
/** So many calls, each given up at once. */
function resetCalls(count: number, code: number, path = ECHO): Buffer {
  const reason = Buffer.alloc(4)
  reason.writeUInt32BE(code)
  const calls = Array.from({ length: count }, (_, index) => [
    frame(frameTypes.HEADERS, END_HEADERS, 2 * index + 1, headOf(path)),
    frame(frameTypes.RST_STREAM, 0, 2 * index + 1, reason),
  ])
  return Buffer.concat([PREFACE, ...calls.flat()])
}

async function start(t: TestContext, limits: Partial<typeof LIMITS> = {}, tls?: TlsIdentity) {
  const echo = await startEcho({ ...LIMITS, ...limits }, tls === undefined ? {} : { tls })
  t.after(() => echo.server.stop(0))
  const open = async (): Promise<Socket> => {
    const socket = connectTcp(Number(echo.server.address.split(':')[1]), '127.0.0.1')
    socket.on('error', () => undefined).resume()
    t.after(() => socket.destroy())
    await once(socket, 'connect')
    return socket
  }
  const admitted = () => echo.events.filter((event) => event === 'admit').length
  return { echo, open, admitted }
}

for (const [what, code] of [
  ['as cancelled', CANCEL],
  ['as done', NO_ERROR],
] as const) {
  test(`calls that are given up ${what} before their answer end the connection, beyond a bound`, async (t) => {
    const { open, admitted } = await start(t)
    const socket = await open()
    socket.write(resetCalls(2_000, code))
    await once(socket, 'close')
    assert.ok(admitted() >= LIMITS.resetBurst && admitted() < LIMITS.resetBurst + 10, `${admitted()}`)
  })
}

test('calls of methods that are not there count, too', async (t) => {
  const { open } = await start(t)
  const socket = await open()
  const begin = performance.now()
  // Fewer than HTTP/2 itself minds.
  socket.write(resetCalls(500, CANCEL, '/no/such'))
  await once(socket, 'close')
  assert.ok(performance.now() - begin < PATIENCE_MS)
})

/** Opens connections as fast as it can until the server refuses one. @returns how many it served before */
async function openUntilRefused(open: () => Promise<Socket>, atMost: number): Promise<number> {
  for (let served = 0; served < atMost; served++) {
    const socket = await open()
    socket.write(PREFACE)
    const [event] = await Promise.race([
      once(socket, 'data').then(() => ['data']),
      once(socket, 'close').then(() => ['close']),
    ])
    if (event === 'close') return served
    socket.destroy()
  }
  return atMost
}

for (const [who, resets] of [
  ['had connections ended', 200],
  ['leaves before the bound, again and again,', LIMITS.resetBurst / 2],
] as const) {
  test(`whoever ${who} opens only a few new ones, until that is over`, async (t) => {
    const { echo, open, admitted } = await start(t)
    for (let round = 1; round <= ROUNDS; round++) {
      const socket = await open()
      socket.write(resetCalls(resets, CANCEL))
      if (resets <= LIMITS.resetBurst) await until(PATIENCE_MS, () => admitted() >= round * resets)
      socket.end()
      await once(socket, 'close')
    }
    assert.ok((await openUntilRefused(open, 100)) < 30)
    const client = connect(echo.server)
    t.after(() => client.close())
    const isServed = async () => (await callRaw(client, ECHO, Buffer.from('hello'))).answer !== undefined
    assert.ok(await until(PATIENCE_MS, isServed))
  })
}

test('a server with TLS refuses them, too, before it encrypts anything', async (t) => {
  const validity = { from: Date.now() - HOUR_MS, until: Date.now() + HOUR_MS }
  const authority = await createAuthority('Test authority', validity)
  const { echo, open } = await start(t, {}, await signServer(authority, ['127.0.0.1'], validity))
  const port = Number(echo.server.address.split(':')[1])
  for (let round = 0; round < ROUNDS; round++) {
    const socket = connectTls({ port, host: '127.0.0.1', ca: authority.cert, ALPNProtocols: ['h2'] })
    socket.on('error', () => undefined).resume()
    await once(socket, 'secureConnect')
    socket.write(resetCalls(200, CANCEL))
    await once(socket, 'close')
  }
  let refused = 0
  for (let attempt = 0; attempt < 20; attempt++) {
    const socket = await open()
    await Promise.race([once(socket, 'close').then(() => refused++), delay(20)])
    socket.destroy()
  }
  assert.ok(refused >= 5, `${refused} of 20`)
})

test('a client may give up as many calls as may be open, and goes on', async (t) => {
  const { echo } = await start(t, { resetBurst: 100 })
  const client = connect(echo.server)
  t.after(() => client.close())
  const given = { metadata: { authorization: 'me' }, deadline: Date.now() + 200 }
  const slow = await Promise.all(
    Array.from({ length: 100 }, () => callRaw(client, SLEEP, Buffer.from('5000'), given)),
  )
  assert.ok(slow.every(({ error }) => error !== undefined))
  const begin = performance.now()
  for (let call = 0; call < 120; call++) assert.ok((await callRaw(client, ECHO, Buffer.from('hello'))).answer)
  assert.ok(performance.now() - begin < PATIENCE_MS)
})
