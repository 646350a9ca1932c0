import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { FileRecord } from '../../core/files/file.ts'
import type { FileFilter, MetadataStore } from '../../core/ports/metadata-store.ts'
import type { PurposeFilter } from '../../core/ports/purpose-filter.ts'
import { insertFiles, NOW, type OpenStore, sampleFile, sampleUpload, testStore, toListed } from './samples.ts'

type Given = Omit<FileFilter, 'projectId' | 'states' | 'visibleAt'>

const newestFirst = [{ field: 'createdAt', descending: true }] as const

/** Stored files of one project, the first one newest, among others that no listing of theirs may show. */
async function insertProject(store: MetadataStore, given: readonly Partial<FileRecord>[]) {
  const projectId = randomUUID()
  const files = given.map((fields, i) => sampleFile({ projectId, createdAt: NOW - i, ...fields }))
  const [first = {}] = given
  const others = [
    sampleFile({ ...first, projectId: randomUUID() }),
    sampleUpload({ ...first, projectId }),
    sampleFile({ ...first, projectId, expiresAt: NOW }),
    sampleFile({ ...first, projectId, state: 'deleted', blobKey: null }),
  ]
  await insertFiles(store, [...files, ...others])
  return { projectId, files }
}

/** What the filter leaves, in pages, lists and counts alike. */
async function assertFound(
  store: MetadataStore,
  { projectId, files }: { readonly projectId: string; readonly files: readonly FileRecord[] },
  given: Given,
  isFound: (file: FileRecord) => boolean,
): Promise<void> {
  const filter: FileFilter = { projectId, states: ['stored'], visibleAt: NOW, ...given }
  const found = files.filter(isFound)
  const what = JSON.stringify(given)
  assert.deepEqual(await store.pageFiles(filter, { order: newestFirst, limit: 1000 }), found, what)
  assert.deepEqual(await store.listFiles(filter, { offset: 0, limit: 1000 }), found.map(toListed), what)
  assert.equal(await store.countFiles(filter), found.length, what)
  const [first, ...rest] = found
  if (first === undefined) return
  const behind = { order: newestFirst, limit: 1000, after: first }
  assert.deepEqual(await store.pageFiles(filter, behind), rest, what)
  assert.deepEqual(await store.pageFiles(filter, { ...behind, offset: 1 }), rest.slice(1), what)
  assert.deepEqual(
    await store.pageFiles(filter, { order: newestFirst, limit: 2, offset: 1 }),
    found.slice(1, 3),
  )
}

function describePurposes(shared: OpenStore): void {
  testStore(shared, 'files are found by terms of purposes', async (store) => {
    const purposes = ['batch', 'ocr', 'BATCH', '', "o'cr", null]
    const names = ['train.jsonl', 'TRAIN.JSONL', 'scan.pdf', 'jsonl', '.jsonl', '', 'ä.jsonl', 'x.jsonl.gz']
    const project = await insertProject(
      store,
      purposes.flatMap((purpose) => names.map((name) => ({ purpose, name }))),
    )
    const endsSo = ({ name }: FileRecord) => name.toLowerCase().endsWith('.jsonl')
    const expected: [PurposeFilter['anyOf'], (file: FileRecord) => boolean][] = [
      [[{ in: ['batch'] }], ({ purpose }) => purpose === 'batch'],
      [[{ in: ['batch', "o'cr"] }], ({ purpose }) => purpose === 'batch' || purpose === "o'cr"],
      [[{ in: [] }], () => false],
      [[], () => false],
      [
        [{ notIn: ['batch', 'ocr'] }],
        ({ purpose }) => purpose !== null && !['batch', 'ocr'].includes(purpose),
      ],
      [[{ notIn: [] }], ({ purpose }) => purpose !== null],
      [[{ none: true }], ({ purpose }) => purpose === null],
      [[{ none: true, nameEndsWith: '.jsonl' }], (file) => file.purpose === null && endsSo(file)],
      [[{ none: true, nameEndsNotWith: '.JSONL' }], (file) => file.purpose === null && !endsSo(file)],
      [
        [{ in: ['ocr'] }, { none: true, nameEndsNotWith: '.jsonl' }, { in: ['batch'] }],
        (file) => ['ocr', 'batch'].includes(file.purpose ?? '') || (file.purpose === null && !endsSo(file)),
      ],
      [[{ notIn: ['ocr'] }, { none: true, nameEndsWith: '' }], ({ purpose }) => purpose !== 'ocr'],
    ]
    for (const [anyOf, isFound] of expected)
      await assertFound(store, project, { purpose: { anyOf } }, isFound)
  })
}

