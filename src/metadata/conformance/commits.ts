import assert from 'node:assert/strict'
import type { Change } from '../../core/ports/changes.ts'
import {
  insertFiles,
  NOW,
  newKey,
  type OpenStore,
  sampleFile,
  sampleOrganization,
  sampleUpload,
  testStore,
} from './samples.ts'

const conflict = { name: 'StoreError', code: 'conflict' }

export function describeCommits(openStore: OpenStore, shared: OpenStore): void {
  testStore(shared, 'a commit of nothing succeeds', async (store) => {
    await store.commit([])
  })

  testStore(
    shared,
    'a guard that does not hold undoes the whole commit, earlier steps included',
    async (store) => {
      const [first, missing, after] = [sampleFile(), sampleFile(), sampleFile()]
      const commit = store.commit([
        { kind: 'file.insert', file: first },
        { kind: 'file.update', id: missing.id, guard: { state: 'stored' }, patch: { name: 'x' } },
        { kind: 'file.insert', file: after },
      ])
      await assert.rejects(commit, conflict)
      assert.equal(await store.findFile(first.id), undefined)
      assert.equal(await store.findFile(after.id), undefined)
    },
  )

  testStore(shared, 'a taken unique value undoes the whole commit', async (store) => {
    const [first, second] = [sampleFile(), sampleFile()]
    await insertFiles(store, [second])
    await assert.rejects(insertFiles(store, [first, second]), conflict)
    assert.equal(await store.findFile(first.id), undefined)
  })

  testStore(openStore, 'later steps of a commit build on earlier ones', async (store) => {
    const upload = sampleUpload()
    const key = newKey()
    await store.commit([
      { kind: 'file.insert', file: upload },
      { kind: 'blob.intend', blob: { key, collectAfter: NOW } },
      { kind: 'blob.claim', key },
      {
        kind: 'file.update',
        id: upload.id,
        guard: { state: 'pending' },
        patch: { state: 'stored', blobKey: key },
      },
    ])
    assert.deepEqual(await store.findFile(upload.id), { ...upload, state: 'stored', blobKey: key })
    assert.deepEqual(await store.listCollectableBlobs(NOW, 10), [])
  })

  testStore(shared, 'commits made at once share no fate: each failing one fails alone', async (store) => {
    const files = Array.from({ length: 60 }, () => sampleFile())
    const wrong = (i: number) => i % 7 === 3
    const results = await Promise.allSettled(
      files.map((file, i) =>
        store.commit([
          { kind: 'file.insert', file },
          ...(wrong(i) ? [{ kind: 'blob.claim', key: newKey() } satisfies Change] : []),
        ]),
      ),
    )
    for (const [i, file] of files.entries()) {
      assert.equal(results[i]?.status, wrong(i) ? 'rejected' : 'fulfilled')
      assert.deepEqual(await store.findFile(file.id), wrong(i) ? undefined : file)
    }
  })

  testStore(shared, 'of many commits with the same guard exactly one wins', async (store) => {
    const upload = sampleUpload()
    await insertFiles(store, [upload])
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) =>
        store.commit([
          {
            kind: 'file.update',
            id: upload.id,
            guard: { state: 'pending' },
            patch: { state: i % 2 ? 'stored' : 'cancelled', updatedBy: `user-${i}` },
          },
        ]),
      ),
    )
    const winners = results.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []))
    assert.equal(winners.length, 1)
    assert.equal((await store.findFile(upload.id))?.updatedBy, `user-${winners[0]}`)
  })

  testStore(shared, 'a read sees a commit as soon as it is acknowledged', async (store) => {
    const check = async () => {
      const file = sampleFile()
      await insertFiles(store, [file])
      assert.deepEqual(await store.findFile(file.id), file)
    }
    for (let round = 0; round < 5; round++) await Promise.all(Array.from({ length: 20 }, check))
  })

  testStore(
    openStore,
    'what was committed is there after a reopening, and the store id is the same',
    async (store, opened) => {
      const file = sampleFile()
      const organization = sampleOrganization()
      await store.commit([
        { kind: 'file.insert', file },
        { kind: 'organization.insert', organization },
      ])
      const storeId = await store.storeId()
      assert.match(storeId, /^[0-9a-f-]{36}$/)
      const again = (await opened.reopen?.()) ?? store
      assert.deepEqual(await again.findFile(file.id), file)
      assert.deepEqual(await again.listOrganizations(), [organization])
      assert.equal(await again.storeId(), storeId)
    },
  )

  testStore(openStore, 'two stores have different ids', async (store) => {
    const other = await openStore()
    assert.notEqual(await store.storeId(), await other.store.storeId())
    await other.cleanup()
  })

  testStore(
    openStore,
    'closing keeps what was queued and refuses what comes later',
    async (store, opened) => {
      const files = Array.from({ length: 20 }, () => sampleFile())
      const queued = files.map((file) => insertFiles(store, [file]))
      const again = opened.reopen === undefined ? undefined : opened.reopen()
      await Promise.all(queued)
      if (again === undefined) return
      for (const file of files) assert.deepEqual(await (await again).findFile(file.id), file)
      await assert.rejects(insertFiles(store, [sampleFile()]), { name: 'StoreError', code: 'unavailable' })
      await assert.rejects(store.check(), { name: 'StoreError', code: 'unavailable' })
    },
  )

  testStore(shared, 'a store that works passes its check', async (store) => {
    await store.check()
  })
}
