import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { BlobKey, BlobStore } from '../core/ports/blob-store.ts'
import {
  collect,
  cut,
  endingWith,
  listed,
  newKey,
  pieces,
  read,
  sha256,
  stalling,
} from './blob-store.samples.ts'

/** What every blob store must honour. `openStore` answers with an empty store of its own each time. */
export function describeBlobStore(name: string, openStore: () => Promise<BlobStore>): void {
  const behaviour = (title: string, check: (store: BlobStore) => Promise<void>) =>
    test(`${name} ${title}`, async () => check(await openStore()))
  describePut(behaviour)
  describeFailingPut(behaviour)
  describeOpen(behaviour)
  describeDelete(behaviour)
  describeList(behaviour)
  describeStore(behaviour)
}

type Behaviour = (title: string, check: (store: BlobStore) => Promise<void>) => void

function describePut(behaviour: Behaviour): void {
  behaviour('gives back the bytes that were put', async (store) => {
    const key = newKey()
    assert.deepEqual(await store.put(key, pieces('hel', 'lo')), { sizeBytes: 5 })
    assert.equal((await read(store, key)).toString(), 'hello')
  })

  behaviour('keeps an empty blob', async (store) => {
    const key = newKey()
    assert.deepEqual(await store.put(key, pieces()), { sizeBytes: 0 })
    assert.equal((await read(store, key)).byteLength, 0)
  })

  behaviour('keeps empty chunks apart from the end', async (store) => {
    const key = newKey()
    assert.deepEqual(await store.put(key, pieces('', 'a', '', 'b', '')), { sizeBytes: 2 })
    assert.equal((await read(store, key)).toString(), 'ab')
  })

  behaviour('keeps 5 MiB in odd chunks byte for byte', async (store) => {
    const key = newKey()
    const bytes = randomBytes(5 * 1024 * 1024)
    const sizes = [1, 4095, 65_537, 262_145, 1_000_003]
    assert.deepEqual(await store.put(key, cut(bytes, sizes)), { sizeBytes: bytes.byteLength })
    assert.equal(sha256(await read(store, key)), sha256(bytes))
  })

  behaviour('is done with a chunk once it asks for the next', async (store) => {
    const key = newKey()
    const shared = Buffer.alloc(64 * 1024)
    async function* reusing() {
      for (let value = 1; value <= 20; value++) {
        yield shared.fill(value)
        shared.fill(0)
      }
    }
    await store.put(key, reusing())
    const expected = Buffer.concat(Array.from({ length: 20 }, (_, i) => Buffer.alloc(64 * 1024, i + 1)))
    assert.equal(sha256(await read(store, key)), sha256(expected))
  })

  behaviour('takes memory that is shared between threads', async (store) => {
    const key = newKey()
    const shared = new Uint8Array(new SharedArrayBuffer(1000)).fill(7)
    await store.put(key, pieces(shared))
    assert.deepEqual(await read(store, key), Buffer.alloc(1000, 7))
  })

  behaviour('takes many bodies at once', async (store) => {
    const blobs = Array.from({ length: 30 }, (_, i) => ({ key: newKey(), bytes: randomBytes(i * 7001) }))
    await Promise.all(blobs.map(({ key, bytes }) => store.put(key, cut(bytes, [1000, 33_333]))))
    for (const { key, bytes } of blobs) assert.equal(sha256(await read(store, key)), sha256(bytes))
  })

  behaviour('takes a body of any length within the bounds that are told', async (store) => {
    const bytes = randomBytes(300_000)
    const sizes = [
      { atLeast: 0, atMost: undefined },
      { atLeast: 1, atMost: 1024 ** 3 },
      { atLeast: 0, atMost: 300_000 },
      { atLeast: 300_000, atMost: 300_000 },
    ]
    for (const size of sizes) {
      const key = newKey()
      const put = store.put(key, cut(bytes, [70_001]), { size })
      assert.deepEqual(await put, { sizeBytes: 300_000 })
      assert.equal(sha256(await read(store, key)), sha256(bytes))
    }
  })

  behaviour('refuses a key that exists, and keeps what is there', async (store) => {
    const key = newKey()
    await store.put(key, pieces('first'))
    await assert.rejects(store.put(key, pieces('second')), { name: 'StoreError', code: 'refused' })
    assert.equal((await read(store, key)).toString(), 'first')
  })

  behaviour('lets one of two puts of a key win', async (store) => {
    const key = newKey()
    const results = await Promise.allSettled([
      store.put(key, cut(Buffer.alloc(300_000, 'a'), [50_000])),
      store.put(key, cut(Buffer.alloc(300_000, 'b'), [50_000])),
    ])
    const [lost] = results.filter((result) => result.status === 'rejected')
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    assert.equal(lost?.reason.code, 'refused')
    const winner = results[0]?.status === 'fulfilled' ? 'a' : 'b'
    assert.deepEqual(await read(store, key), Buffer.alloc(300_000, winner))
  })
}

function describeFailingPut(behaviour: Behaviour): void {
  behaviour('leaves nothing behind when the body fails half-way', async (store) => {
    const key = newKey()
    const failure = new Error('the body failed')
    await assert.rejects(store.put(key, endingWith(failure)), (error) => error === failure)
    await assertGone(store, key)
  })

  behaviour('leaves nothing behind when the body fails at once', async (store) => {
    const key = newKey()
    const failure = new TypeError('no body')
    const body: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(failure) }),
    }
    await assert.rejects(store.put(key, body), (error) => error === failure)
    await assertGone(store, key)
  })

  behaviour('takes a key whose put failed', async (store) => {
    const key = newKey()
    await assert.rejects(store.put(key, endingWith(new Error('the body failed'))))
    await store.put(key, pieces('again'))
    assert.equal((await read(store, key)).toString(), 'again')
  })

  behaviour('leaves nothing behind when a body that waited fails', async (store) => {
    const key = newKey()
    const failure = new Error('the body failed')
    const body = stalling('half', failure)
    const put = store.put(key, body.chunks)
    await body.stalled
    body.go()
    await assert.rejects(put, (error) => error === failure)
    await assertGone(store, key)
  })
}

