import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test, { type TestContext } from 'node:test'
import { onlyLong } from '../../../test/rounds.ts'
import type { FileRecord } from '../../core/files/file.ts'
import type { FileFilter, FilePage, MetadataStore } from '../../core/ports/metadata-store.ts'
import { indexNames } from '../../core/upkeep/index-names.ts'
import { insertFiles, NOW, PROJECT_ID, sampleFile, shareStore } from '../conformance/samples.ts'
import { describeNameParts } from '../conformance/searches.ts'
import { NAMES_FILE } from './names-file.ts'
import { openSqliteMetadataStore } from './sqlite.ts'

/** So many that it is worth while to index them. */
const ROWS = 600
const words = ['Report', 'invoice', 'Größe', 'ОТЧЁТ', 'scan', 'ΟΔΟΣ', '日本語', 'a_b%']

const all: FileFilter = { projectId: PROJECT_ID, states: ['stored'], visibleAt: NOW }
const newest: FilePage = { order: [{ field: 'createdAt', descending: true }], limit: 2000 }

async function openStore(t: Pick<TestContext, 'after'>) {
  const dataDir = mkdtempSync(join(tmpdir(), 'entrepot-names-'))
  const opened: MetadataStore[] = []
  async function open(): Promise<MetadataStore> {
    const store = await openSqliteMetadataStore({ dataDir, onFatal: assert.ifError })
    opened.push(store)
    return store
  }
  t.after(async () => {
    for (const store of opened) await store.close()
    rmSync(dataDir, { recursive: true })
  })
  return { store: await open(), open, dataDir }
}

function namedFiles(count = ROWS, from = 0): FileRecord[] {
  return Array.from({ length: count }, (_, i) =>
    sampleFile({ name: `${words[i % words.length]} ${from + i}.pdf`, createdAt: NOW - from - i }),
  )
}

async function indexAll(store: MetadataStore): Promise<number> {
  let sum = 0
  for (let rows = 1; rows > 0; sum += rows) rows = await indexNames({ metadata: store })
  return sum
}

async function found(store: MetadataStore, nameContains: string): Promise<string[]> {
  const files = await store.pageFiles({ ...all, nameContains }, newest)
  assert.equal(await store.countFiles({ ...all, nameContains }), files.length)
  return files.map(({ name }) => name)
}

async function change(store: MetadataStore, id: string, patch: Partial<FileRecord>): Promise<void> {
  await store.commit([{ kind: 'file.update', id, guard: { state: 'stored' }, patch }])
}

/** Rows of the index that have this token; `progress` of it. */
function indexedRows(dataDir: string): number {
  const db = new DatabaseSync(join(dataDir, NAMES_FILE), { readOnly: true })
  const [row] = db.prepare("select count(*) as n from names where names match '\u0170\u0164\u0166'").all()
  db.close()
  return Number(row?.n)
}

test('what is found does not depend on how far the index goes', async (t) => {
  const { store } = await openStore(t)
  const files = namedFiles()
  await insertFiles(store, files)
  const parts = [
    'report',
    'REPORT 8',
    'größe',
    'отч',
    'οδος',
    '本',
    'a_',
    '%',
    '9',
    '59',
    'nobody',
    '.pdf',
    '',
  ]
  const before = new Map<string, string[]>()
  for (const part of parts) before.set(part, await found(store, part))
  assert.equal(before.get('.pdf')?.length, ROWS)
  assert.equal(await indexAll(store), ROWS)
  for (const part of parts) assert.deepEqual(await found(store, part), before.get(part), part)
  const later = namedFiles(300, ROWS)
  await insertFiles(store, later)
  assert.deepEqual(
    await found(store, '.pdf'),
    [...files, ...later].map(({ name }) => name),
  )
  assert.deepEqual(await found(store, ' 899'), [later.at(-1)?.name])
})

