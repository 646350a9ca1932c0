import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { FileRecord, FileState } from '../../core/files/file.ts'
import {
  insertFiles,
  NOW,
  type OpenStore,
  PROJECT_ID,
  sampleFile,
  sampleUpload,
  testStore,
  toListed,
} from './samples.ts'

const everything = { offset: 0, limit: 1000 }

function filterOf(states: readonly FileState[], visibleAt = NOW) {
  return { projectId: PROJECT_ID, states, visibleAt }
}

function ids(files: readonly Pick<FileRecord, 'id'>[]): string[] {
  return files.map(({ id }) => id)
}

export function describeListings(openStore: OpenStore): void {
  testStore(openStore, 'a listing is newest first, ties broken by the greater id', async (store) => {
    const files = Array.from({ length: 30 }, (_, i) => sampleFile({ createdAt: NOW + (i % 4) }))
    await insertFiles(store, files)
    const expected = files.toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
    assert.deepEqual(await store.listFiles(filterOf(['stored']), everything), expected.map(toListed))
  })

  testStore(openStore, 'pages follow on each other without gaps, and end', async (store) => {
    const files = Array.from({ length: 25 }, () => sampleFile())
    await insertFiles(store, files)
    const filter = filterOf(['stored', 'pending'])
    const all = await store.listFiles(filter, everything)
    const pages = [0, 10, 20].map((offset) => store.listFiles(filter, { offset, limit: 10 }))
    assert.deepEqual((await Promise.all(pages)).flat(), all)
    assert.deepEqual(await store.listFiles(filter, { offset: 25, limit: 10 }), [])
    assert.deepEqual(await store.listFiles(filter, { offset: 0, limit: 0 }), [])
    assert.equal(await store.countFiles(filter), 25)
  })

  testStore(openStore, 'a listing shows one project and the states it names', async (store) => {
    const states = ['pending', 'stored', 'cancelled', 'expired'] as const
    const files = states.map((state) => (state === 'stored' ? sampleFile() : sampleUpload({ state })))
    const foreign = sampleFile({ projectId: randomUUID() })
    await insertFiles(store, [...files, foreign])
    for (const [i, state] of states.entries()) {
      assert.deepEqual(ids(await store.listFiles(filterOf([state]), everything)), [files[i]?.id])
      assert.equal(await store.countFiles(filterOf([state])), 1)
    }
    assert.equal((await store.listFiles(filterOf(states), everything)).length, 4)
    assert.equal(await store.countFiles(filterOf(states)), 4)
    assert.deepEqual(await store.listFiles(filterOf([]), everything), [])
    assert.equal(await store.countFiles(filterOf([])), 0)
  })

  testStore(openStore, 'a stored file vanishes at the instant of its expiry', async (store) => {
    const file = sampleFile({ expiresAt: NOW })
    await insertFiles(store, [file])
    // Back and forth, and with the page that SQLite keeps.
    for (const page of [everything, { offset: 0, limit: 25 }]) {
      for (const [at, files] of [
        [NOW - 1, [toListed(file)]],
        [NOW, []],
        [NOW - 1, [toListed(file)]],
      ] as const) {
        assert.deepEqual(await store.listFiles(filterOf(['stored'], at), page), files)
        assert.equal(await store.countFiles(filterOf(['stored'], at)), files.length)
      }
    }
    assert.deepEqual(await store.findFile(file.id), file)
  })

  testStore(openStore, 'a lapsed upload stays listed under its stored state', async (store) => {
    const upload = sampleUpload({ uploadExpiresAt: NOW - 5, expiresAt: NOW - 5 })
    await insertFiles(store, [upload])
    assert.deepEqual(await store.listFiles(filterOf(['pending']), everything), [toListed(upload)])
  })

  testStore(openStore, 'open uploads are the pending ones whose time is not over', async (store) => {
    const uploads = [NOW - 1, NOW, NOW + 1, NOW + 2].map((uploadExpiresAt) =>
      sampleUpload({ uploadExpiresAt }),
    )
    const { organizationId, projectId } = uploads[0] as FileRecord
    const elsewhere = sampleUpload({ organizationId, projectId: randomUUID() })
    await insertFiles(store, [...uploads, elsewhere, sampleFile(), sampleUpload({ state: 'cancelled' })])
    const filter = { ...filterOf(['pending']), openUploads: true } as const
    const page = { order: [{ field: 'id', descending: false }], limit: 10 } as const
    const open = ids(uploads.slice(2)).toSorted()
    assert.deepEqual(ids(await store.pageFiles(filter, page)), open)
    assert.equal(await store.countFiles(filter), 2)
    const both = await store.pageFilesOf([projectId, elsewhere.projectId], filter, page)
    assert.deepEqual(ids(both), [...open, elsewhere.id].toSorted())
  })

  testStore(openStore, 'a deleted file is never listed, but found', async (store) => {
    const file = sampleFile()
    await insertFiles(store, [file])
    await store.commit([
      { kind: 'file.update', id: file.id, guard: { state: 'stored' }, patch: { state: 'deleted' } },
    ])
    const filter = filterOf(['stored', 'deleted', 'pending', 'expired', 'cancelled'])
    assert.deepEqual(await store.listFiles(filter, everything), [])
    assert.equal(await store.countFiles(filter), 0)
    assert.equal((await store.findFile(file.id))?.state, 'deleted')
  })

  testStore(
    openStore,
    'lapsed uploads are the pending ones whose time is over, oldest first',
    async (store) => {
      const due = [3, 1, 2].map((age) => sampleUpload({ uploadExpiresAt: NOW - age }))
      const atOnce = sampleUpload({ uploadExpiresAt: NOW })
      await insertFiles(store, [
        ...due,
        atOnce,
        sampleUpload({ uploadExpiresAt: NOW + 1 }),
        sampleUpload({ uploadExpiresAt: null }),
        sampleUpload({ uploadExpiresAt: NOW - 9, state: 'cancelled' }),
        sampleFile({ uploadExpiresAt: NOW - 9 }),
      ])
      const expected = [due[0], due[2], due[1], atOnce].map((file) => file?.id)
      assert.deepEqual(ids(await store.listLapsedUploads(NOW, 10)), expected)
      assert.deepEqual(ids(await store.listLapsedUploads(NOW, 2)), expected.slice(0, 2))
    },
  )

  testStore(
    openStore,
    'expired files are the stored ones whose expiry has passed, oldest first',
    async (store) => {
      const due = [3, 1, 2].map((age) => sampleFile({ expiresAt: NOW - age }))
      const atOnce = sampleFile({ expiresAt: NOW })
      await insertFiles(store, [
        ...due,
        atOnce,
        sampleFile({ expiresAt: NOW + 1 }),
        sampleFile(),
        sampleFile({ expiresAt: NOW - 9, state: 'deleted' }),
        sampleUpload({ expiresAt: NOW - 9 }),
      ])
      const expected = [due[0], due[2], due[1], atOnce].map((file) => file?.id)
      assert.deepEqual(ids(await store.listExpiredFiles(NOW, 10)), expected)
      assert.deepEqual(ids(await store.listExpiredFiles(NOW, 1)), expected.slice(0, 1))
    },
  )
}