function describeTypes(shared: OpenStore): void {
  testStore(shared, 'files are found by their types, whatever their case and parameters', async (store) => {
    const types = [
      'text/csv',
      'TEXT/CSV',
      'text/csv; charset=utf-8',
      'text/csv-schema',
      'image/png',
      'image/*',
      'image',
      '',
    ]
    const project = await insertProject(
      store,
      types.map((mimeType) => ({ mimeType })),
    )
    const expected: [readonly string[], readonly string[]][] = [
      [['text/csv'], types.slice(0, 3)],
      [
        ['Text/CSV', 'image/png'],
        [...types.slice(0, 3), 'image/png'],
      ],
      [['text/*'], types.slice(0, 4)],
      [['image/*'], ['image/png', 'image/*', 'image']],
      [['video/*', 'application/pdf'], []],
      [[], []],
    ]
    for (const [mimeTypes, found] of expected)
      await assertFound(store, project, { mimeTypes }, ({ mimeType }) => found.includes(mimeType))
  })
}

function describeRanges(shared: OpenStore): void {
  testStore(shared, 'files are found by origin, end, size and time of creation', async (store) => {
    const ends = [null, NOW + 1, NOW + 2]
    const project = await insertProject(
      store,
      Array.from({ length: 18 }, (_, i) => ({
        origin: ['tus', 'TUS', null][i % 3] ?? null,
        expiresAt: ends[(i >> 1) % 3] ?? null,
        sizeBytes: i % 5,
      })),
    )
    const expected: [Given, (file: FileRecord) => boolean][] = [
      [{ origin: 'tus' }, ({ origin }) => origin === 'tus'],
      [{ origin: '' }, () => false],
      [{ ends: 'never' }, ({ expiresAt }) => expiresAt === null],
      [{ ends: NOW + 2 }, ({ expiresAt }) => expiresAt === NOW + 1],
      [{ ends: NOW + 3 }, ({ expiresAt }) => expiresAt !== null],
      [{ minSizeBytes: 3 }, ({ sizeBytes }) => sizeBytes >= 3],
      [{ maxSizeBytes: 0 }, ({ sizeBytes }) => sizeBytes === 0],
      [{ minSizeBytes: 2, maxSizeBytes: 3 }, ({ sizeBytes }) => sizeBytes === 2 || sizeBytes === 3],
      [{ createdFrom: NOW - 4 }, ({ createdAt }) => createdAt >= NOW - 4],
      [{ createdBefore: NOW - 4 }, ({ createdAt }) => createdAt < NOW - 4],
      [
        { createdFrom: NOW - 9, createdBefore: NOW - 1, origin: 'tus', ends: 'never' },
        ({ createdAt, origin, expiresAt }) =>
          createdAt >= NOW - 9 && createdAt < NOW - 1 && origin === 'tus' && expiresAt === null,
      ],
    ]
    for (const [given, isFound] of expected) await assertFound(store, project, given, isFound)
  })
}

