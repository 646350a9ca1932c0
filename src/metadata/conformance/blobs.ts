import assert from 'node:assert/strict'
import type { Change } from '../../core/ports/changes.ts'
import type { MetadataStore } from '../../core/ports/metadata-store.ts'
import { insertFiles, NOW, newKey, type OpenStore, sampleFile, testStore } from './samples.ts'

const conflict = { name: 'StoreError', code: 'conflict' }

function intend(key: string, collectAfter = NOW): Change {
  return { kind: 'blob.intend', blob: { key, collectAfter } }
}
function release(key: string, collectAfter = NOW, mayComeLate = false): Change {
  return { kind: 'blob.release', blob: { key, collectAfter, mayComeLate } }
}
async function collectable(store: MetadataStore, now = NOW): Promise<string[]> {
  return (await store.listCollectableBlobs(now, 100)).map(({ key }) => key)
}

export function describeBlobs(openStore: OpenStore, shared: OpenStore): void {
  testStore(openStore, 'an intended blob is known, and collectable from its instant on', async (store) => {
    const key = newKey()
    assert.equal(await store.knowsBlob(key), false)
    await store.commit([intend(key, NOW + 1)])
    assert.equal(await store.knowsBlob(key), true)
    assert.deepEqual(await collectable(store, NOW), [])
    assert.deepEqual(await store.listCollectableBlobs(NOW + 1, 10), [
      { key, collectAfter: NOW + 1, mayComeLate: true },
    ])
  })

  testStore(shared, 'a key is intended once, and never if a file points at it', async (store) => {
    const key = newKey()
    await store.commit([intend(key)])
    await assert.rejects(store.commit([intend(key)]), conflict)
    const file = sampleFile()
    await insertFiles(store, [file])
    await assert.rejects(store.commit([intend(file.blobKey as string)]), conflict)
  })

  testStore(
    openStore,
    'a claimed blob is no longer collectable; it is known while a file points at it',
    async (store) => {
      const key = newKey()
      await store.commit([intend(key)])
      const file = sampleFile({ blobKey: key })
      await store.commit([
        { kind: 'blob.claim', key },
        { kind: 'file.insert', file },
      ])
      assert.deepEqual(await collectable(store), [])
      assert.equal(await store.knowsBlob(key), true)
      await assert.rejects(store.commit([{ kind: 'blob.collect', key }]), conflict)
      await assert.rejects(store.commit([{ kind: 'blob.claim', key }]), conflict)
    },
  )

  testStore(openStore, 'a blob that a file points at cannot be released in error', async (store) => {
    const file = sampleFile()
    await insertFiles(store, [file])
    const key = file.blobKey as string
    await store.commit([release(key)])
    assert.deepEqual(await collectable(store), [])
    await assert.rejects(store.commit([{ kind: 'blob.collect', key }]), conflict)
    // In one commit the file lets go of it first.
    const patch = { state: 'deleted', blobKey: null } as const
    await store.commit([
      { kind: 'file.update', id: file.id, guard: { state: 'stored' }, patch },
      release(key),
    ])
    assert.deepEqual(await collectable(store), [key])
    await store.commit([{ kind: 'blob.collect', key }])
  })

  testStore(
    openStore,
    'a blob whose collection has begun cannot be claimed, however it is released',
    async (store) => {
      const key = newKey()
      await store.commit([intend(key)])
      await store.commit([{ kind: 'blob.collect', key }])
      await assert.rejects(store.commit([{ kind: 'blob.claim', key }]), conflict)
      await store.commit([release(key)])
      await assert.rejects(store.commit([{ kind: 'blob.claim', key }]), conflict)
      assert.deepEqual(await collectable(store), [key])
      await store.commit([{ kind: 'blob.collect', key }])
    },
  )

  testStore(shared, 'claim and collect at once have one winner', async (store) => {
    for (let round = 0; round < 10; round++) {
      const key = newKey()
      await store.commit([intend(key)])
      const both: Change[] = [
        { kind: 'blob.claim', key },
        { kind: 'blob.collect', key },
      ]
      const order = round % 2 ? both : both.toReversed()
      const results = await Promise.allSettled(order.map((change) => store.commit([change])))
      assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
    }
  })

  testStore(shared, 'an unknown blob can be neither claimed nor collected', async (store) => {
    await assert.rejects(store.commit([{ kind: 'blob.claim', key: newKey() }]), conflict)
    await assert.rejects(store.commit([{ kind: 'blob.collect', key: newKey() }]), conflict)
  })

  testStore(openStore, 'a release lists the blob, and only ever lowers its instant', async (store) => {
    const key = newKey()
    await store.commit([release(key, NOW + 10)])
    await store.commit([release(key, NOW + 20)])
    assert.deepEqual(await store.listCollectableBlobs(NOW + 10, 9), [
      { key, collectAfter: NOW + 10, mayComeLate: false },
    ])
    await store.commit([release(key, NOW + 5)])
    assert.deepEqual(await store.listCollectableBlobs(NOW + 5, 9), [
      { key, collectAfter: NOW + 5, mayComeLate: false },
    ])
    await store.commit([{ kind: 'blob.claim', key }])
    assert.equal(await store.knowsBlob(key), false)
  })

  testStore(openStore, 'a blob whose bytes may come late is collected again, once', async (store) => {
    const [whole, broken] = [newKey(), newKey()] as const
    await store.commit([intend(broken)])
    // Whoever releases it may think that all has come: it was intended, and may have been sent more than once.
    await store.commit([release(whole, NOW - 1), release(broken)])
    assert.deepEqual(await store.listCollectableBlobs(NOW, 9), [
      { key: whole, collectAfter: NOW - 1, mayComeLate: false },
      { key: broken, collectAfter: NOW, mayComeLate: true },
    ])
    await store.commit([{ kind: 'blob.collect', key: broken }])
    await store.commit([{ kind: 'blob.collect-again', key: broken, collectAfter: NOW + 7 }])
    assert.deepEqual(await collectable(store, NOW + 6), [whole])
    assert.deepEqual((await store.listCollectableBlobs(NOW + 7, 9)).at(-1), {
      key: broken,
      collectAfter: NOW + 7,
      mayComeLate: false,
    })
    await assert.rejects(store.commit([{ kind: 'blob.claim', key: broken }]), conflict)
    assert.equal(await store.knowsBlob(broken), true)
  })

  testStore(openStore, 'a forgotten blob is unknown, and forgetting twice is no harm', async (store) => {
    const key = newKey()
    await store.commit([intend(key), { kind: 'blob.collect', key }])
    await store.commit([{ kind: 'blob.forget', key }])
    await store.commit([{ kind: 'blob.forget', key }])
    assert.equal(await store.knowsBlob(key), false)
    assert.deepEqual(await collectable(store), [])
  })

  testStore(openStore, 'collectable blobs are listed oldest first, up to the limit', async (store) => {
    const keys = [newKey(), newKey(), newKey()] as const
    await store.commit([release(keys[0], NOW - 1), intend(keys[1], NOW - 3), intend(keys[2], NOW - 2)])
    assert.deepEqual(await collectable(store), [keys[1], keys[2], keys[0]])
    assert.equal((await store.listCollectableBlobs(NOW, 2)).length, 2)
  })

  testStore(
    openStore,
    'released blobs are also listed ahead of their time, intended ones are not',
    async (store) => {
      const [intended, released] = [newKey(), newKey()] as const
      await store.commit([intend(intended, NOW + 5), release(released, NOW + 5)])
      const ahead = async (releasedUntil: number) =>
        (await store.listCollectableBlobs(NOW, 9, releasedUntil)).map(({ key }) => key)
      assert.deepEqual(await ahead(NOW + 4), [])
      assert.deepEqual(await ahead(NOW + 5), [released])
    },
  )

  testStore(
    openStore,
    'the end of leases makes intended blobs collectable, released ones keep their time',
    async (store) => {
      const [intended, released, claimed, early] = [newKey(), newKey(), newKey(), newKey()] as const
      await store.commit([intend(intended, NOW + 99), release(released, NOW + 99), intend(claimed, NOW + 99)])
      await store.commit([intend(early, NOW - 5), { kind: 'blob.claim', key: claimed }])
      await store.commit([{ kind: 'leases.end', now: NOW }])
      assert.deepEqual(await store.listCollectableBlobs(NOW, 9), [
        { key: early, collectAfter: NOW - 5, mayComeLate: true },
        { key: intended, collectAfter: NOW, mayComeLate: true },
      ])
      assert.deepEqual((await store.listCollectableBlobs(NOW + 99, 9)).at(-1), {
        key: released,
        collectAfter: NOW + 99,
        mayComeLate: false,
      })
    },
  )

  testStore(openStore, 'referenced blobs are paged in key order', async (store) => {
    const files = Array.from({ length: 7 }, () => sampleFile())
    const gone = sampleFile({ state: 'deleted', blobKey: null })
    await insertFiles(store, [...files, gone])
    const expected = files
      .map(({ id, blobKey, blobSizeBytes, sha256 }) => ({
        key: blobKey,
        fileId: id,
        start: null,
        sizeBytes: blobSizeBytes,
        sha256,
      }))
      .toSorted((a, b) => ((a.key as string) < (b.key as string) ? -1 : 1))
    const first = await store.listReferencedBlobs(undefined, 3)
    const second = await store.listReferencedBlobs(first.at(-1)?.key, 3)
    const third = await store.listReferencedBlobs(second.at(-1)?.key, 3)
    assert.deepEqual([...first, ...second, ...third], expected)
    assert.deepEqual(await store.listReferencedBlobs(third.at(-1)?.key, 3), [])
  })
}
