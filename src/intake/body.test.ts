import assert from 'node:assert/strict'
import { createHash, hash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ServiceError } from '../core/errors.ts'
import type { Digests } from '../core/incoming-body.ts'
import { FairBudget, type Holding } from '../core/limits/fair-budget.ts'
import { receiveBody } from './body.ts'
import type { BodyLimits } from './body-source.ts'

const KIB = 1024
const MIB = 1024 * KIB
const SLAB = 256 * KIB
const both = { md5: true }
const noLimits: BodyLimits = {
  maxBytes: 64 * MIB,
  pace: { minBytesPerSecond: 0, minRateWindowSeconds: 10 },
}

interface Received {
  readonly content: string
  readonly digests: Digests
}

/** Consumes a body as a store does, slowly if asked to, and looks at each chunk only until it asks for the next. */
async function receive(
  source: AsyncIterable<Uint8Array>,
  limits = noLimits,
  pauseMs = 0,
  charged?: Holding,
): Promise<Received> {
  const content = createHash('sha256')
  const body = receiveBody(source, limits, both, 'kept', charged)
  for await (const chunk of body) {
    if (pauseMs > 0) await delay(pauseMs)
    content.update(chunk)
  }
  return { content: content.digest('hex'), digests: body.digests() }
}

/** A server whose requests come out as `outcome`, and what a client needs to send one. */
async function startServer(handle: (request: IncomingMessage) => Promise<unknown>) {
  const outcomes: Promise<unknown>[] = []
  const arrived = Promise.withResolvers<void>()
  const server = createServer((incoming, response) => {
    const outcome = handle(incoming)
    outcomes.push(outcome)
    arrived.resolve()
    outcome.then(
      (value) => response.end(JSON.stringify(value)),
      (error) => response.writeHead(400, { connection: 'close' }).end(String(error.code)),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    send: (length?: number) => {
      const headers = length === undefined ? {} : { 'content-length': length }
      return request({ host: '127.0.0.1', port, method: 'PUT', headers }).on('error', () => {})
    },
    outcome: async () => {
      await arrived.promise
      return outcomes[0]
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

function expected(bytes: Uint8Array): Received {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const md5 = createHash('md5').update(bytes).digest('hex')
  return { content: sha256, digests: { sizeBytes: bytes.byteLength, sha256, md5 } }
}

async function sendAndReceive(send: () => ReturnType<typeof request>, bytes: Uint8Array): Promise<Received> {
  const outgoing = send().end(bytes)
  const [response] = await once(outgoing, 'response')
  return JSON.parse(Buffer.concat(await Array.fromAsync(response as IncomingMessage)).toString())
}

const sizes = [
  0,
  1,
  4 * KIB,
  64 * KIB - 1,
  64 * KIB,
  64 * KIB + 1,
  SLAB - 1,
  SLAB,
  SLAB + 1,
  4 * SLAB,
  5 * SLAB + 7,
]
for (const sizeBytes of sizes) {
  test(`tells the exact size and digests of ${sizeBytes} bytes`, async () => {
    await using server = await startServer((incoming) => receive(incoming))
    const bytes = randomBytes(sizeBytes)
    assert.deepEqual(await sendAndReceive(() => server.send(sizeBytes), bytes), expected(bytes))
  })
}

test('tells the exact digests of 10 MiB in random chunks', async (context) => {
  const seed = randomBytes(4).readUInt32LE()
  context.diagnostic(`seed ${seed}`)
  const bytes = randomBytes(10 * MIB)
  await using server = await startServer((incoming) => receive(incoming))
  const outgoing = server.send()
  for (const chunk of randomCut(bytes, seed)) {
    if (!outgoing.write(chunk)) await once(outgoing, 'drain')
  }
  outgoing.end()
  assert.deepEqual(await server.outcome(), expected(bytes))
})

test('does not blame a sender for a time in which the process stood still', async () => {
  const bytes = randomBytes(MIB)
  async function* sent() {
    yield bytes.subarray(0, 1000)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700)
    // Time for a watchdog that is late.
    await delay(50)
    yield bytes.subarray(1000)
  }
  const limits = { ...noLimits, pace: { minBytesPerSecond: 10_000, minRateWindowSeconds: 0.2 } }
  assert.deepEqual(await receive(sent(), limits), expected(bytes))
})

test('gives the same bytes to a slow consumer', async () => {
  await using server = await startServer((incoming) => receive(incoming, noLimits, 5))
  const bytes = randomBytes(10 * MIB + 1)
  assert.deepEqual(await sendAndReceive(() => server.send(), bytes), expected(bytes))
})

test('keeps 20 parallel bodies apart', async () => {
  await using server = await startServer((incoming) => receive(incoming))
  const bodies = Array.from({ length: 20 }, () => randomBytes(8 * MIB))
  const received = await Promise.all(bodies.map((bytes) => sendAndReceive(() => server.send(), bytes)))
  assert.deepEqual(received, bodies.map(expected))
})

test('takes any iterable, such as a part of a form', async () => {
  const bytes = randomBytes(3 * MIB)
  const source = Readable.from(randomCut(bytes, 1))
  async function* part() {
    yield* source
  }
  assert.deepEqual(await receive(part()), expected(bytes))
})

test('rethrows what its source throws', async () => {
  const failure = new ServiceError('field-invalid', 'no such part')
  for (const sizeBytes of [0, 1, MIB]) {
    async function* part() {
      yield randomBytes(sizeBytes)
      throw failure
    }
    await assert.rejects(receive(part()), (error) => error === failure)
  }
})

test('takes a body of exactly the limit, and refuses one byte more', async () => {
  for (const maxBytes of [0, 10 * KIB, MIB]) {
    const limits = { ...noLimits, maxBytes }
    const { digests } = await receive(Readable.from([Buffer.alloc(maxBytes)]), limits)
    assert.equal(digests.sizeBytes, maxBytes)
    await assert.rejects(receive(Readable.from([Buffer.alloc(maxBytes + 1)]), limits), {
      name: 'ServiceError',
      code: 'bytes-too-many',
      message: `The body is larger than the limit of ${maxBytes} bytes.`,
    })
  }
})

test('refuses a body over the limit before its end, and can still answer', async () => {
  await using server = await startServer((incoming) => receive(incoming, { ...noLimits, maxBytes: MIB }))
  const outgoing = server.send(100 * MIB)
  outgoing.write(Buffer.alloc(MIB + 1))
  const [response] = await once(outgoing, 'response')
  assert.equal(response.statusCode, 400)
  await assert.rejects(server.outcome(), { code: 'bytes-too-many' })
  outgoing.destroy()
})

const quick: BodyLimits = {
  maxBytes: 64 * MIB,
  pace: { minBytesPerSecond: 10_000, minRateWindowSeconds: 0.1 },
}

test('refuses a body of which no byte comes, and can still answer', async () => {
  await using server = await startServer((incoming) => receive(incoming, quick))
  const outgoing = server.send(10)
  outgoing.flushHeaders()
  const [response] = await once(outgoing, 'response')
  assert.equal(response.statusCode, 400)
  await assert.rejects(server.outcome(), { name: 'ServiceError', code: 'body-too-slow' })
  outgoing.destroy()
})

test('refuses a body that trickles', async () => {
  await using server = await startServer((incoming) => receive(incoming, quick))
  const outgoing = server.send(MIB)
  const trickle = setInterval(() => outgoing.write('x'), 10)
  await assert.rejects(server.outcome(), { code: 'body-too-slow' })
  clearInterval(trickle)
  outgoing.destroy()
})

test('refuses a body that stalls after a quick start', async () => {
  await using server = await startServer((incoming) => receive(incoming, quick))
  const outgoing = server.send(10 * MIB)
  outgoing.write(Buffer.alloc(3 * MIB))
  await assert.rejects(server.outcome(), { code: 'body-too-slow' })
  outgoing.destroy()
})

test('does not blame the client for a slow consumer', async () => {
  await using server = await startServer((incoming) => receive(incoming, quick, 150))
  const bytes = randomBytes(2 * MIB)
  assert.deepEqual(await sendAndReceive(() => server.send(), bytes), expected(bytes))
})

for (const sizeBytes of [0, 100, 3 * MIB]) {
  test(`calls a body incomplete whose client goes away after ${sizeBytes} bytes`, async () => {
    await using server = await startServer((incoming) => receive(incoming))
    const outgoing = server.send(10 * MIB)
    outgoing.flushHeaders()
    outgoing.write(Buffer.alloc(sizeBytes), () => setTimeout(() => outgoing.destroy(), 20))
    await assert.rejects(server.outcome(), { name: 'ServiceError', code: 'body-incomplete' })
  })
}

test('calls a body incomplete whose client went away before anybody read', async () => {
  await using server = await startServer(async (incoming) => {
    await new Promise((resolve) => incoming.on('close', resolve))
    return receive(incoming)
  })
  const outgoing = server.send(10)
  outgoing.write('x', () => setTimeout(() => outgoing.destroy(), 20))
  await assert.rejects(server.outcome(), { code: 'body-incomplete' })
})

test('receives on after many bodies were given up', async () => {
  await using server = await startServer((incoming) => receive(incoming))
  for (let i = 0; i < 20; i++) {
    for await (const chunk of receiveBody(
      Readable.from(randomCut(randomBytes(2 * MIB), i)),
      noLimits,
      both,
    )) {
      if (chunk.byteLength > 0) break
    }
  }
  const bytes = randomBytes(2 * MIB)
  assert.deepEqual(await sendAndReceive(() => server.send(), bytes), expected(bytes))
})

test('ends a wait for bytes when its consumer gives up', async () => {
  for (const sizeBytes of [0, MIB]) {
    const stalled = new Readable({ read() {} })
    stalled.push(Buffer.alloc(sizeBytes))
    const chunks = receiveBody(stalled, noLimits, both)[Symbol.asyncIterator]()
    if (sizeBytes > 0) for (let i = 0; i < 2; i++) await chunks.next()
    const waiting = chunks.next()
    await chunks.return?.()
    assert.equal((await waiting).done, true)
  }
})

test('knows no digests before the end', async () => {
  assert.throws(() => receiveBody(Readable.from([]), noLimits, both).digests())
})

/** Chunks of 1 byte to 200 KiB, the same for the same seed. */
function* randomCut(bytes: Buffer, seed: number): Generator<Buffer> {
  let state = seed
  for (let position = 0; position < bytes.byteLength; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const end = position + 1 + (state % (state & 1 ? 100 : 200 * KIB))
    yield bytes.subarray(position, end)
    position = end
  }
}

for (const sizeBytes of [1000, 5 * MIB]) {
  test(`leaves out the MD5 of ${sizeBytes} bytes where nobody wants it`, async () => {
    const bytes = randomBytes(sizeBytes)
    const body = receiveBody(Readable.from([bytes]), noLimits, { md5: false })
    for await (const chunk of body) assert.ok(chunk.byteLength > 0)
    assert.deepEqual(body.digests(), { sizeBytes, sha256: hash('sha256', bytes), md5: null })
  })
}

test('a large body passes whole with one slab, or with more, which it gives back', async () => {
  const bytes = randomBytes(3 * MIB)
  for (const budget of [new FairBudget(0), new FairBudget(64 * MIB)]) {
    const source = Readable.from([bytes.subarray(0, MIB), bytes.subarray(MIB)])
    const { content } = await receive(source, noLimits, 1, budget.open('a'))
    assert.equal(content, hash('sha256', bytes))
    assert.equal(budget.usedBytes, 0)
  }
})

test('leaves no worker busy that was given up before its first chunk was asked for', async () => {
  const source = Readable.from([randomBytes(MIB)])
  const chunks = receiveBody(source, noLimits, both)[Symbol.asyncIterator]()
  while (!source.readableEnded && source.readableFlowing !== false) await delay(1)
  assert.equal((await chunks.return?.())?.done, true)
})
