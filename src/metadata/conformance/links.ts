import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { FileRecord } from '../../core/files/file.ts'
import type { FileLink } from '../../core/links/file-links.ts'
import type { MetadataStore } from '../../core/ports/metadata-store.ts'
import { insertTenant, NOW, type OpenStore, sampleFile, testStore } from './samples.ts'

const MAX = 3

async function insertFile(store: MetadataStore, given: Partial<FileRecord> = {}): Promise<FileRecord> {
  const file = sampleFile({ ...(await insertTenant(store)), state: 'stored', ...given })
  await store.commit([{ kind: 'file.insert', file }])
  return file
}

function sampleLink(fileId: string, given: Partial<FileLink> = {}): FileLink {
  return { id: randomUUID(), fileId, createdBy: 'alice', createdAt: NOW, expiresAt: NOW + 10, ...given }
}

const insert = (store: MetadataStore, link: FileLink) =>
  store.commit([{ kind: 'link.insert', link, maxPerFile: MAX }])

export function describeLinks(shared: OpenStore): void {
  testStore(shared, 'a link is found by its id, and listed with its file while it is good', async (store) => {
    const [file, other] = [await insertFile(store), await insertFile(store)]
    const older = sampleLink(file.id, { createdAt: NOW - 5, expiresAt: NOW + 1 })
    const newer = sampleLink(file.id)
    for (const link of [older, newer, sampleLink(other.id)]) await insert(store, link)
    assert.deepEqual(await store.findLink(older.id), older)
    assert.equal(await store.findLink(randomUUID()), undefined)
    assert.deepEqual(await store.listLinks(file.id, NOW), [newer, older])
    assert.deepEqual(await store.listLinks(file.id, NOW + 1), [newer])
  })

  testStore(shared, 'a file has as many good links as it may, whoever makes them at once', async (store) => {
    const file = await insertFile(store)
    await insert(store, sampleLink(file.id, { createdAt: NOW - 20, expiresAt: NOW - 10 }))
    const attempts = Array.from({ length: MAX + 4 }, () => insert(store, sampleLink(file.id)))
    const outcomes = await Promise.allSettled(attempts)
    const refusals = outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
    assert.equal(refusals.length, 4)
    for (const { code, change } of refusals) assert.deepEqual([code, change], ['conflict', 'link.insert'])
    assert.equal((await store.listLinks(file.id, NOW)).length, MAX)
  })

  testStore(shared, 'only stored files get links', async (store) => {
    const conflict = { name: 'StoreError', code: 'conflict', change: 'link.insert' }
    for (const state of ['pending', 'deleted'] as const) {
      const file = await insertFile(store, { state })
      await assert.rejects(insert(store, sampleLink(file.id)), conflict)
    }
    await assert.rejects(insert(store, sampleLink(randomUUID())), conflict)
  })

  testStore(shared, 'a link is deleted once, and with its own file alone', async (store) => {
    const [file, other] = [await insertFile(store), await insertFile(store)]
    const link = sampleLink(file.id)
    await insert(store, link)
    const end = (fileId: string) => store.commit([{ kind: 'link.delete', id: link.id, fileId }])
    const conflict = { name: 'StoreError', code: 'conflict', change: 'link.delete' }
    await assert.rejects(end(other.id), conflict)
    await end(file.id)
    assert.equal(await store.findLink(link.id), undefined)
    await assert.rejects(end(file.id), conflict)
  })

  testStore(shared, 'the links of a file go with it, and no others', async (store) => {
    const [file, other] = [await insertFile(store), await insertFile(store)]
    const [gone, left] = [sampleLink(file.id), sampleLink(other.id)]
    for (const link of [gone, left]) await insert(store, link)
    const guard = { state: 'stored' } as const
    await store.commit([{ kind: 'file.update', id: file.id, guard, patch: { state: 'deleted' } }])
    await store.commit([{ kind: 'file.update', id: other.id, guard, patch: { name: 'other' } }])
    assert.equal(await store.findLink(gone.id), undefined)
    assert.deepEqual(await store.findLink(left.id), left)
  })

  testStore(shared, 'a purge removes the links that are over and no others', async (store) => {
    const file = await insertFile(store)
    const links = [NOW + 1, NOW + 2].map((expiresAt) => sampleLink(file.id, { expiresAt }))
    for (const link of links) await insert(store, link)
    await store.commit([{ kind: 'link.purge', now: NOW + 1 }])
    const found = await Promise.all(links.map(({ id }) => store.findLink(id)))
    assert.deepEqual(found, [undefined, links[1]])
  })
}
