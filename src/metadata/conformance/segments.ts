import assert from 'node:assert/strict'
import type { FileRecord } from '../../core/files/file.ts'
import type { NewSegment } from '../../core/ports/changes.ts'
import type { MetadataStore } from '../../core/ports/metadata-store.ts'
import { insertFiles, NOW, type OpenStore, sampleFile, testStore } from './samples.ts'
import { blobAt, conflict, inlineAt, insert, release, sha256Of, told, uploadOf } from './segment-samples.ts'

const allSegments = (store: MetadataStore, { id }: FileRecord) => store.listSegments(id, 0, 100)

async function bytesOf(store: MetadataStore, { id }: FileRecord, start: number): Promise<Uint8Array | null> {
  const bytes = await store.findSegmentBytes(id, start)
  return bytes === undefined ? null : new Uint8Array(bytes)
}

async function collectable(store: MetadataStore): Promise<string[]> {
  return (await store.listCollectableBlobs(NOW, 1000)).map(({ key }) => key)
}

export function describeSegments(openStore: OpenStore, shared: OpenStore): void {
  describeKept(openStore, shared)
  describeReleases(openStore, shared)
}

function describeKept(openStore: OpenStore, shared: OpenStore): void {
  testStore(
    openStore,
    'segments come back as they went in, also after the store was closed',
    async (_, opened) => {
      const everyByte = Uint8Array.from({ length: 65_536 }, (_value, at) => at % 256)
      const segments = [
        inlineAt(0, new Uint8Array(0)),
        inlineAt(1, everyByte),
        blobAt(Number.MAX_SAFE_INTEGER - 10),
      ] as const
      const before = opened.store
      const file = await uploadOf(before, segments)
      const store = (await opened.reopen?.()) ?? before
      for (const segment of segments) {
        assert.deepEqual(await store.listSegments(file.id, segment.start, 1), [told(segment)])
        assert.deepEqual(await bytesOf(store, file, segment.start), segment.bytes)
      }
      assert.equal(await store.findSegmentBytes(file.id, 2), undefined)
      assert.deepEqual(await store.findFile(file.id), file)
    },
  )

  testStore(shared, 'of two segments at one place the first stays', async (store) => {
    const [first, second] = [blobAt(0), blobAt(0)] as const
    const file = await uploadOf(store, [first])
    await assert.rejects(store.commit([insert(file.id, second)]), { ...conflict, change: 'segment.insert' })
    const other = await uploadOf(store, [second])
    assert.deepEqual(await allSegments(store, file), [told(first)])
    assert.deepEqual(await allSegments(store, other), [told(second)])
    const commits = [1, 2, 3, 4].map(() => store.commit([insert(file.id, blobAt(10))]))
    const results = await Promise.allSettled(commits)
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
  })

  testStore(shared, 'segments are listed from the one that holds a byte, up to the limit', async (store) => {
    const segments = [blobAt(0), inlineAt(10, new Uint8Array(5)), blobAt(15), blobAt(25, 1)] as const
    const parts = [blobAt(-7), blobAt(-3)] as const
    const file = await uploadOf(store, [...segments.toReversed(), ...parts.toReversed()])
    const listed = async (from: number, limit = 9) =>
      (await store.listSegments(file.id, from, limit)).map(({ start }) => start)
    assert.deepEqual(await listed(0), [0, 10, 15, 25])
    assert.deepEqual(await listed(9), [0, 10, 15, 25])
    assert.deepEqual(await listed(10), [10, 15, 25])
    assert.deepEqual(await listed(24, 1), [15])
    assert.deepEqual(await listed(99), [25])
    assert.deepEqual(await store.listParts(file.id, 9), parts.map(told))
    assert.deepEqual(await store.listParts(file.id, 1), [told(parts[0])])
    assert.deepEqual(await store.listSegments(sampleFile().id, 0, 9), [])
  })

  testStore(shared, 'a part gets a place that is free, once', async (store) => {
    const [one, two, bytes] = [blobAt(-5), blobAt(-9), inlineAt(-1, new Uint8Array([1, 2]))] as const
    const file = await uploadOf(store, [one, two, bytes])
    const place = (start: number, newStart: number) =>
      store.commit([{ kind: 'segment.place', fileId: file.id, start, newStart }])
    await place(-5, 0)
    await assert.rejects(place(-5, 10), { ...conflict, change: 'segment.place' })
    await assert.rejects(place(-9, 0), conflict)
    await place(-1, 10)
    assert.deepEqual(await bytesOf(store, file, 10), bytes.bytes)
    assert.deepEqual(
      (await allSegments(store, file)).map(({ start, blobKey }) => ({ start, blobKey })),
      [
        { start: 0, blobKey: one.blobKey },
        { start: 10, blobKey: null },
      ],
    )
    assert.deepEqual(await store.listParts(file.id, 9), [told(two)])
  })

  testStore(openStore, 'files whose segments may be joined are listed, and no others', async (store) => {
    const due = await uploadOf(store, [], { joinDue: true })
    const stored = sampleFile({ layout: 'segments', blobKey: null, joinDue: true })
    await insertFiles(store, [stored, sampleFile()])
    await uploadOf(store, [blobAt(0)])
    const byId = (a: FileRecord, b: FileRecord) => (a.id < b.id ? -1 : 1)
    assert.deepEqual([...(await store.listFilesToJoin(9))].sort(byId), [due, stored].sort(byId))
    assert.equal((await store.listFilesToJoin(1)).length, 1)
    const patch = { joinDue: false, segmentCount: 3 }
    await store.commit([{ kind: 'file.update', id: due.id, guard: { state: 'pending' }, patch }])
    assert.deepEqual(await store.listFilesToJoin(9), [stored])
    assert.deepEqual(await store.findFile(due.id), { ...due, ...patch })
  })

  testStore(shared, 'an append is guarded by the bytes that came before', async (store) => {
    const file = await uploadOf(store, [])
    const append = (offset: number | null, sha256: string | null, segment: NewSegment) =>
      store.commit([
        {
          kind: 'file.update',
          id: file.id,
          guard: { state: 'pending', blobKey: null, blobSizeBytes: offset, sha256 },
          patch: { blobSizeBytes: (offset ?? 0) + segment.sizeBytes },
        },
        insert(file.id, segment),
      ])
    await append(null, null, blobAt(0))
    const overtaken = { ...conflict, change: 'file.update' }
    await assert.rejects(append(null, null, blobAt(0)), overtaken)
    await assert.rejects(append(9, null, blobAt(9)), overtaken)
    await assert.rejects(append(10, 'a'.repeat(64), blobAt(10)), overtaken)
    const atOnce = [1, 2, 3, 4].map(() => append(10, null, blobAt(10)))
    const results = await Promise.allSettled(atOnce)
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
    assert.equal((await allSegments(store, file)).length, 2)
  })
}

