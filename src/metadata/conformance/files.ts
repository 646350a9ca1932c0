import assert from 'node:assert/strict'
import { newFileId } from '../../core/files/create-file.ts'
import type { FileRecord } from '../../core/files/file.ts'
import type { FileGuard, FilePatch } from '../../core/ports/changes.ts'
import type { MetadataStore } from '../../core/ports/metadata-store.ts'
import { insertFiles, NOW, newKey, type OpenStore, sampleFile, sampleUpload, testStore } from './samples.ts'

const conflict = { name: 'StoreError', code: 'conflict' }

function update(store: MetadataStore, file: FileRecord, guard: FileGuard, patch: FilePatch): Promise<void> {
  return store.commit([{ kind: 'file.update', id: file.id, guard, patch }])
}

export function describeFiles(shared: OpenStore): void {
  testStore(shared, 'a file comes back as it went in, field by field', async (store) => {
    const full = sampleFile({
      md5: 'b'.repeat(32),
      alias: 'chosen-name',
      visibility: 'subject',
      lineCount: 0,
      placedParts: 'd'.repeat(64),
      expectedSha256: 'a'.repeat(64),
      expiresAt: NOW + 1,
      expiryPolicy: 'since-created',
      ttlDays: 7,
    })
    const bare = sampleUpload({ name: '', purpose: null, description: '', labels: {}, externalId: null })
    const large = sampleUpload({
      sizeBytes: Number.MAX_SAFE_INTEGER,
      uploadMaxBytes: Number.MAX_SAFE_INTEGER,
      name: '\u202E%00\t',
      mimeType: '',
    })
    await insertFiles(store, [full, bare, large])
    for (const file of [full, bare, large]) assert.deepEqual(await store.findFile(file.id), file)
    assert.equal(await store.findFile(newFileId(NOW)), undefined)
  })

  testStore(shared, 'an id and a blob key are taken once', async (store) => {
    const file = sampleFile()
    await insertFiles(store, [file, sampleUpload(), sampleUpload()])
    await assert.rejects(insertFiles(store, [sampleFile({ id: file.id })]), conflict)
    await assert.rejects(insertFiles(store, [sampleFile({ blobKey: file.blobKey })]), conflict)
  })

  testStore(shared, 'an update changes the named fields and no other', async (store) => {
    const [file, other] = [sampleFile(), sampleFile()]
    await insertFiles(store, [file, other])
    const patches: FilePatch[] = [
      { name: 'new' },
      { labels: { a: '1' }, description: 'd', updatedAt: NOW + 1, updatedBy: 'user-2' },
      { expiresAt: NOW + 5, expiryPolicy: 'at', ttlDays: 3, lastActiveAt: NOW + 2, writeOnce: false },
      { purpose: null, externalId: null, md5: 'c'.repeat(32), mimeType: 'text/plain', sizeBytes: 99 },
      { name: undefined, description: 'only this' },
      {},
    ]
    let expected = file
    for (const patch of patches) {
      await update(store, file, { state: 'stored' }, patch)
      const named = Object.entries(patch).filter(([, value]) => value !== undefined)
      expected = { ...expected, ...Object.fromEntries(named) }
      assert.deepEqual(await store.findFile(file.id), expected)
    }
    assert.deepEqual(await store.findFile(other.id), other)
  })

  testStore(shared, 'an update is refused if the state is another or the row is missing', async (store) => {
    const file = sampleUpload()
    await insertFiles(store, [file])
    await assert.rejects(update(store, file, { state: 'stored' }, { name: 'x' }), conflict)
    await assert.rejects(update(store, file, { state: 'stored' }, {}), conflict)
    await assert.rejects(update(store, sampleUpload(), { state: 'pending' }, { name: 'x' }), conflict)
    assert.deepEqual(await store.findFile(file.id), file)
  })

  testStore(shared, 'a guard compares null as a value', async (store) => {
    const key = newKey()
    const withNulls = sampleUpload()
    const withValues = sampleUpload({ blobKey: key, expiresAt: NOW })
    await insertFiles(store, [withNulls, withValues])
    const wrong: [FileRecord, Partial<FileGuard>][] = [
      [withNulls, { blobKey: key }],
      [withNulls, { expiresAt: NOW }],
      [withNulls, { blobKey: null, expiresAt: NOW }],
      [withValues, { blobKey: null }],
      [withValues, { blobKey: newKey() }],
      [withValues, { expiresAt: null }],
      [withValues, { expiresAt: NOW + 1 }],
      [withValues, { blobKey: key, expiresAt: null }],
      [withValues, { sizeBytes: withValues.sizeBytes + 1 }],
      [withValues, { uploadMaxBytes: 1 }],
    ]
    for (const [file, guard] of wrong) {
      await assert.rejects(update(store, file, { state: 'pending', ...guard }, { name: 'x' }), conflict)
    }
    await update(
      store,
      withNulls,
      { state: 'pending', blobKey: null, expiresAt: null },
      { blobKey: newKey() },
    )
    await update(store, withValues, { state: 'pending', blobKey: key, expiresAt: NOW }, { blobKey: null })
    assert.equal((await store.findFile(withValues.id))?.blobKey, null)
  })

  testStore(shared, 'a patch may change the very fields that its guard compares', async (store) => {
    const file = sampleFile({ expiresAt: NOW })
    await insertFiles(store, [file])
    const patch = { state: 'deleted', blobKey: null, expiresAt: NOW + 1 } as const
    await update(store, file, { state: 'stored', blobKey: file.blobKey, expiresAt: NOW }, patch)
    assert.deepEqual(await store.findFile(file.id), { ...file, ...patch })
  })
}
