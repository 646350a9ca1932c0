import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { newDatabase, query } from '../../../test/postgres.ts'
import type { MetadataStore } from '../../core/ports/metadata-store.ts'
import { normalizeNames } from '../../core/upkeep/normalize-names.ts'
import { openPostgresMetadataStore } from '../postgres/postgres.ts'
import { spellingOf } from '../sql/normal-name.ts'
import { openSqliteMetadataStore } from '../sqlite/sqlite.ts'
import { insertFiles, NOW, PROJECT_ID, sampleFile, sampleUpload } from './samples.ts'

const COMPOSED = 'caf\u00e9'
const DECOMPOSED = 'cafe\u0301'

interface Opened {
  readonly store: MetadataStore
  /** Runs a statement beside the store, as a server of the release before does. */
  readonly run: (text: string) => Promise<unknown>
}

const openers = { SQLite: openSqlite, PostgreSQL: openPostgres }

async function openSqlite(t: TestContext): Promise<Opened> {
  const dataDir = mkdtempSync(join(tmpdir(), 'entrepot-names-'))
  const store = await openSqliteMetadataStore({ dataDir, onFatal: assert.ifError })
  const db = new DatabaseSync(join(dataDir, 'entrepot.db'))
  t.after(async () => {
    db.close()
    await store.close()
    rmSync(dataDir, { recursive: true })
  })
  return { store, run: async (text) => db.exec(text) }
}

async function openPostgres(t: TestContext): Promise<Opened> {
  const url = await newDatabase()
  const store = await openPostgresMetadataStore(url)
  t.after(() => store.close())
  return { store, run: (text) => query(url, text) }
}

async function idsOf(store: MetadataStore, name: string): Promise<string[]> {
  const filter = { projectId: PROJECT_ID, states: ['stored'], visibleAt: NOW, name } as const
  const files = await store.pageFiles(filter, { order: [{ field: 'id', descending: false }], limit: 10 })
  assert.equal(await store.countFiles(filter), files.length)
  return files.map(({ id }) => id)
}

for (const [engine, open] of Object.entries(openers))
  test(`names of an older release are found as they are written until they are normalized, on ${engine}`, async (t) => {
    const { store, run } = await open(t)
    const composed = sampleFile({ name: COMPOSED, createdAt: NOW })
    const decomposed = sampleFile({ name: DECOMPOSED, createdAt: NOW + 1 })
    const both = [composed.id, decomposed.id]
    const late = sampleUpload({ name: DECOMPOSED, createdAt: NOW + 2 })
    const deleted = sampleFile({ name: DECOMPOSED, state: 'deleted', blobKey: null })
    await insertFiles(store, [composed, decomposed, late, deleted, sampleFile({ name: 'cafe' })])
    await run('update files set normal_name = null')
    assert.deepEqual(await idsOf(store, COMPOSED), [composed.id])
    // Whoever asks for the decomposed name finds the composed one: it is in the normal form already.
    assert.deepEqual(await idsOf(store, DECOMPOSED), both)
    const left = await store.listUnnormalizedNames(10)
    assert.deepEqual(
      left,
      [composed, decomposed, late].map(({ id, name }) => ({ id, name })),
    )
    // A server of the release before gives it another name between the two steps of the job.
    await run(`update files set name = 'tea' where id = '${composed.id}'`)
    await store.commit(left.map((file) => ({ kind: 'file.normalize-name', file }) as const))
    assert.deepEqual(await idsOf(store, COMPOSED), [decomposed.id])
    assert.deepEqual(await idsOf(store, 'tea'), [composed.id])
    assert.equal(await normalizeNames({ metadata: store }), 0)
  })

test('no character beyond ASCII stands for one of a name that is taken to have one spelling', () => {
  for (let point = 0x80; point <= 0x10ffff; point++) {
    const normal = String.fromCodePoint(point).normalize('NFC')
    if (/^[\0-\x7f]+$/.test(normal)) assert.notEqual(spellingOf(normal), 'only', `U+${point.toString(16)}`)
  }
  assert.equal(spellingOf('report 7 (final).pdf'), 'only')
})

test('a rename by a server of an older release leaves nothing under the old name', async (t) => {
  const { store, run } = await openPostgres(t)
  const file = sampleFile({ name: DECOMPOSED })
  await insertFiles(store, [file])
  for (const name of ['th\u00e9', 'the\u0301', 'tea', 'The\u0301', DECOMPOSED]) {
    await run(`update files set name = '${name}'`)
    assert.deepEqual(await idsOf(store, name), [file.id])
    while ((await normalizeNames({ metadata: store })) > 0);
    for (const asked of [COMPOSED, DECOMPOSED, 'th\u00e9', 'the\u0301', 'tea', 'Th\u00e9', 'The\u0301'])
      assert.deepEqual(await idsOf(store, asked), asked.normalize() === name.normalize() ? [file.id] : [])
  }
})
