import assert from 'node:assert/strict'
import { createHash, hash } from 'node:crypto'
import { Readable } from 'node:stream'
import test from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ServiceError } from '../../core/errors.ts'
import { gather, inChunks } from './json-content.harness.ts'
import { readJsonWithContent } from './json-content.ts'

const MIB = 1024 * 1024
const options = { contentField: 'content', maxContentBytes: 2 ** 40, maxOtherBytes: MIB }

/** Chunks of a body, and what became of them. */
function watched(chunks: readonly string[]): AsyncIterable<Uint8Array> & { given: number; closed: boolean } {
  const source = {
    given: 0,
    closed: false,
    async *[Symbol.asyncIterator]() {
      try {
        for (const chunk of chunks) {
          source.given++
          yield Buffer.from(chunk)
        }
      } finally {
        source.closed = true
      }
    },
  }
  return source
}

test('pulls the source only as the content is read', async () => {
  const source = watched(['{"content":"QUJD', 'QUJD', 'QUJD', 'QUJD"}'])
  const given: number[] = []
  await readJsonWithContent(source, options, async (body) => {
    for await (const piece of body) {
      await setImmediate()
      given.push(source.given)
      assert.equal(Buffer.from(piece).toString(), 'ABC')
    }
  })
  assert.deepEqual(given, [1, 2, 3, 4])
  assert.equal(source.closed, true)
})

test('keeps the pieces it gave as they were', async () => {
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * at) >> 3))
  const body = Buffer.from(`{"content":"${bytes.toString('base64')}"}`)
  const { content } = await readJsonWithContent(inChunks(body, [100_001]), options, (pieces) =>
    Array.fromAsync<Uint8Array>(pieces),
  )
  assert.ok(content?.every((piece) => piece.length <= 48 * 1024 + 3))
  assert.deepEqual(Buffer.concat(content ?? []), bytes)
})

test('takes as much beside the content as it is told', async () => {
  const read = (sizeBytes: number) => {
    const start = '{"content":"QUJD","a":"'
    const body = Buffer.from(`${start}${'x'.repeat(sizeBytes - start.length + 'QUJD'.length - 2)}"}`)
    return readJsonWithContent(inChunks(body, []), options, gather)
  }
  assert.ok((await read(MIB)).content)
  await assert.rejects(read(MIB + 1), { code: 'body-too-large' })
})

test('takes its own content field and leaves the others alone', async () => {
  const source = watched(['{"data":"QUJD","content":"!"}'])
  const read = await readJsonWithContent(source, { ...options, contentField: 'data' }, gather)
  assert.deepEqual(read, { rest: { content: '!' }, content: Buffer.from('ABC') })
})

test('checks what the consumer leaves unread, and what follows', async () => {
  for (const [tail, code] of [
    ['QUJD"}', undefined],
    ['QU D"}', 'field-invalid'],
    ['QUJD', 'body-not-json'],
    ['QUJD"', 'body-not-json'],
    ['QUJD","content":""}', 'body-not-json'],
  ] as const) {
    for (const consume of [async () => {}, readOne, readOneAhead]) {
      const source = watched(['{"content":"QUJD', 'QUJD', 'QUJD', tail])
      const read = readJsonWithContent(source, options, consume)
      if (code === undefined) await read
      else await assert.rejects(read, { code })
      assert.equal(source.closed, true)
    }
  }
})

async function readOne(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _piece of body) break
}

/** Leaves while a read is under way. */
async function readOneAhead(body: AsyncIterable<Uint8Array>): Promise<void> {
  const stream = Readable.from(body).on('error', () => undefined)
  await new Promise((resolve) => stream.once('data', resolve))
}

test('refuses readers that come twice or late', async () => {
  let kept: AsyncIterable<Uint8Array> | undefined
  let late: AsyncIterator<Uint8Array> | undefined
  await readJsonWithContent(watched(['{"content":"QUJD', 'QUJD"}']), options, async (body) => {
    kept = body
    late = body[Symbol.asyncIterator]()
    await late.next()
    await assert.rejects(gather(body), /read once/)
  })
  await assert.rejects(gather(kept as AsyncIterable<Uint8Array>), /read once/)
  await assert.rejects(async () => late?.next(), /gone on/)
})

