import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { onlyLong } from '../../../test/rounds.ts'
import { type Fault, type S3Quirks, S3TestServer } from '../../../test/s3/server.ts'
import type { BlobKey } from '../../core/ports/blob-store.ts'
import { cut, endingWith, listed, newKey, pieces, read, sha256, stalling } from '../blob-store.samples.ts'
import { openPartRoom, placeOn } from './s3.harness.ts'
import { S3BlobStore, type S3BlobStoreOptions } from './s3-blob-store.ts'

const MEBIBYTE = 1024 * 1024
const servers: S3TestServer[] = []
const room = await openPartRoom()
after(() => Promise.all(servers.map((server) => server.stop())))

async function openStore(quirks: S3Quirks = {}, options: S3BlobStoreOptions = {}) {
  const server = await S3TestServer.start(quirks)
  servers.push(server)
  return { server, store: await reopen(server, options) }
}

function reopen(server: S3TestServer, options: S3BlobStoreOptions = {}): Promise<S3BlobStore> {
  return S3BlobStore.open(placeOn(server, 'files/'), room, options)
}

function nameOf(key: BlobKey): string {
  return `files/blobs/${key.slice(0, 2)}/${key}`
}

/** A body that goes on for so many bytes and then fails. */
async function* failingAfter(bytes: number, failure: Error): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < bytes; sent += MEBIBYTE) yield Buffer.alloc(MEBIBYTE)
  throw failure
}

test('a body of 16 MiB is one object, and a larger one comes in equal parts', async () => {
  const { server, store } = await openStore()
  const bytes = randomBytes(37 * MEBIBYTE + 11)
  const [whole, parted] = [newKey(), newKey()]
  await store.put(whole, cut(bytes.subarray(0, 16 * MEBIBYTE), [100_000]))
  assert.ok(!server.calls.includes('UploadPart'))
  assert.deepEqual(await store.put(parted, cut(bytes, [777_777])), { sizeBytes: bytes.byteLength })
  assert.equal(server.calls.filter((call) => call === 'UploadPart').length, 3)
  assert.equal(sha256(await read(store, parted)), sha256(bytes))
  assert.equal(
    sha256(await read(store, parted, { first: 16 * MEBIBYTE - 1, last: 33 * MEBIBYTE })),
    sha256(bytes.subarray(16 * MEBIBYTE - 1, 33 * MEBIBYTE + 1)),
  )
  assert.equal(server.uploads.size, 0)
})

test('parts grow where the largest number of them would not do', async () => {
  const { server, store } = await openStore()
  const body = cut(randomBytes(20 * MEBIBYTE), [MEBIBYTE])
  await store.put(newKey(), body, { size: { atLeast: 0, atMost: 200 * 1024 * MEBIBYTE } })
  // 200 GiB in 10,000 parts are 21 MiB each.
  assert.ok(!server.calls.includes('UploadPart'))
})

/** Faults of the only call of a small put that it survives. */
const survived: Readonly<Record<string, Fault['effect']>> = {
  'a broken connection': 'reset',
  'a lost answer': 'response-lost',
  silence: 'silence',
  'an internal error': { status: 500, code: 'InternalError' },
  'a request to slow down': { status: 503, code: 'SlowDown' },
  'a conflict with an attempt before': { status: 409, code: 'ConditionalRequestConflict' },
  'an error about something done': { doneBut: 500, code: 'InternalError' },
}

for (const [name, effect] of Object.entries(survived)) {
  for (const conditions of [true, false]) {
    test(`a put survives ${name}, with conditional writes ${conditions ? 'and' : 'or'} without`, async () => {
      const { server, store } = await openStore(conditions ? {} : { noConditions: true }, { answerMs: 300 })
      server.break({ operation: 'PutObject', effect })
      const key = newKey()
      await store.put(key, pieces('hello'))
      assert.equal((await read(store, key)).toString(), 'hello')
      assert.deepEqual(await listed(store), [{ key, sizeBytes: 5, published: true }])
    })
  }
}

