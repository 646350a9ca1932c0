import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test, { type TestContext } from 'node:test'
import type { FileRecord } from '../../core/files/file.ts'
import { NOW, newKey, sampleFile, sampleUpload } from '../conformance/samples.ts'
import { fileShape } from '../queries/files.ts'
import { migrateSqlite, openSqliteMetadataStore } from '../sqlite/sqlite.ts'
import { allMigrations, type Migration } from './migrate.ts'

/** A database as the first `migrations` left it, with `statements` run on it. */
async function oldDatabase(
  t: TestContext,
  migrations: number,
  statements: readonly string[],
): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), 'entrepot-migrate-'))
  t.after(() => rmSync(dataDir, { recursive: true }))
  const path = join(dataDir, 'entrepot.db')
  await migrateSqlite(path, allMigrations.slice(0, migrations))
  const db = new DatabaseSync(path)
  for (const statement of statements) db.exec(statement)
  db.close()
  return dataDir
}

/** What later releases added. */
const newerFields: readonly string[] = [
  'expectedSha256',
  'uploadMaxBytes',
  'layout',
  'segmentCount',
  'joinDue',
  'alias',
  'visibility',
  'lineCount',
  'placedParts',
  'origin',
]

/** Into the columns of the first release. */
function insertion(file: FileRecord): string {
  const fields = fileShape.fields.filter((field) => !newerFields.includes(field))
  const columns = fields.map((field) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))
  const values = fields.map((field) => literal(file[field]))
  return `INSERT INTO files (${columns}) VALUES (${values})`
}

function literal(value: unknown): string {
  if (value === null || typeof value === 'number') return String(value)
  if (typeof value === 'boolean') return value ? '1' : '0'
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return `'${text.replaceAll("'", "''")}'`
}

test('a new database is made whole or not at all', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'entrepot-migrate-'))
  t.after(() => rmSync(dataDir, { recursive: true }))
  const path = join(dataDir, 'entrepot.db')
  const failing: Migration = (db) => [db.schema.createTable('files')]
  await assert.rejects(migrateSqlite(path, [...allMigrations, failing]), /already exists/)
  const db = new DatabaseSync(path)
  assert.deepEqual(db.prepare('select name from sqlite_schema').all(), [])
  db.close()
})

test('the second migration keeps every row and counts what is used', async (t) => {
  const inOne = { organizationId: 'o1', projectId: 'p1' }
  const inTwo = { organizationId: 'o1', projectId: 'p2' }
  const kept = [
    sampleFile({ ...inOne, sizeBytes: 10, name: 'b', createdAt: NOW - 1 }),
    sampleFile({ ...inOne, sizeBytes: 0, name: 'a', expiresAt: NOW - 1 }),
    sampleUpload({ ...inOne, sizeBytes: 200 }),
    sampleUpload({ ...inOne, sizeBytes: 7000, state: 'cancelled' }),
    sampleFile({ ...inOne, sizeBytes: 7000, state: 'deleted', blobKey: null }),
    sampleUpload({ ...inTwo, sizeBytes: 3000 }),
    sampleUpload({ ...inTwo, sizeBytes: 7000, state: 'expired' }),
  ]
  const key = newKey()
  const dataDir = await oldDatabase(t, 1, [
    `INSERT INTO organizations VALUES ('o1', 'one', ${NOW}), ('o2', 'two', ${NOW})`,
    `INSERT INTO projects VALUES ('p1', 'o1', 'one', ${NOW}), ('p2', 'o1', 'two', ${NOW}), ('p3', 'o2', 'one', ${NOW})`,
    ...kept.map(insertion),
    `INSERT INTO unreferenced_blobs VALUES ('${key}', ${NOW}, 1, 0)`,
  ])
  const store = await openSqliteMetadataStore({ dataDir, onFatal: assert.ifError })
  t.after(() => store.close())

  const used: [holder: 'organization' | 'project', id: string, files: number, bytes: number][] = [
    ['project', 'p1', 3, 210],
    ['project', 'p2', 1, 3000],
    ['project', 'p3', 0, 0],
    ['organization', 'o1', 4, 3210],
    ['organization', 'o2', 0, 0],
  ]
  for (const [holder, id, files, bytes] of used)
    assert.deepEqual(await store.usage(holder, id), { files, bytes })
  const noQuota = { createdAt: NOW, quotaFiles: null, quotaBytes: null }
  assert.deepEqual(await store.findOrganization('o1'), { id: 'o1', slug: 'one', ...noQuota })
  assert.deepEqual(await store.findProject('o2', 'p3'), {
    id: 'p3',
    organizationId: 'o2',
    slug: 'one',
    ...noQuota,
  })
  for (const file of kept) assert.deepEqual(await store.findFile(file.id), file)
  const filter = { projectId: 'p1', states: ['stored'], visibleAt: NOW - 2 } as const
  const byName = await store.pageFiles(filter, { order: [{ field: 'name', descending: false }], limit: 9 })
  assert.deepEqual(byName, [kept[1], kept[0]])

  await store.commit([{ kind: 'leases.end', now: NOW }])
  await store.commit([{ kind: 'usage.add', usage: { ...inOne, files: 1, bytes: 1 } }])
  assert.deepEqual(await store.usage('organization', 'o1'), { files: 5, bytes: 3211 })
  assert.deepEqual(await store.listCollectableBlobs(NOW, 9), [{ key, collectAfter: NOW, mayComeLate: false }])
})

test('the seventh migration keeps every row, and an upload from before takes whatever comes', async (t) => {
  const before = [sampleFile(), sampleUpload({ name: "it's" }), sampleUpload({ state: 'cancelled' })]
  const dataDir = await oldDatabase(t, 6, before.map(insertion))
  const store = await openSqliteMetadataStore({ dataDir, onFatal: assert.ifError })
  t.after(() => store.close())
  const after = sampleUpload({ expectedSha256: 'b'.repeat(64) })
  await store.commit([{ kind: 'file.insert', file: after }])
  for (const file of [...before, after]) assert.deepEqual(await store.findFile(file.id), file)
})
