import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { newFileId } from '../../core/files/create-file.ts'
import type { FileRecord } from '../../core/files/file.ts'
import type {
  FileCursor,
  FileFilter,
  FileOrder,
  FileOrderField,
  MetadataStore,
} from '../../core/ports/metadata-store.ts'
import { insertFiles, NOW, type OpenStore, sampleFile, sampleUpload, testStore, toListed } from './samples.ts'

const fields: readonly FileOrderField[] = ['createdAt', 'name', 'id']

/** Every order of these fields, and some by size. */
export const allOrders: readonly FileOrder[] = [
  ...ordersOf(fields),
  ...[true, false].flatMap((descending) => [
    [{ field: 'sizeBytes', descending } as const],
    [
      { field: 'sizeBytes', descending },
      { field: 'name', descending: true },
    ] as const,
  ]),
]

function ordersOf(left: readonly FileOrderField[]): FileOrder[] {
  return left.flatMap((field) =>
    [true, false].flatMap((descending) => {
      const rest = ordersOf(left.filter((other) => other !== field))
      return [[{ field, descending }], ...rest.map((order) => [{ field, descending }, ...order])]
    }),
  )
}

/** In code units the last two would change places. */
const names = ['', 'A', 'Z', 'a', 'a.pdf', 'a.pdf ', 'aa', 'ä', '\u00e9', 'e\u0301', '\uFFFD', '📄']

export function compare(a: FileRecord, b: FileRecord, order: FileOrder): number {
  for (const { field, descending } of [
    ...order,
    { field: 'id' as const, descending: order.at(-1)?.descending },
  ]) {
    const [x, y] = [a[field], b[field]]
    const sign =
      typeof x === 'number' ? x - Number(y) : Buffer.compare(Buffer.from(x), Buffer.from(String(y)))
    if (sign !== 0) return descending ? -sign : sign
  }
  return 0
}

export function cursorAt(file: FileRecord | undefined): { after?: FileCursor } {
  if (file === undefined) return {}
  return { after: { createdAt: file.createdAt, name: file.name, id: file.id, sizeBytes: file.sizeBytes } }
}

async function* pagesOf(store: MetadataStore, filter: FileFilter, order: FileOrder, limit: number) {
  for (let last: FileRecord | undefined; ; ) {
    const page = await store.pageFiles(filter, { order, limit, ...cursorAt(last) })
    yield page
    if (page.length < limit) return
    last = page.at(-1)
  }
}

export function text(order: FileOrder): string {
  return order.map(({ field, descending }) => `${field} ${descending ? 'desc' : 'asc'}`).join()
}

/** A project with `count` stored files, few instants and few names; their ids are in no order of time. */
export async function insertTies(store: MetadataStore, count: number) {
  const filter: FileFilter = { projectId: randomUUID(), states: ['stored'], visibleAt: NOW }
  const make = (i: number) =>
    sampleFile({
      id: newFileId(NOW + ((i * 7919) % 1000)),
      projectId: filter.projectId,
      createdAt: NOW + (i % 11),
      name: names[i % names.length] as string,
      sizeBytes: (i * 7) % 5,
    })
  const files = Array.from({ length: count }, (_, i) => make(i))
  await insertFiles(store, files)
  return { filter, files, make }
}

