import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { S3TestServer } from '../../../test/s3/server.ts'
import { until } from '../../../test/until.ts'
import { cut, newKey, read, sha256 } from '../blob-store.samples.ts'
import type { PartRoom } from './body-part.ts'
import { openPartRoom, placeOn } from './s3.harness.ts'
import { S3BlobStore } from './s3-blob-store.ts'
import { Spool } from './spool.ts'

const MIB = 1024 * 1024
const LOOK_MS = 1_000
const PATIENCE_MS = 10_000

const server = await S3TestServer.start()
after(() => server.stop())

function openStore(room: PartRoom): Promise<S3BlobStore> {
  return S3BlobStore.open(placeOn(server), room)
}

/** A body that gives these bytes and waits until it may end, or go on. */
function halting(bytes: Uint8Array, rest: Uint8Array = new Uint8Array()) {
  const halted = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  async function* chunks() {
    yield* cut(bytes, [256 * 1024])
    halted.resolve()
    await gate.promise
    yield rest
  }
  return { chunks: chunks(), halted: halted.promise, go: () => gate.resolve() }
}

test('a body whose length is not known takes the memory that it fills, whatever surely comes', async () => {
  const room = await openPartRoom()
  const store = await openStore(room)
  const { chunks, halted, go } = halting(randomBytes(5 * MIB))
  const stored = store.put(newKey(), chunks, { size: { atLeast: 1, atMost: undefined }, organizationId: 'a' })
  await halted
  assert.ok(room.memory.usedBytes >= 5 * MIB, String(room.memory.usedBytes))
  go()
  await stored
  assert.equal(room.memory.usedBytes, 0)
})

test('a body takes no memory for what it announces', async () => {
  const room = await openPartRoom()
  const store = await openStore(room)
  const { chunks, halted, go } = halting(randomBytes(1000))
  const size = { atLeast: 200 * MIB, atMost: 200 * MIB }
  const stored = store.put(newKey(), chunks, { size, organizationId: 'a' })
  await halted
  assert.ok(room.memory.usedBytes <= MIB, String(room.memory.usedBytes))
  go()
  await stored
})

test('a body that becomes slow gives its memory up and is stored all the same', async (t: TestContext) => {
  const room = await openPartRoom()
  const store = await openStore(room)
  t.mock.timers.enable({ apis: ['setInterval'] })
  const [begin, rest] = [randomBytes(3 * MIB), randomBytes(20 * MIB)]
  const { chunks, halted, go } = halting(begin, rest)
  const key = newKey()
  const stored = store.put(key, chunks)
  await halted
  t.mock.timers.tick(LOOK_MS)
  assert.ok(room.memory.usedBytes >= 3 * MIB)
  t.mock.timers.tick(LOOK_MS)
  assert.ok(await until(PATIENCE_MS, () => room.memory.usedBytes === 0))
  assert.equal(room.spool.usedBytes, 3 * MIB)
  go()
  await stored
  assert.equal(sha256(await read(store, key)), sha256(Buffer.concat([begin, rest])))
  assert.equal(room.memory.usedBytes + room.spool.usedBytes, 0)
})

for (const [name, effect] of Object.entries({
  'a broken connection': 'reset',
  'a lost answer': 'response-lost',
  'an internal error': { status: 500, code: 'InternalError' },
} as const)) {
  test(`parts in the spool are sent again after ${name}, byte for byte`, async () => {
    const room = await openPartRoom({ memoryBytes: 0 })
    const store = await openStore(room)
    const bytes = randomBytes(17 * MIB)
    const [whole, parted] = [newKey(), newKey()]
    server.break({ operation: 'UploadPart', effect }, { operation: 'PutObject', effect })
    await store.put(parted, cut(bytes, [MIB]))
    await store.put(whole, cut(bytes.subarray(0, MIB), [100_000]))
    assert.equal(sha256(await read(store, parted)), sha256(bytes))
    assert.equal(sha256(await read(store, whole)), sha256(bytes.subarray(0, MIB)))
    assert.equal(room.spool.usedBytes, 0)
  })
}

test('parts that would fill the spool together wait, and are stored one after another', async () => {
  // Three quarters are their share, and the first that waits finds what it lacks in the last one.
  const room = await openPartRoom({ memoryBytes: 0, spoolBytes: 16 * MIB })
  const store = await openStore(room)
  const bodies = Array.from({ length: 6 }, () => cut(randomBytes(4 * MIB), [256 * 1024]))
  await Promise.all(bodies.map((body) => store.put(newKey(), body, { organizationId: 'a' })))
  assert.equal(room.spool.usedBytes, 0)
})

test('bodies of one organization that wait in the spool keep no other from being stored', async () => {
  const room = await openPartRoom({ memoryBytes: 0, spoolBytes: 16 * MIB })
  const store = await openStore(room)
  const waiting = Array.from({ length: 4 }, () => halting(randomBytes(2.5 * MIB)))
  const stored = waiting.map(({ chunks }) => store.put(newKey(), chunks, { organizationId: 'a' }))
  await Promise.all(waiting.map(({ halted }) => halted))
  await store.put(newKey(), cut(randomBytes(2 * MIB), [100_000]), { organizationId: 'b' })
  for (const { go } of waiting) go()
  await Promise.all(stored)
})

test('a body that finds no room in time is refused, and leaves none taken', async () => {
  const room = await openPartRoom({ memoryBytes: 0, spoolBytes: 16 * MIB, waitMs: 20 })
  const store = await openStore(room)
  const tooMuch = cut(randomBytes(15 * MIB), [256 * 1024])
  await assert.rejects(store.put(newKey(), tooMuch), { name: 'StoreError', code: 'unavailable' })
  assert.equal(room.spool.usedBytes, 0)
})

test('the spool is emptied at the start, and its files have no names', async () => {
  const { folder } = await openPartRoom()
  writeFileSync(join(folder, 'left-by-a-crash'), 'bytes')
  const spool = await Spool.open(folder, { maxBytes: 64 * MIB, reserveBytes: 0 })
  const file = await spool.create('a')
  await file.append(Buffer.from('bytes'))
  assert.deepEqual(readdirSync(folder), [])
  await file.close()
})
