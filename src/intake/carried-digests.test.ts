import assert from 'node:assert/strict'
import { hash, randomBytes, randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import type { IncomingBody } from '../core/incoming-body.ts'
import { chainOf } from '../core/uploads/digest-chain.ts'
import { receiveBody } from './body.ts'
import type { CarriedBody } from './carried-digests.ts'

const KIB = 1024
const limits = { maxBytes: 64 * 1024 * KIB, keepsWhatCame: true }

async function pass(source: Readable, carried: CarriedBody): Promise<IncomingBody> {
  const body = receiveBody(source, limits, { md5: false, carried })
  for await (const chunk of body) assert.ok(chunk.byteLength > 0)
  return body
}

/** Sends the pieces one after the other, and returns the body of each. */
async function sendAll(upload: string, pieces: readonly Buffer[]): Promise<IncomingBody[]> {
  const bodies: IncomingBody[] = []
  let offset = 0
  for (const piece of pieces) {
    bodies.push(await pass(Readable.from([piece]), { upload, offset }))
    offset += piece.byteLength
  }
  return bodies
}

const mixes = [
  [1],
  [300 * KIB],
  [1, 2, 3],
  [64 * KIB, 64 * KIB + 1, 1],
  [5, 3 * 1024 * KIB, 7 * KIB, 256 * KIB, 1],
  [1024 * KIB, 0, 10],
]
for (const sizes of mixes) {
  test(`knows the digest of an upload in bodies of ${sizes.join(', ')} bytes after each`, async () => {
    const pieces = sizes.map((sizeBytes) => randomBytes(sizeBytes))
    const bodies = await sendAll(randomUUID(), pieces)
    for (const [index, { whole }] of bodies.entries()) {
      if (pieces[index]?.byteLength === 0) continue
      const passed = pieces.slice(0, index + 1)
      assert.equal(whole?.sha256, hash('sha256', Buffer.concat(passed)))
      const sha256s = passed.filter(({ byteLength }) => byteLength > 0).map((piece) => hash('sha256', piece))
      assert.equal(whole.chain, chainOf(sha256s))
    }
  })
}

test('goes on after a body that broke off, with what came of it', async () => {
  const upload = randomUUID()
  const [first = Buffer.alloc(0), broken = first, last = first] = [100, 400_000, 50].map((n) =>
    randomBytes(n),
  )
  await pass(Readable.from([first]), { upload, offset: 0 })
  const source = new Readable({ read() {} })
  source.push(broken)
  setTimeout(() => source.destroy(), 5)
  const { brokenBy } = await pass(source, { upload, offset: 100 })
  assert.ok(brokenBy)
  const { whole } = await pass(Readable.from([last]), { upload, offset: 400_100 })
  assert.equal(whole?.sha256, hash('sha256', Buffer.concat([first, broken, last])))
})

test('forgets a body that was not stored when its offset is sent again', async () => {
  const upload = randomUUID()
  const [first = Buffer.alloc(0), lost = first, sent = first, last = first] = [9, 8, 8, 7].map((n) =>
    randomBytes(n),
  )
  await pass(Readable.from([first]), { upload, offset: 0 })
  await pass(Readable.from([lost]), { upload, offset: 9 })
  const again = await pass(Readable.from([sent]), { upload, offset: 9 })
  assert.equal(again.whole, undefined)
  const { whole } = await pass(Readable.from([last]), { upload, offset: 17 })
  assert.equal(whole, undefined)
})

test('shows by the chain that a body before it was another one', async () => {
  const upload = randomUUID()
  await sendAll(upload, [Buffer.from('a'), Buffer.from('b')])
  const { whole } = await pass(Readable.from([Buffer.from('c')]), { upload, offset: 2 })
  assert.notEqual(whole?.chain, chainOf(['a', 'x', 'c'].map((text) => hash('sha256', text))))
})

test('knows nothing of bytes that did not pass here', async () => {
  const { whole } = await pass(Readable.from([Buffer.from('x')]), { upload: randomUUID(), offset: 5 })
  assert.equal(whole, undefined)
})

test('keeps the states of the 1000 latest uploads', async () => {
  const [first, second] = [randomUUID(), randomUUID()]
  await sendAll(first, [Buffer.from('a')])
  await sendAll(second, [Buffer.from('a')])
  for (let others = 0; others < 999; others++) await sendAll(randomUUID(), [Buffer.from('b')])
  const next = (upload: string) => pass(Readable.from([Buffer.from('c')]), { upload, offset: 1 })
  assert.equal((await next(first)).whole, undefined)
  assert.equal((await next(second)).whole?.sha256, hash('sha256', 'ac'))
})