test('a page goes on behind the page before, in every order, with the index', async (t) => {
  const { store } = await openStore(t)
  const files = namedFiles().map((file, i) => ({ ...file, sizeBytes: i % 7 }))
  await insertFiles(store, files)
  await indexAll(store)
  await insertFiles(store, namedFiles(50, ROWS))
  for (const field of ['createdAt', 'name', 'sizeBytes', 'id'] as const) {
    const seen: string[] = []
    for (let after: FileRecord | undefined; ; ) {
      const page = await store.pageFiles(
        { ...all, nameContains: 'INVOICE' },
        { order: [{ field, descending: false }], limit: 20, ...(after ? { after } : {}) },
      )
      seen.push(...page.map(({ id }) => id))
      after = page.at(-1)
      if (page.length < 20) break
    }
    assert.equal(new Set(seen).size, seen.length)
    assert.equal(seen.length, 82, field)
  }
})

test('a renamed file is found by its new name alone, before and after the index knows', async (t) => {
  const { store } = await openStore(t)
  const files = namedFiles()
  await insertFiles(store, files)
  await indexAll(store)
  const [first, second] = files as [FileRecord, FileRecord]
  const newName = 'Übersicht.docx'
  for (const isIndexed of [false, true]) {
    if (isIndexed) {
      await insertFiles(store, namedFiles(ROWS, ROWS))
      assert.equal(await indexAll(store), ROWS + 1)
    } else await change(store, first.id, { name: newName })
    assert.deepEqual(await found(store, 'ÜBERSICHT'), [newName])
    assert.deepEqual(await found(store, first.name), [])
    assert.deepEqual(await found(store, second.name), [second.name])
  }
})

test('the entries of files that end go, and nobody keeps what was noted of them', async (t) => {
  const { store, dataDir } = await openStore(t)
  const files = namedFiles(1200)
  await insertFiles(store, files)
  await indexAll(store)
  assert.equal(indexedRows(dataDir), 1200)
  for (const { id } of files.slice(0, ROWS)) await change(store, id, { state: 'deleted', blobKey: null })
  assert.equal(await indexAll(store), ROWS)
  assert.equal(indexedRows(dataDir), ROWS)
  const db = new DatabaseSync(join(dataDir, 'entrepot.db'), { readOnly: true })
  assert.deepEqual(db.prepare('select * from name_changes').all(), [])
  db.close()
  assert.equal((await found(store, '.pdf')).length, ROWS)
})

test('an index that is missing, damaged, or of another state of the database is made anew', {
  skip: onlyLong,
}, async (t) => {
  const { store, open, dataDir } = await openStore(t)
  const names = join(dataDir, NAMES_FILE)
  await insertFiles(store, namedFiles())
  await indexAll(store)
  await store.close()
  for (const spoil of [
    () => rmSync(names),
    () => writeFileSync(names, 'no database '.repeat(1000)),
    () => {
      const db = new DatabaseSync(names)
      db.exec("update progress set id_at = 'another'")
      db.close()
    },
    () => {
      const db = new DatabaseSync(names, { defensive: false })
      db.exec("update names_data set block = x'00' where id > 10")
      db.close()
    },
    () => {
      const db = new DatabaseSync(names)
      db.exec("update progress set store_id = 'another'")
      db.close()
    },
    () => {
      const db = new DatabaseSync(names)
      db.exec('update progress set change_to = 99')
      db.close()
    },
  ]) {
    spoil()
    const again = await open()
    assert.equal((await found(again, 'report')).length, ROWS / words.length)
    assert.equal(await indexAll(again), ROWS)
    assert.equal((await found(again, 'report')).length, ROWS / words.length)
    await again.close()
  }
})

test('after a reset the rows have their numbers anew, and only what is there is found', {
  skip: onlyLong,
}, async (t) => {
  const { store } = await openStore(t)
  await insertFiles(store, namedFiles())
  await indexAll(store)
  const reset = { rootKeyName: '', now: NOW, time: { offsetMs: 0, frozenAt: null } }
  await store.commit([{ kind: 'emulator.reset', ...reset }])
  assert.deepEqual(await found(store, 'report'), [])
  const others = Array.from({ length: 1200 }, (_, i) =>
    sampleFile({ name: `other ${i}`, createdAt: NOW - i }),
  )
  await insertFiles(store, others)
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(await found(store, 'report'), [])
    assert.equal((await found(store, 'OTHER')).length, 1200)
    if (round === 0) assert.equal(await indexAll(store), 1200)
  }
})

