import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { setImmediate as immediate } from 'node:timers/promises'
import type { FileFilter, FilePage, MetadataStore } from '../../core/ports/metadata-store.ts'
import { insertFiles, NOW, PROJECT_ID, sampleFile } from '../conformance/samples.ts'
import { SqliteScanner } from './scanner.ts'
import { openSqliteMetadataStore } from './sqlite.ts'

const page: FilePage = { order: [{ field: 'createdAt', descending: true }], limit: 10 }
const all: FileFilter = { projectId: PROJECT_ID, states: ['stored'], visibleAt: NOW }

const slowScan =
  'with recursive n(i) as (select 1 union all select i + 1 from n limit 1000000) select count(*) from n'

async function openStore(t: TestContext): Promise<{ store: MetadataStore; path: string }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'entrepot-scanner-'))
  const store = await openSqliteMetadataStore({ dataDir, onFatal: assert.ifError })
  t.after(async () => {
    await store.close()
    rmSync(dataDir, { recursive: true })
  })
  return { store, path: join(dataDir, 'entrepot.db') }
}

test('a search keeps no other read waiting, and sees what was committed before it', async (t) => {
  const { store } = await openStore(t)
  for (const name of ['one.txt', 'two.txt']) {
    const file = sampleFile({ name })
    await insertFiles(store, [file])
    const ended: string[] = []
    const search = store.pageFiles({ ...all, nameContains: name.toUpperCase() }, page)
    const read = store.findFile(file.id)
    const told = [search.then(() => ended.push('search')), read.then(() => ended.push('read'))]
    await Promise.all(told)
    assert.deepEqual(ended, ['read', 'search'])
    assert.deepEqual(await search, [file])
  }
})

test('a search that the database refuses fails alone', async (t) => {
  const { path } = await openStore(t)
  const scanner = new SqliteScanner(path)
  t.after(() => scanner.close())
  await assert.rejects(scanner.scan({ id: -1, sql: 'select no_such_function()', values: [] }, 'p'), {
    name: 'StoreError',
  })
  assert.deepEqual(await scanner.scan({ id: -2, sql: 'select ?', values: ['found'] }, 'p'), [['found']])
})

test('a search that takes too long is given up, and the next one is answered', async (t) => {
  const { path } = await openStore(t)
  const scanner = new SqliteScanner(path)
  t.after(() => scanner.close())
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const slow = assert.rejects(scanner.scan({ id: -1, sql: slowScan, values: [] }, 'p'), { code: 'timeout' })
  await immediate()
  t.mock.timers.tick(15_000)
  await slow
  assert.deepEqual(await scanner.scan({ id: -2, sql: 'select ?', values: ['found'] }, 'p'), [['found']])
})

test('a store that closes ends its searches', async (t) => {
  const { path } = await openStore(t)
  const scanner = new SqliteScanner(path)
  const running = scanner.scan({ id: -1, sql: slowScan, values: [] }, 'p').catch((error) => error)
  const waiting = scanner.scan({ id: -2, sql: 'select 1', values: [] }, 'p').catch((error) => error)
  await scanner.close()
  for (const outcome of [await running, await waiting])
    assert.ok(Array.isArray(outcome) || outcome.code === 'unavailable', String(outcome))
  await assert.rejects(scanner.scan({ id: -3, sql: 'select 1', values: [] }, 'p'), { code: 'unavailable' })
})