function describeOpen(behaviour: Behaviour): void {
  behaviour('answers missing for an unknown key', async (store) => {
    await assert.rejects(store.open(newKey()), { name: 'StoreError', code: 'missing' })
  })

  behaviour('does not open a blob whose bytes are still coming in', async (store) => {
    const key = newKey()
    const body = stalling('half')
    const put = store.put(key, body.chunks)
    await body.stalled
    await assert.rejects(store.open(key), { code: 'missing' })
    body.go()
    await put
    assert.equal((await read(store, key)).toString(), 'half')
  })

  behaviour('streams inclusive ranges', async (store) => {
    const key = newKey()
    const bytes = randomBytes(1_500_000)
    await store.put(key, cut(bytes, [400_000]))
    const ranges = [
      { first: 0, last: 0 },
      { first: 0, last: 1_499_999 },
      { first: 1_499_999, last: 1_499_999 },
      { first: 65_535, last: 65_536 },
      { first: 3, last: 1_200_001 },
    ]
    for (const range of ranges) {
      assert.deepEqual(await read(store, key, range), bytes.subarray(range.first, range.last + 1))
    }
  })

  behaviour('streams one blob to many readers', async (store) => {
    const key = newKey()
    const bytes = randomBytes(700_000)
    await store.put(key, pieces(bytes))
    const copies = await Promise.all(Array.from({ length: 8 }, () => read(store, key)))
    for (const copy of copies) assert.equal(sha256(copy), sha256(bytes))
  })

  behaviour('lets a reader stop early', async (store) => {
    const key = newKey()
    await store.put(key, pieces(randomBytes(2_000_000)))
    const stream = await store.open(key)
    for await (const chunk of stream) {
      assert.ok(chunk.byteLength > 0)
      break
    }
    assert.equal(stream.destroyed, true)
  })
}

function describeDelete(behaviour: Behaviour): void {
  behaviour('deletes', async (store) => {
    const key = newKey()
    await store.put(key, pieces('x'))
    await store.delete(key)
    await assertGone(store, key)
  })

  behaviour('deletes twice, and what never was', async (store) => {
    const key = newKey()
    await store.put(key, pieces('x'))
    await store.delete(key)
    await store.delete(key)
    await store.delete(newKey())
  })

  behaviour('deletes nothing else', async (store) => {
    const [kept, gone] = [newKey(), newKey()]
    await store.put(kept, pieces('kept'))
    await store.put(gone, pieces('gone'))
    await store.delete(gone)
    assert.equal((await read(store, kept)).toString(), 'kept')
  })

  behaviour('lets a reader finish what was deleted meanwhile', async (store) => {
    const key = newKey()
    const bytes = randomBytes(3_000_000)
    await store.put(key, pieces(bytes))
    const stream = await store.open(key)
    await store.delete(key)
    assert.equal(sha256(await collect(stream)), sha256(bytes))
  })
}

function describeList(behaviour: Behaviour): void {
  behaviour('lists nothing when empty', async (store) => {
    assert.deepEqual(await listed(store), [])
  })

  behaviour('lists published blobs with their sizes', async (store) => {
    const keys = Array.from({ length: 20 }, newKey).sort()
    for (const [i, key] of keys.entries()) await store.put(key, pieces('x'.repeat(i)))
    const expected = keys.map((key, i) => ({ key, sizeBytes: i, published: true }))
    assert.deepEqual(await listed(store), expected)
  })

  behaviour('never lists a body that is still coming in as published', async (store) => {
    const key = newKey()
    const body = stalling('half')
    const put = store.put(key, body.chunks)
    await body.stalled
    assert.deepEqual(
      (await listed(store)).filter(({ published }) => published),
      [],
    )
    body.go()
    await put
    assert.deepEqual(await listed(store), [{ key, sizeBytes: 4, published: true }])
  })
}

function describeStore(behaviour: Behaviour): void {
  behaviour('carries the first id that claimed it', async (store) => {
    assert.equal(await store.owner(), undefined)
    assert.equal(await store.claim('one'), 'one')
    assert.equal(await store.owner(), 'one')
    assert.equal(await store.claim('two'), 'one')
    assert.equal(await store.claim('one'), 'one')
  })

  behaviour('carries one id when several claim it at once', async (store) => {
    const ids = await Promise.all(['a', 'b', 'c', 'd'].map((id) => store.claim(id)))
    assert.equal(new Set(ids).size, 1)
    assert.equal(await store.claim('e'), ids[0])
  })

  behaviour('has room for a few bytes', async (store) => {
    assert.equal(await store.hasRoomFor(10), true)
  })

  behaviour('checks that a blob could be stored, and leaves no trace of it', async (store) => {
    await Promise.all([store.check(), store.check(), store.check()])
    assert.deepEqual(await listed(store), [])
  })
}

async function assertGone(store: BlobStore, key: BlobKey): Promise<void> {
  await assert.rejects(store.open(key), { code: 'missing' })
  assert.deepEqual(
    (await listed(store)).filter((entry) => entry.key === key),
    [],
  )
}