for (const operation of ['UploadPart', 'CreateMultipartUpload', 'CompleteMultipartUpload']) {
  for (const [name, effect] of Object.entries(survived)) {
    const isRepeated = operation === 'UploadPart' || name === 'a request to slow down'
    const isDone = name === 'a lost answer' || name === 'an error about something done'
    const survives = isRepeated || (operation === 'CompleteMultipartUpload' && isDone)
    // Only writes of whole objects conflict, and two minutes of silence are too long for a test.
    if (name.startsWith('a conflict')) continue
    if (operation === 'CompleteMultipartUpload' && name === 'silence') continue
    const skip =
      !['a broken connection', 'a lost answer', 'a request to slow down'].includes(name) && onlyLong
    test(`a large put ${survives ? 'survives' : 'leaves nothing behind after'} ${name} at ${operation}`, {
      skip,
    }, async () => {
      const { server, store } = await openStore({}, { answerMs: 1_000 })
      // The last part is small, and so is the time that it may take.
      server.break({ operation, effect, skip: operation === 'UploadPart' ? 1 : 0 })
      const key = newKey()
      const bytes = randomBytes(16 * MEBIBYTE + 9)
      const put = store.put(key, cut(bytes, [MEBIBYTE]))
      if (survives) {
        await put
        assert.equal(sha256(await read(store, key)), sha256(bytes))
      } else {
        const code = name === 'silence' ? 'timeout' : 'unavailable'
        await assert.rejects(put, { name: 'StoreError', code })
        await assert.rejects(store.open(key), { code: 'missing' })
        // An upload whose id never reached us is found by whoever collects the key.
        await store.delete(key)
        assert.deepEqual(await listed(store), [])
      }
      assert.equal(server.uploads.size, 0)
    })
  }
}

test('a success with an error in it is a failure', async () => {
  const { server, store } = await openStore({}, { answerMs: 1_000 })
  server.break({ operation: 'CompleteMultipartUpload', effect: { okWith: 'InternalError' } })
  const key = newKey()
  await assert.rejects(store.put(key, cut(randomBytes(17 * MEBIBYTE), [MEBIBYTE])), { code: 'unavailable' })
  await assert.rejects(store.open(key), { code: 'missing' })
  assert.equal(server.uploads.size, 0)
})

test('a large body that fails leaves no upload open', async () => {
  const { server, store } = await openStore()
  const failure = new Error('the body failed')
  await assert.rejects(
    store.put(newKey(), failingAfter(40 * MEBIBYTE, failure)),
    (error) => error === failure,
  )
  assert.deepEqual([server.uploads.size, server.objects.size], [0, 0])
})

test('a store that never answers costs a request a few deadlines, and an upload of many parts no more', async () => {
  const { server, store } = await openStore({}, { answerMs: 300 })
  const key = newKey()
  await store.put(key, pieces('x'))
  const silent = ['PutObject', 'HeadObject', 'GetObject', 'DeleteObject', 'CreateMultipartUpload']
  server.break(...silent.map((operation) => ({ operation, times: 99, effect: 'silence' as const })))
  const bodies = [pieces('x'), cut(Buffer.alloc(17 * MEBIBYTE), [MEBIBYTE])]
  const start = performance.now()
  const calls = [...bodies.map((body) => store.put(newKey(), body)), store.open(key), store.delete(key)]
  for (const outcome of await Promise.allSettled(calls))
    assert.equal(outcome.status === 'rejected' && outcome.reason.code, 'timeout')
  const deadlines = (performance.now() - start) / 300
  assert.ok(deadlines < 8, `${deadlines} deadlines`)
  server.heal()
  assert.equal((await read(store, key)).toString(), 'x')
})

test('a full store is full, and a refusal final', async () => {
  const { server, store } = await openStore()
  const putting = () => store.put(newKey(), pieces('x'))
  server.break({ operation: 'PutObject', effect: { status: 507, code: 'XMinioStorageFull' } })
  await assert.rejects(putting(), { code: 'full' })
  const before = server.calls.length
  server.break({ operation: 'PutObject', effect: { status: 403, code: 'AccessDenied' } })
  await assert.rejects(putting(), { code: 'unavailable' })
  assert.equal(server.calls.slice(before).filter((call) => call === 'PutObject').length, 1)
})

test('a store in trouble is hardly asked more often than a healthy one', async () => {
  const { server, store } = await openStore()
  server.break({ operation: 'PutObject', times: 1_000, effect: { status: 503, code: 'SlowDown' } })
  const before = server.calls.length
  for (let i = 0; i < 60; i++) await assert.rejects(store.put(newKey(), pieces('x')), { code: 'unavailable' })
  const puts = server.calls.slice(before).filter((call) => call === 'PutObject').length
  assert.ok(puts >= 60 && puts <= 60 * 1.4, `${puts} puts`)
  server.heal()
  const key = newKey()
  await store.put(key, pieces('well again'))
  assert.equal((await read(store, key)).toString(), 'well again')
})

