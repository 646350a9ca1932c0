import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../../test/until.ts'
import { cutSlowReaders } from './reader-pace.ts'

const KIB = 1024
const MIB = 1024 * KIB
/** More than systems take for a reader that does not read. */
const BODY = Buffer.alloc(12 * MIB)
const PACE = { minBytesPerSecond: 256 * KIB, minRateWindowSeconds: 0.4 }
/** Nobody is spared for longer than two windows, and the time between two looks. */
const SURELY_CUT_MS = 1_200
const PATIENCE_MS = 10_000

/** Asks a server of that pace for something, and reads nothing yet. */
async function ask(t: TestContext, answer: RequestListener) {
  const server: Server = createServer(answer)
  cutSlowReaders(server, PACE)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.on('error', () => undefined)
  client.pause()
  client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  const [socket] = (await accepted) as [Socket]
  t.after(() => {
    client.destroy()
    server.closeAllConnections()
    server.close()
  })
  return { client, socket }
}

/** @returns how many bytes came */
async function readAt(client: Socket, bytesPerSecond: number, forMs: number): Promise<number> {
  let received = 0
  const begin = performance.now()
  client.on('data', (chunk) => {
    received += chunk.length
    client.pause()
  })
  for (
    let ms = 0;
    ms < forMs && received < BODY.length && !client.destroyed;
    ms = performance.now() - begin
  ) {
    if (received < (bytesPerSecond * ms) / 1000) client.resume()
    await delay(5)
  }
  return received
}

describe('the pace of readers', { concurrency: true }, () => {
  test('an answer that nobody reads is ended', async (t) => {
    const { socket } = await ask(t, (_request, response) => response.end(BODY))
    assert.ok(await until(PATIENCE_MS, () => socket.destroyed))
  })

  test('an answer that is read more slowly than the pace is ended', async (t) => {
    const { client, socket } = await ask(t, (_request, response) => response.end(BODY))
    const reading = readAt(client, 32 * KIB, PATIENCE_MS)
    assert.ok(await until(PATIENCE_MS, () => socket.destroyed))
    client.destroy()
    await reading
  })

  test('an answer that is read faster than the pace is not, though the system takes nothing for long', async (t) => {
    const { client, socket } = await ask(t, (_request, response) => response.end(BODY))
    const received = await readAt(client, 2 * MIB, 2 * SURELY_CUT_MS)
    assert.ok(!socket.destroyed)
    assert.ok(received > 2 * MIB)
  })

  test('time in which there is nothing to read does not count', async (t) => {
    const { client, socket } = await ask(t, async (_request, response) => {
      response.write('begin')
      await delay(SURELY_CUT_MS)
      response.end(BODY)
    })
    await delay(SURELY_CUT_MS)
    assert.ok(!socket.destroyed)
    assert.ok((await readAt(client, 64 * MIB, 5_000)) > BODY.length)
  })
})
