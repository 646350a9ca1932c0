import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../../../test/seeded-random.ts'
import type { ReferencedBlob } from '../ports/metadata-store.ts'
import { estimateBlobs } from './estimate-blobs.ts'

/** Blobs of 1 to 2,000 bytes, in pages as the store has them. */
function storeOf(count: number) {
  const random = new SeededRandom(7)
  const digit = () => random.between(0, 15).toString(16)
  const blobs = Array.from({ length: count }, (): ReferencedBlob => {
    const key = Array.from({ length: 32 }, digit).join('')
    return { key, fileId: '', start: null, sizeBytes: random.between(1, 2000), sha256: '' }
  }).sort((a, b) => (a.key < b.key ? -1 : 1))
  const listReferencedBlobs = async (after = '', limit: number) =>
    blobs.filter(({ key }) => key > after).slice(0, limit)
  return { listReferencedBlobs, bytes: blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) }
}

test('few blobs are counted, many are estimated from a sample', async () => {
  for (const count of [0, 1, 1000, 4999]) {
    const store = storeOf(count)
    assert.deepEqual(await estimateBlobs(store), { blobs: count, bytes: store.bytes, isExact: true })
  }
  const store = storeOf(30_000)
  const { blobs, bytes, isExact } = await estimateBlobs(store)
  assert.equal(isExact, false)
  assert.ok(Math.abs(blobs / 30_000 - 1) < 0.05, `${blobs} blobs`)
  assert.ok(Math.abs(bytes / store.bytes - 1) < 0.05, `${bytes} of ${store.bytes} bytes`)
})