export function describeNameParts(shared: OpenStore): void {
  testStore(shared, 'a part of a name finds it in any case and Unicode spelling', async (store) => {
    const names = [
      'Quarterly REPORT.pdf',
      'U\u0308bersicht.PDF',
      '\u00dcBERSICHT 2.pdf',
      'ОТЧЁТ.docx',
      '100%_a.txt',
      '日本語📄.txt',
      '',
      'ΟΔΟΣ.txt',
      'Οδός ΟΔΟΣ',
    ]
    const project = await insertProject(
      store,
      names.map((name) => ({ name })),
    )
    const expected: [string, readonly number[]][] = [
      ['report', [0]],
      ['RePoRt.', [0]],
      ['.pdf', [0, 1, 2]],
      ['\u00fcbersicht', [1, 2]],
      ['u\u0308bersicht', [1, 2]],
      ['отчё', [3]],
      ['ОТЧ', [3]],
      ['%', [4]],
      ['_', [4]],
      ['本語📄', [5]],
      ['ΟΔΟΣ', [7, 8]],
      ['οδος', [7, 8]],
      ['οδοσ', [7, 8]],
      ['οδός', [8]],
      ['', names.map((_, i) => i)],
      ["'", []],
      ['pdf.', []],
    ]
    for (const [nameContains, found] of expected)
      await assertFound(store, project, { nameContains }, ({ name }) => found.includes(names.indexOf(name)))
  })

  testStore(shared, 'a part of a name, types, purposes and a subject all have to fit', async (store) => {
    const project = await insertProject(store, [
      { name: 'a.txt', mimeType: 'text/plain', purpose: 'ocr' },
      { name: 'a.txt', mimeType: 'text/plain', purpose: 'ocr', visibility: 'subject', createdBy: 'ada' },
      { name: 'a.txt', mimeType: 'text/plain', purpose: 'ocr', visibility: 'subject', createdBy: 'bob' },
      { name: 'b.txt', mimeType: 'text/plain', purpose: 'ocr' },
      { name: 'a.txt', mimeType: 'image/png', purpose: 'ocr' },
      { name: 'a.txt', mimeType: 'text/plain', purpose: 'batch' },
    ])
    const { files } = project
    const given = { nameContains: 'A', mimeTypes: ['text/*'], purpose: { anyOf: [{ in: ['ocr'] }] } }
    await assertFound(store, project, { ...given, subject: 'ada' }, (file) => files.indexOf(file) < 2)
    await assertFound(store, project, given, (file) => files.indexOf(file) < 3)
    const ids = files.slice(1).map(({ id }) => id)
    await assertFound(store, project, { ...given, ids, subject: 'ada' }, (file) => file === files[1])
    await assertFound(store, project, { ...given, name: 'a.txt', subject: 'bob' }, (file) =>
      [files[0], files[2]].includes(file),
    )
  })
}

export function describeSearches(shared: OpenStore): void {
  describePurposes(shared)
  describeTypes(shared)
  describeRanges(shared)
  describeNameParts(shared)

  testStore(
    shared,
    'hidden files are listed and counted for their subject alone, however many there are',
    async (store) => {
      const project = await insertProject(
        store,
        Array.from({ length: 1500 }, (_, i) =>
          i % 300 === 7
            ? { visibility: 'project' as const }
            : {
                visibility: 'subject' as const,
                createdBy: i % 2 === 0 ? 'ada' : 'bob',
                ...(i % 5 === 0 ? { expiresAt: NOW + 1 } : {}),
              },
        ),
      )
      const isSeenBy = (subject: string) => (file: FileRecord) =>
        file.visibility === 'project' || file.createdBy === subject
      for (const subject of ['ada', 'bob', 'eve']) {
        await assertFound(store, project, { subject }, isSeenBy(subject))
        const later: FileFilter = {
          projectId: project.projectId,
          states: ['stored'],
          visibleAt: NOW + 1,
          subject,
        }
        const left = project.files.filter((file) => isSeenBy(subject)(file) && file.expiresAt === null)
        assert.equal(await store.countFiles(later), left.length)
      }
      const { projectId, files } = project
      const all: FileFilter = { projectId, states: ['stored'], visibleAt: NOW }
      assert.equal(await store.countFiles(all), 1500)
      const pending: FileFilter = { ...all, states: ['pending'], subject: 'eve' }
      assert.equal(await store.countFiles(pending), files[0]?.visibility === 'project' ? 1 : 0)
    },
  )

  testStore(shared, 'a page may have ten thousand files', async (store) => {
    const { projectId, files } = await insertProject(
      store,
      Array.from({ length: 2500 }, () => ({})),
    )
    const filter: FileFilter = { projectId, states: ['stored'], visibleAt: NOW }
    const ids = async (page: {
      readonly limit: number
      readonly offset?: number
      readonly after?: FileRecord
    }) => (await store.pageFiles(filter, { order: newestFirst, ...page })).map(({ id }) => id)
    const expected = files.map(({ id }) => id)
    assert.deepEqual(await ids({ limit: 10_001 }), expected)
    assert.deepEqual(await ids({ limit: 2002 }), expected.slice(0, 2002))
    assert.deepEqual(await ids({ limit: 2002, offset: 1 }), expected.slice(1, 2003))
    assert.deepEqual(
      await ids({ limit: 10_001, after: files[99] as FileRecord, offset: 7 }),
      expected.slice(107),
    )
    assert.deepEqual(await ids({ limit: 10, offset: 2500 }), [])
  })
}
