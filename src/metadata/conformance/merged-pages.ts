import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { FileRecord } from '../../core/files/file.ts'
import type { FileOrder } from '../../core/ports/metadata-store.ts'
import { allOrders, compare, cursorAt, insertTies, text } from './pages.ts'
import { type OpenStore, testStore } from './samples.ts'

export function describeMergedPages(shared: OpenStore): void {
  testStore(shared, 'several projects are one list, in every order', async (store) => {
    const { filter, files } = await insertTies(store, 60)
    const others = await insertTies(store, 7)
    const unused = await insertTies(store, 5)
    const projectIds = [filter.projectId, others.filter.projectId, randomUUID()]
    const all = [...files, ...others.files]
    for (const order of allOrders.filter(({ length }) => length < 3)) {
      const expected = all.toSorted((a, b) => compare(a, b, order)).map(({ id }) => id)
      for (const limit of [9, 67, 100]) {
        const seen: string[] = []
        for (let last: FileRecord | undefined; seen.length < all.length; ) {
          const page = await store.pageFilesOf(projectIds, filter, { order, limit, ...cursorAt(last) })
          assert.equal(page.length, Math.min(limit, all.length - seen.length))
          seen.push(...page.map(({ id }) => id))
          last = page.at(-1)
        }
        assert.deepEqual(seen, expected, text(order))
      }
    }
    const order: FileOrder = [{ field: 'id', descending: false }]
    assert.deepEqual(await store.pageFilesOf([], filter, { order, limit: 9 }), [])
    const ids = [...unused.files, ...others.files].map(({ id }) => id)
    const chosen = await store.pageFilesOf(projectIds, { ...filter, ids }, { order, limit: 100 })
    assert.deepEqual(new Set(chosen), new Set(others.files))
    const byId = await store.listFilesById([...ids, randomUUID()])
    assert.deepEqual(new Set(byId), new Set([...unused.files, ...others.files]))
  })
}