/** @param isLong takes more files, and orders by two fields where it else takes those by one */
export function describePages(shared: OpenStore, isLong: boolean): void {
  const someOrders = allOrders.filter(({ length }) => length <= (isLong ? 2 : 1))

  testStore(shared, 'pages of many files show each once, in every order, with many ties', async (store) => {
    const { filter, files } = await insertTies(store, isLong ? 1000 : 250)
    assert.equal(allOrders.length, 82)
    for (const order of allOrders) {
      const expected = files.toSorted((a, b) => compare(a, b, order)).map(({ id }) => id)
      const seen: string[] = []
      for await (const page of pagesOf(store, filter, order, Math.ceil(files.length / 6)))
        seen.push(...page.map(({ id }) => id))
      assert.deepEqual(seen, expected, text(order))
    }
  })

  testStore(
    shared,
    'files that stay are seen once while others come and go between the pages',
    async (store) => {
      for (const order of someOrders) {
        const { filter, files, make } = await insertTies(store, 60)
        const staying = new Set(files.filter((_, i) => i % 3 > 0).map(({ id }) => id))
        const leaving = files.filter(({ id }) => !staying.has(id))
        const seen: string[] = []
        for await (const page of pagesOf(store, filter, order, 25)) {
          seen.push(...page.map(({ id }) => id))
          const gone = leaving.splice(0, 10)
          await store.commit([
            ...gone.map(
              ({ id }) =>
                ({
                  kind: 'file.update',
                  id,
                  guard: { state: 'stored' },
                  patch: { state: 'deleted', blobKey: null },
                }) as const,
            ),
            ...gone.map((_, i) => ({ kind: 'file.insert', file: make(seen.length * i) }) as const),
          ])
        }
        assert.equal(new Set(seen).size, seen.length, text(order))
        assert.equal(seen.filter((id) => staying.has(id)).length, staying.size, text(order))
      }
    },
  )

  testStore(shared, 'a page comes whole, starts anywhere, and ends at its limit', async (store) => {
    const { filter, files } = await insertTies(store, 30)
    const order: FileOrder = [{ field: 'name', descending: false }]
    const sorted = files.toSorted((a, b) => compare(a, b, order))
    assert.deepEqual(await store.pageFiles(filter, { order, limit: 1000 }), sorted)
    assert.deepEqual(await store.pageFiles(filter, { order, limit: 1 }), sorted.slice(0, 1))
    assert.deepEqual(
      await store.pageFiles(filter, { order, limit: 3, ...cursorAt(sorted[9]) }),
      sorted.slice(10, 13),
    )
    assert.deepEqual(await store.pageFiles(filter, { order, limit: 3, ...cursorAt(sorted[29]) }), [])
    // The file of a cursor need not be there any more.
    const between = { createdAt: NOW, name: 'a', id: 'zzz' }
    const behind = sorted.filter(({ name }) => Buffer.compare(Buffer.from(name), Buffer.from('a')) > 0)
    assert.deepEqual(await store.pageFiles(filter, { order, limit: 1000, after: between }), behind)
  })

  testStore(shared, 'a page and a count show what the filter names', async (store) => {
    const projectId = randomUUID()
    const file = (name: string, externalId: string | null) => sampleFile({ projectId, name, externalId })
    const [a, b, c, d] = [file('one', 'x'), file('one', 'y'), file('two', 'x'), file('two', null)]
    const upload = sampleUpload({ projectId, name: 'one', externalId: 'x' })
    const expired = sampleFile({ projectId, name: 'one', externalId: 'x', expiresAt: NOW })
    const foreign = sampleFile({ projectId: randomUUID(), name: 'one', externalId: 'x' })
    const all = [a, b, c, d, upload, expired, foreign]
    await insertFiles(store, all)
    const idsOf = (files: readonly FileRecord[]) => files.map(({ id }) => id)
    const cases: [Partial<FileFilter>, readonly FileRecord[]][] = [
      [{}, [a, b, c, d]],
      [{ visibleAt: NOW - 1 }, [a, b, c, d, expired]],
      [{ states: ['stored', 'pending'] }, [a, b, c, d, upload]],
      [{ states: [] }, []],
      [{ name: 'one' }, [a, b]],
      [{ name: 'One' }, []],
      [{ name: '' }, []],
      [{ externalId: 'x' }, [a, c]],
      [{ externalId: 'x', name: 'one' }, [a]],
      [{ externalId: 'x', name: 'one', states: ['pending'] }, [upload]],
      [{ ids: [] }, []],
      [{ ids: [c.id] }, [c]],
      [{ ids: [d.id, b.id, randomUUID(), b.id, '"],[', foreign.id, upload.id] }, [b, d]],
      [{ ids: idsOf(all), externalId: 'x' }, [a, c]],
      [{ ids: idsOf(all), externalId: 'y', name: 'one', states: ['pending', 'stored'] }, [b]],
      [{ ids: undefined, name: undefined, externalId: undefined } as never, [a, b, c, d]],
    ]
    for (const [given, expected] of cases) {
      const filter: FileFilter = { projectId, states: ['stored'], visibleAt: NOW, ...given }
      for (const order of allOrders.filter(({ length }) => length === 1)) {
        const ids = idsOf(expected.toSorted((one, other) => compare(one, other, order)))
        assert.deepEqual(idsOf(await store.pageFiles(filter, { order, limit: 10 })), ids)
      }
      assert.equal((await store.listFiles(filter, { offset: 0, limit: 10 })).length, expected.length)
      assert.equal(await store.countFiles(filter), expected.length)
    }
  })

  testStore(shared, 'a name is found in every spelling, page by page and in every order', async (store) => {
    const projectId = randomUUID()
    const long = 'e\u0301'.repeat(2000)
    const groups = [
      ['caf\u00e9', 'cafe\u0301'],
      ['\u1ec7', 'e\u0323\u0302', 'e\u0302\u0323', '\u1eb9\u0302', '\u00ea\u0323'],
      ['\u00c5', 'A\u030a', '\u212b'],
      ['K', '\u212a'],
      ['\ud55c\uae00', '\u1112\u1161\u11ab\u1100\u1173\u11af'],
      [long, long.normalize('NFC')],
      // Alike, but neither case nor compatibility forms are spellings of one name.
      ['caf\u00c9'],
      ['\ufb01'],
      ['fi'],
      ['Cafe'],
    ]
    const files = Array.from({ length: 3 }).flatMap((_, i) =>
      groups.flat().map((name) => sampleFile({ projectId, name, createdAt: NOW + (i % 2) })),
    )
    await insertFiles(store, files)
    const filter: FileFilter = { projectId, states: ['stored'], visibleAt: NOW }
    for (const group of groups) {
      const alike = files.filter(({ name }) => group.includes(name))
      for (const name of group) {
        const named = { ...filter, name }
        assert.equal(await store.countFiles(named), alike.length, name)
        const window = await store.listFiles(named, { offset: 2, limit: 2 })
        const newest = alike.toSorted((a, b) => compare(a, b, [{ field: 'createdAt', descending: true }]))
        assert.deepEqual(window, newest.slice(2, 4).map(toListed))
        for (const order of someOrders) {
          const seen: FileRecord[] = []
          for await (const page of pagesOf(store, named, order, 2)) seen.push(...page)
          assert.deepEqual(
            seen,
            alike.toSorted((a, b) => compare(a, b, order)),
            text(order),
          )
        }
      }
    }
  })

  testStore(
    shared,
    'a file that is renamed is found by the spellings of its new name alone',
    async (store) => {
      const file = sampleFile({ projectId: randomUUID(), name: 'cafe\u0301' })
      await insertFiles(store, [file])
      const found = (name: string) =>
        store.countFiles({ projectId: file.projectId, states: ['stored'], visibleAt: NOW, name })
      for (const name of ['caf\u00e9', 'the\u0301', 'tea', 'the\u0301', 'th\u00e9', 'cafe\u0301']) {
        await store.commit([
          { kind: 'file.update', id: file.id, guard: { state: 'stored' }, patch: { name } },
        ])
        for (const asked of ['caf\u00e9', 'cafe\u0301', 'th\u00e9', 'the\u0301', 'tea'])
          assert.equal(await found(asked), asked.normalize() === name.normalize() ? 1 : 0, `${name} ${asked}`)
      }
      assert.deepEqual(await store.listUnnormalizedNames(10), [])
    },
  )

  testStore(shared, 'names and external ids may be long, and differ only at their ends', async (store) => {
    const projectId = randomUUID()
    // Nothing that can be made shorter: four bytes to the character, and no two alike.
    const start = Array.from({ length: 2000 }, (_, i) =>
      String.fromCodePoint(0x1f300 + ((i * 7919) % 1000)),
    ).join('')
    const texts = ['c', 'a', 'd', 'b'].map((end) => start + end)
    const files = texts.map((text) => sampleFile({ projectId, name: text, externalId: text }))
    await insertFiles(store, files)
    const filter = { projectId, states: ['stored'], visibleAt: NOW } as const
    for (const descending of [true, false]) {
      const order: FileOrder = [{ field: 'name', descending }]
      const seen: FileRecord[] = []
      for await (const page of pagesOf(store, filter, order, 1)) seen.push(...page)
      assert.deepEqual(
        seen.map(({ name }) => name),
        descending ? texts.toSorted().reverse() : texts.toSorted(),
      )
    }
    for (const [i, text] of texts.entries()) {
      assert.equal(await store.countFiles({ ...filter, name: text }), 1)
      assert.equal(await store.countFiles({ ...filter, externalId: text }), 1)
      const order: FileOrder = [{ field: 'id', descending: true }]
      assert.deepEqual(await store.pageFiles({ ...filter, externalId: text }, { order, limit: 9 }), [
        files[i],
      ])
    }
    assert.equal(await store.countFiles({ ...filter, name: start }), 0)
  })

  testStore(shared, 'a page takes a thousand ids', async (store) => {
    const { filter, files } = await insertTies(store, 40)
    const ids = [...files.map(({ id }) => id), ...Array.from({ length: 960 }, () => newFileId(NOW))]
    const seen: string[] = []
    const order: FileOrder = [{ field: 'createdAt', descending: true }]
    for await (const page of pagesOf(store, { ...filter, ids }, order, 15))
      seen.push(...page.map(({ id }) => id))
    assert.deepEqual(
      seen,
      files.toSorted((a, b) => compare(a, b, order)).map(({ id }) => id),
    )
    assert.equal(await store.countFiles({ ...filter, ids }), 40)
  })
}
