import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ServiceError } from '../core/errors.ts'
import type { IncomingBody } from '../core/incoming-body.ts'
import { FairBudget } from '../core/limits/fair-budget.ts'
import { receiveBody } from './body.ts'
import type { BodyLimits } from './body-source.ts'

const KIB = 1024
const SLAB = 256 * KIB
const keeping: BodyLimits = {
  maxBytes: 64 * 1024 * KIB,
  pace: { minBytesPerSecond: 0, minRateWindowSeconds: 10 },
  keepsWhatCame: true,
}

/** Bytes that are pushed by hand, and then broken off, or left waiting. */
function pushed(bytes: Uint8Array): Readable {
  const source = new Readable({ read() {} })
  for (let begin = 0; begin < bytes.byteLength; begin += 60_000)
    source.push(bytes.subarray(begin, begin + 60_000))
  return source
}

function resetError(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
}

async function contentOf(body: IncomingBody, onChunk: (passed: number) => void = () => {}): Promise<Buffer> {
  const chunks: Buffer[] = []
  let passed = 0
  for await (const chunk of body) {
    chunks.push(Buffer.from(chunk))
    passed += chunk.byteLength
    onChunk(passed)
  }
  return Buffer.concat(chunks)
}

async function assertKept(
  body: IncomingBody,
  content: Promise<Buffer>,
  bytes: Buffer,
  code = 'body-incomplete',
) {
  assert.ok((await content).equals(bytes))
  assert.deepEqual(body.digests(), {
    sizeBytes: bytes.byteLength,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    md5: createHash('md5').update(bytes).digest('hex'),
  })
  assert.equal(body.brokenBy instanceof ServiceError && body.brokenBy.code, code)
}

const sizes = [0, 1, 4 * KIB, 64 * KIB, 64 * KIB + 1, SLAB - 1, SLAB, 3 * SLAB + 7, 9 * SLAB + 100]

for (const sizeBytes of sizes) {
  test(`keeps the ${sizeBytes} bytes that came before the connection broke`, async () => {
    const bytes = randomBytes(sizeBytes)
    const source = pushed(bytes)
    const body = receiveBody(source, keeping, { md5: true })
    const content = contentOf(body)
    while (source.readableLength > 0) await delay(1)
    source.destroy(resetError())
    await assertKept(body, content, bytes)
  })

  test(`keeps the ${sizeBytes} bytes that came before the server stopped a body that waits`, async () => {
    const bytes = randomBytes(sizeBytes)
    const source = pushed(bytes)
    const stop = new AbortController()
    const body = receiveBody(source, { ...keeping, stop: stop.signal }, { md5: true })
    const content = contentOf(body)
    while (source.readableLength > 0) await delay(1)
    stop.abort(new Error('a newer request'))
    await assertKept(body, content, bytes)
    assert.match(String(body.brokenBy?.cause), /a newer request/)
    assert.equal(source.destroyed, false)
  })
}

test('keeps what came of a body that is too slow', async () => {
  const pace = { minBytesPerSecond: 10_000, minRateWindowSeconds: 0.05 }
  for (const sizeBytes of [0, 100, 2 * SLAB + 1]) {
    const bytes = randomBytes(sizeBytes)
    const body = receiveBody(pushed(bytes), { ...keeping, pace }, { md5: true })
    await assertKept(body, contentOf(body), bytes, 'body-too-slow')
  }
})

test('keeps what the stream still held when it broke', async () => {
  const bytes = randomBytes(20 * SLAB)
  const source = pushed(bytes)
  const body = receiveBody(source, keeping, { md5: true })
  // Nobody takes the first slab until the stream, which is paused by then, has broken.
  const chunks = body[Symbol.asyncIterator]()
  const first = Buffer.from((await chunks.next()).value)
  while (!source.isPaused()) await delay(1)
  assert.ok(source.readableLength > 0)
  const closed = new Promise((resolve) => source.on('close', resolve))
  source.destroy(resetError())
  await closed
  const rest = await contentOf({
    ...body,
    digests: body.digests,
    brokenBy: undefined,
    [Symbol.asyncIterator]: () => chunks,
  })
  await assertKept(body, Promise.resolve(Buffer.concat([first, rest])), bytes)
})

