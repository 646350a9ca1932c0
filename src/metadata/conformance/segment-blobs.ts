import assert from 'node:assert/strict'
import type { Change } from '../../core/ports/changes.ts'
import type { MetadataStore } from '../../core/ports/metadata-store.ts'
import { insertFiles, NOW, type OpenStore, sampleFile, sampleUpload, testStore } from './samples.ts'
import { blobAt, conflict, inlineAt, insert, release, terms, uploadOf } from './segment-samples.ts'

async function collectable(store: MetadataStore): Promise<string[]> {
  return (await store.listCollectableBlobs(NOW, 1000)).map(({ key }) => key)
}

export function describeSegmentBlobs(openStore: OpenStore, shared: OpenStore): void {
  testStore(
    openStore,
    'a blob that a segment points at is known, and not given up in error',
    async (store) => {
      const segment = blobAt(0)
      const key = segment.blobKey as string
      const file = await uploadOf(store, [segment])
      assert.equal(await store.knowsBlob(key), true)
      await store.commit([{ kind: 'blob.release', blob: { key, ...terms } }])
      assert.deepEqual(await collectable(store), [])
      await assert.rejects(store.commit([{ kind: 'blob.collect', key }]), conflict)
      await assert.rejects(
        store.commit([{ kind: 'blob.intend', blob: { key, collectAfter: NOW } }]),
        conflict,
      )
      await assert.rejects(store.commit([insert(file.id, { ...blobAt(10), blobKey: key })]), conflict)
      await store.commit([release(file.id, segment)])
      assert.equal(await store.knowsBlob(key), true)
    },
  )

  testStore(shared, 'of a segment that claims a blob and its collection one wins', async (store) => {
    const file = await uploadOf(store, [])
    for (let round = 0; round < 10; round++) {
      const segment = blobAt(round)
      const key = segment.blobKey as string
      await store.commit([{ kind: 'blob.intend', blob: { key, collectAfter: NOW } }])
      const both: Change[][] = [
        [{ kind: 'blob.claim', key }, insert(file.id, segment)],
        [{ kind: 'blob.collect', key }],
      ]
      const order = round % 2 ? both : both.toReversed()
      const results = await Promise.allSettled(order.map((changes) => store.commit(changes)))
      assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
    }
  })

  testStore(
    openStore,
    'blobs of segments and of whole files are paged together, in key order',
    async (store) => {
      const whole = Array.from({ length: 4 }, () => sampleFile())
      await insertFiles(store, whole)
      const segments = [blobAt(0), blobAt(10, 3), inlineAt(13, new Uint8Array([7])), blobAt(14), blobAt(-2)]
      const upload = await uploadOf(store, segments)
      const ofSegments = segments.flatMap(({ blobKey: key, start, sizeBytes, sha256 }) =>
        key === null ? [] : [{ key, fileId: upload.id, start, sizeBytes, sha256 }],
      )
      const ofFiles = whole.map(({ id: fileId, blobKey: key, blobSizeBytes: sizeBytes, sha256 }) => {
        return { key: key as string, fileId, start: null, sizeBytes, sha256 }
      })
      const expected = [...ofSegments, ...ofFiles].sort((a, b) => (a.key < b.key ? -1 : 1))
      for (const limit of [1, 3, 8, 100]) {
        const found = []
        for (let page = await store.listReferencedBlobs(undefined, limit); page.length > 0; ) {
          assert.ok(page.length <= limit)
          found.push(...page)
          page = await store.listReferencedBlobs(page.at(-1)?.key, limit)
        }
        assert.deepEqual(found, expected)
      }
    },
  )

  testStore(openStore, 'files in segments are paged with what these add up to', async (store) => {
    await insertFiles(store, [sampleFile(), sampleUpload()])
    const sizes = [[], [3, 4], [5], [1, 2, 3]]
    const expected = []
    for (const own of sizes) {
      const segments = own.map((size, at) => blobAt(at * 10, size))
      const { id } = await uploadOf(store, [...segments, blobAt(-3)], { blobSizeBytes: own[0] ?? null })
      const segmentBytes = own.reduce((sum, size) => sum + size, 0)
      const end = own.length === 0 ? 0 : (own.length - 1) * 10 + (own.at(-1) ?? 0)
      const told = { blobSizeBytes: own[0] ?? null, sha256: null, segments: own.length, segmentBytes, end }
      expected.push({ id, ...told })
    }
    expected.sort((a, b) => (a.id < b.id ? -1 : 1))
    const first = await store.listSegmentedFiles(undefined, 3)
    assert.deepEqual(first, expected.slice(0, 3))
    assert.deepEqual(await store.listSegmentedFiles(first.at(-1)?.id, 3), expected.slice(3))
  })
}