/** With the rows of one statement, for so many take long to insert one by one. */
function fill(dataDir: string, count: number): void {
  const db = new DatabaseSync(join(dataDir, 'entrepot.db'))
  db.exec(`with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count})
    insert into files (id, organization_id, project_id, name, size_bytes, mime_type, description, labels, created_by,
      updated_by, created_at, updated_at, state, stored_at, write_once, expiry_policy, ttl_days, last_active_at, blob_key)
    select 'file-' || i, 'o', '${PROJECT_ID}', case when i < 3000 then 'a' else 'many ' end || i, i * 7 % 1000, 'text/plain',
      '', '{}', 'u', 'u', ${NOW} - i, 0, 'stored', 0, 0, 'never', 0, 0, 'blob-' || i from n`)
  db.close()
}

test('what very many files have is found in every order, also where it is at the end', {
  skip: onlyLong,
}, async (t) => {
  const { store, dataDir } = await openStore(t)
  const count = 45_000
  fill(dataDir, count)
  const newer = namedFiles(30)
  const renamed = 'file-40000'
  const searches = (['createdAt', 'name', 'sizeBytes'] as const).flatMap((field) =>
    [true, false].map((descending) => ({ order: [{ field, descending }], limit: 300 })),
  )
  const filter = { ...all, nameContains: 'MANY' }
  const foundIn = async () => {
    const pages = searches.map(async (page) => {
      const first = await store.pageFiles(filter, page)
      const last = first.at(-1) as FileRecord
      return [...first, ...(await store.pageFiles(filter, { ...page, after: last }))].map(({ id }) => id)
    })
    return [await Promise.all(pages), await store.countFiles(filter)]
  }
  const before = await foundIn()
  await indexAll(store)
  assert.deepEqual(await foundIn(), before)
  await change(store, renamed, { name: 'other' })
  await change(store, 'file-7', { name: 'many 7' })
  await insertFiles(store, [...newer, sampleFile({ name: 'Many new', createdAt: NOW + 1 })])
  const [, total] = await foundIn()
  assert.equal(total, count - 2999 + 1)
  const [first] = await store.pageFiles(filter, {
    order: [{ field: 'createdAt', descending: true }],
    limit: 1,
  })
  assert.equal(first?.name, 'Many new')
  const byName = { order: [{ field: 'name', descending: true }], limit: 1 } as const
  assert.equal((await store.pageFiles({ ...filter, nameContains: 'any 7' }, byName))[0]?.name, 'many 7999')
})

test('few files are not worth an index', async (t) => {
  const { store, dataDir } = await openStore(t)
  await insertFiles(store, namedFiles(50))
  assert.equal(await indexAll(store), 0)
  assert.equal(existsSync(join(dataDir, NAMES_FILE)), false)
  assert.equal((await found(store, '.pdf')).length, 50)
})

/** As every store, with each file in the index before anybody looks for it. */
describeNameParts(
  shareStore(async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'entrepot-names-'))
    const store = await openSqliteMetadataStore({ dataDir, onFatal: assert.ifError })
    const commit = store.commit.bind(store)
    store.commit = async (changes) => {
      await commit(changes)
      const others = Array.from({ length: ROWS }, () => sampleFile({ projectId: 'others' }))
      await commit(others.map((file) => ({ kind: 'file.insert', file })))
      let rows = 1
      while (rows > 0) rows = (await store.indexNames?.())?.rows ?? 0
    }
    const cleanup = async () => {
      await store.close()
      rmSync(dataDir, { recursive: true })
    }
    return { store, reopen: () => Promise.resolve(store), cleanup }
  }),
)