test('is not broken where it came whole, whatever happens to the stream afterwards', async () => {
  for (const sizeBytes of [0, 100, 2 * SLAB]) {
    const stop = new AbortController()
    const source = pushed(randomBytes(sizeBytes))
    source.push(null)
    const body = receiveBody(source, { ...keeping, stop: stop.signal }, { md5: false })
    await contentOf(body)
    source.destroy(resetError())
    stop.abort()
    await delay(1)
    assert.equal(body.brokenBy, undefined)
    assert.equal(body.digests().sizeBytes, sizeBytes)
  }
})

test('stops at once where it was told to before it began', async () => {
  const body = receiveBody(pushed(Buffer.alloc(0)), { ...keeping, stop: AbortSignal.abort() }, { md5: true })
  await assertKept(body, contentOf(body), Buffer.alloc(0))
})

test('stops a body that keeps nothing by a failure', async () => {
  const limits = { ...keeping, keepsWhatCame: false, stop: AbortSignal.timeout(5) }
  const body = receiveBody(pushed(randomBytes(SLAB)), limits, { md5: false })
  await assert.rejects(contentOf(body), { code: 'body-incomplete' })
})

test('keeps nothing of too many bytes, nor of a body that fails by itself', async () => {
  const tooMany = receiveBody(pushed(randomBytes(2 * SLAB)), { ...keeping, maxBytes: SLAB }, { md5: false })
  await assert.rejects(contentOf(tooMany), { code: 'bytes-too-many' })
  for (const sizeBytes of [0, 2 * SLAB]) {
    const source = pushed(randomBytes(sizeBytes))
    const failing = receiveBody(source, keeping, { md5: false })
    const content = contentOf(failing)
    while (source.readableLength > 0) await delay(1)
    source.destroy(new Error('a failure of ours'))
    await assert.rejects(content, /a failure of ours/)
    assert.equal(failing.brokenBy, undefined)
  }
})

test('does not compare the bytes that came with the digests of all', async () => {
  const check = () => assert.fail('checked')
  for (const sizeBytes of [100, 2 * SLAB]) {
    const source = pushed(randomBytes(sizeBytes))
    const body = receiveBody(source, keeping, { md5: false, check })
    const content = contentOf(body)
    while (source.readableLength > 0) await delay(1)
    source.destroy()
    assert.equal((await content).byteLength, sizeBytes)
  }
})

test('gives back the memory of a body that broke', async () => {
  const budget = new FairBudget(64 * 1024 * KIB)
  const source = pushed(randomBytes(6 * SLAB))
  const body = receiveBody(source, keeping, { md5: false }, 'kept', budget.open('a'))
  let most = 0
  await contentOf(body, (passed) => {
    most = Math.max(most, budget.usedBytes)
    if (passed >= 2 * SLAB) source.destroy()
  })
  assert.ok(most > 0)
  assert.equal(budget.usedBytes, 0)
})

for (const end of ['destroy', 'resetAndDestroy'] as const) {
  test(`keeps what came over a connection that ends by ${end}`, async () => {
    const received = Promise.withResolvers<{ body: IncomingBody; content: Promise<Buffer> }>()
    const server = createHttpServer((incoming: IncomingMessage) => {
      const body = receiveBody(incoming, keeping, { md5: true })
      received.resolve({ body, content: contentOf(body) })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const bytes = randomBytes(5 * SLAB + 11)
    const { port } = server.address() as AddressInfo
    const outgoing = request({
      host: '127.0.0.1',
      port,
      method: 'PUT',
      headers: { 'content-length': 20 * SLAB },
    })
    outgoing.on('error', () => {})
    await new Promise((resolve) => outgoing.write(bytes, resolve))
    const { body, content } = await received.promise
    await delay(50)
    outgoing.socket?.[end]()
    await assertKept(body, content, bytes)
    server.close()
  })
}