test('what a put that was given up brings late is deleted by the next pass', async () => {
  const { server, store } = await openStore({}, { answerMs: 200 })
  server.break({ operation: 'PutObject', times: 3, effect: { delayMs: 1_000 } })
  const key = newKey()
  await assert.rejects(store.put(key, pieces('zombie')), { code: 'timeout' })
  await store.delete(key)
  while (!server.objects.has(nameOf(key))) await delay(20)
  assert.ok(store.lateWriteMs > 15 * 60 * 1000)
  while (server.inFlight > 0) await delay(20)
  await store.delete(key)
  assert.deepEqual(await listed(store), [])
})

test('a large put that nobody could clean up after is found and deleted', async () => {
  const { server, store } = await openStore()
  server.break({
    operation: 'AbortMultipartUpload',
    times: 10,
    effect: { status: 500, code: 'InternalError' },
  })
  const key = newKey()
  await assert.rejects(store.put(key, failingAfter(20 * MEBIBYTE, new Error('x'))), { message: 'x' })
  assert.deepEqual(await listed(store), [{ key, sizeBytes: 0, published: false }])
  server.heal()
  await store.delete(key)
  assert.deepEqual(await listed(store), [])
})

test('a stream that breaks goes on where it broke', async () => {
  const { server, store } = await openStore()
  const key = newKey()
  const bytes = randomBytes(3 * MEBIBYTE)
  await store.put(key, pieces(bytes))
  server.break(
    { operation: 'GetObject', effect: { cutAfter: MEBIBYTE } },
    { operation: 'GetObject', effect: { cutAfter: 700_001 } },
  )
  assert.equal(sha256(await read(store, key)), sha256(bytes))
  server.break({ operation: 'GetObject', effect: { cutAfter: 1 } })
  assert.deepEqual(await read(store, key, { first: 5, last: 99 }), bytes.subarray(5, 100))
})

test('a stream that cannot go on fails, and never ends as if it were whole', async () => {
  const { server, store } = await openStore()
  const key = newKey()
  await store.put(key, pieces(randomBytes(3 * MEBIBYTE)))
  server.break({ operation: 'GetObject', times: 9, effect: { cutAfter: 0 } })
  await assert.rejects(read(store, key))
  server.heal()
  server.break({ operation: 'GetObject', effect: { cutAfter: MEBIBYTE } })
  const stream = await store.open(key)
  const original = server.objects.get(nameOf(key))
  assert.ok(original)
  server.objects.set(nameOf(key), { ...original, etag: '"another"' })
  await assert.rejects(Array.fromAsync(stream))
})

test('a blob that nobody reads holds no connection', async () => {
  const { server, store } = await openStore()
  const key = newKey()
  await store.put(key, pieces(randomBytes(3 * MEBIBYTE)))
  for (let i = 0; i < 20; i++) (await store.open(key)).destroy()
  while ((await server.connections()) > 3) await delay(10)
})

test('a page of a list is not the whole', async () => {
  const { server, store } = await openStore({ pageSize: 3 })
  const keys = Array.from({ length: 10 }, newKey).sort()
  for (const key of keys) await store.put(key, pieces('x'))
  const [object] = server.objects.values()
  assert.ok(object)
  server.objects.set('files/blobs/aa/notes.txt', object)
  assert.deepEqual(
    (await listed(store)).map(({ key }) => key),
    keys,
  )
})

test('two installations never share a bucket', async () => {
  const { server, store } = await openStore()
  assert.equal(await store.claim('one'), 'one')
  assert.equal(await (await reopen(server)).claim('two'), 'one')
})

test('a check notices a store that went away', async () => {
  const { server, store } = await openStore({}, { answerMs: 200 })
  await store.check()
  server.break({ operation: 'PutObject', times: 9, effect: 'silence' })
  await assert.rejects(store.check(), { name: 'StoreError', code: 'timeout' })
})

test('nothing waits for a body that stalls', async () => {
  const { store } = await openStore()
  const body = stalling('half')
  const put = store.put(newKey(), body.chunks)
  await body.stalled
  const key = newKey()
  await store.put(key, pieces('x'))
  assert.equal((await read(store, key)).toString(), 'x')
  body.go()
  await put
  await assert.rejects(store.put(newKey(), endingWith(new Error('x'))), { message: 'x' })
})