test('fails as the consumer does, and as the body does before that', async () => {
  const full = new Error('full')
  const source = watched(['{"content":"QUJD', 'QUJD"}'])
  await assert.rejects(
    readJsonWithContent(source, options, () => Promise.reject(full)),
    full,
  )
  assert.deepEqual([source.given, source.closed], [1, true])
  for (const consume of [
    (body: AsyncIterable<Uint8Array>) => gather(body).catch(() => undefined),
    (body: AsyncIterable<Uint8Array>) =>
      gather(body).catch((cause) => Promise.reject(new Error('put', { cause }))),
  ]) {
    const read = readJsonWithContent(watched(['{"content":"QUJD', '!!!!']), options, consume)
    await assert.rejects(read, { code: 'field-invalid' })
  }
})

test('passes on what the source throws, in the content and around it', async () => {
  const broken = new ServiceError('body-incomplete', 'gone')
  for (const head of ['', '{"a"', '{"content":"QUJ', '{"content":"QUJD"', '{"content":"QUJD"}']) {
    async function* breaking() {
      yield Buffer.from(head)
      throw broken
    }
    await assert.rejects(readJsonWithContent(breaking(), options, gather), broken)
  }
})

test('does not wait for a source that says no more when the consumer fails', async () => {
  async function* stuck() {
    yield Buffer.from('{"content":"QUJD')
    await new Promise(() => undefined)
  }
  const read = readJsonWithContent(stuck(), options, async (body) => {
    const pieces = body[Symbol.asyncIterator]()
    await pieces.next()
    void pieces.next()
    throw new Error('full')
  })
  await assert.rejects(read, /full/)
})

test('holds a small part of a large content, escaped or not', async (context) => {
  const sizeMib = 128
  const bytes = Buffer.alloc(3 * MIB, createHash('sha512').update('seed').digest())
  const plain = bytes.toString('base64')
  for (const [name, text] of Object.entries({ plain, escaped: plain.replaceAll('/', '\\/') })) {
    const chunk = Buffer.from(text)
    async function* source() {
      yield Buffer.from('{"content":"')
      for (let mib = 0; mib < sizeMib; mib += 3) {
        for (let at = 0; at < chunk.length; at += 65_000) yield chunk.subarray(at, at + 65_000)
      }
      yield Buffer.from('"}')
    }
    const before = process.memoryUsage.rss()
    let peak = before
    const start = performance.now()
    const { content } = await readJsonWithContent(source(), options, async (body) => {
      let sizeBytes = 0
      for await (const piece of body) {
        sizeBytes += piece.length
        peak = Math.max(peak, process.memoryUsage.rss())
      }
      return sizeBytes
    })
    const milliseconds = performance.now() - start
    assert.equal(content, Math.ceil(sizeMib / 3) * 3 * MIB)
    context.diagnostic(
      `${name}: ${Math.round(sizeMib / (milliseconds / 1000))} MiB/s, +${(peak - before) / MIB} MiB`,
    )
    assert.ok(peak - before < 100 * MIB)
  }
})

test('decodes the same bytes whatever the size of the chunks', async () => {
  const bytes = Buffer.alloc(2 * MIB + 1, createHash('sha512').update('other').digest())
  const body = Buffer.from(`{"content":"${bytes.toString('base64').replaceAll('/', '\\/')}"}`)
  for (const chunkBytes of [997, 16_384, 65_536, body.length]) {
    const cuts = Array.from(
      { length: Math.ceil(body.length / chunkBytes) - 1 },
      (_, index) => (index + 1) * chunkBytes,
    )
    const { content = Buffer.alloc(0) } = await readJsonWithContent(inChunks(body, cuts), options, gather)
    assert.equal(hash('sha256', content), hash('sha256', bytes))
  }
})