function describeReleases(openStore: OpenStore, shared: OpenStore): void {
  testStore(openStore, 'a released segment is gone, and its blob collectable', async (store) => {
    const [blob, bytes, stays] = [blobAt(0), inlineAt(10, new Uint8Array([7])), blobAt(11)] as const
    const file = await uploadOf(store, [blob, bytes, stays])
    const late = { collectAfter: NOW - 5, mayComeLate: true }
    await store.commit([{ kind: 'segment.release', fileId: file.id, segment: blob, blob: late }])
    await store.commit([release(file.id, bytes)])
    assert.deepEqual(await store.listCollectableBlobs(NOW, 9), [{ key: blob.blobKey, ...late }])
    assert.equal(await store.findSegmentBytes(file.id, 10), undefined)
    assert.deepEqual(await store.listSegments(file.id, 0, 9), [])
    assert.deepEqual(await store.listSegments(file.id, 11, 9), [told(stays)])
    await store.commit([{ kind: 'blob.collect', key: blob.blobKey as string }])
    await assert.rejects(store.commit([release(file.id, blob)]), { ...conflict, change: 'segment.release' })
  })

  testStore(
    openStore,
    'a segment with other bytes is not released, and nothing of that commit is',
    async (store) => {
      const [one, two] = [blobAt(0), blobAt(10)] as const
      const file = await uploadOf(store, [one, two])
      const wrong = { ...two, sha256: sha256Of('other') }
      await assert.rejects(store.commit([release(file.id, one), release(file.id, wrong)]), conflict)
      assert.equal((await allSegments(store, file)).length, 2)
      assert.deepEqual(await collectable(store), [])
    },
  )

  testStore(
    openStore,
    'all segments of a file are released, placed or not, and of no other',
    async (store) => {
      const segments = [blobAt(0), inlineAt(10, new Uint8Array([7])), blobAt(11), blobAt(-4)]
      const file = await uploadOf(store, segments)
      const other = await uploadOf(store, [blobAt(0)])
      const blobs = { collectAfter: NOW, mayComeLate: true }
      await store.commit([{ kind: 'segments.release', fileId: file.id, blobs }])
      assert.deepEqual(await allSegments(store, file), [])
      assert.deepEqual(await store.listParts(file.id, 9), [])
      assert.equal(await store.findSegmentBytes(file.id, 10), undefined)
      const keys = segments.flatMap(({ blobKey }) => blobKey ?? []).sort()
      const found = await store.listCollectableBlobs(NOW, 9)
      assert.deepEqual(
        found,
        keys.map((key) => ({ key, ...blobs })),
      )
      assert.equal((await allSegments(store, other)).length, 1)
      await store.commit([{ kind: 'segments.release', fileId: file.id, blobs }])
    },
  )

  testStore(shared, 'a blob goes from a segment to the file itself in one commit', async (store) => {
    const segment = blobAt(0)
    const file = await uploadOf(store, [segment])
    const blobKey = segment.blobKey as string
    await store.commit([
      {
        kind: 'file.update',
        id: file.id,
        guard: { state: 'pending', blobKey: null },
        patch: { layout: 'blob', segmentCount: 0, blobKey },
      },
      release(file.id, segment),
      { kind: 'blob.claim', key: blobKey },
    ])
    assert.deepEqual(await allSegments(store, file), [])
    assert.equal((await store.findFile(file.id))?.blobKey, blobKey)
    assert.equal(await store.knowsBlob(blobKey), true)
    await assert.rejects(store.commit([{ kind: 'blob.collect', key: blobKey }]), conflict)
  })
}
