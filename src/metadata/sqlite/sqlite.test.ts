import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { constants, DatabaseSync } from 'node:sqlite'
import test, { type TestContext } from 'node:test'
import { isLong } from '../../../test/rounds.ts'
import type { FileRecord } from '../../core/files/file.ts'
import type { MetadataStore } from '../../core/ports/metadata-store.ts'
import { describeMetadataStore } from '../conformance/metadata-store.ts'
import { insertFiles, NOW, sampleFile, testStore } from '../conformance/samples.ts'
import { refuseUnsoundSqlite } from './connection.ts'
import { lockDataFolder } from './data-folder-lock.ts'
import { linesOf, runChild, startChild } from './processes.harness.ts'
import { openSqliteMetadataStore, SqliteEngine } from './sqlite.ts'

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'entrepot-sqlite-'))
}

function folderOf(t: TestContext): string {
  const dataDir = newFolder()
  t.after(() => rmSync(dataDir, { recursive: true }))
  return dataDir
}

function onFatal(error: Error): void {
  throw error
}

async function openStore(dataDir = newFolder()) {
  const open = () => openSqliteMetadataStore({ dataDir, onFatal })
  let store = await open()
  return {
    store,
    dataDir,
    reopen: async () => {
      await store.close()
      store = await open()
      return store
    },
    cleanup: async () => {
      await store.close()
      rmSync(dataDir, { recursive: true })
    },
  }
}

describeMetadataStore('SQLite', () => openStore(), isLong)

/** Of reads for 300 ms, of which each has to find the file as it was inserted. */
async function medianReadMs(store: MetadataStore, { id, name }: FileRecord): Promise<number> {
  const taken: number[] = []
  for (const until = performance.now() + 300; performance.now() < until; ) {
    const start = performance.now()
    assert.equal((await store.findFile(id))?.name, name)
    taken.push(performance.now() - start)
    await new Promise(setImmediate)
  }
  return taken.sort((a, b) => a - b)[taken.length >> 1] ?? Number.NaN
}

test('the writer keeps a write-ahead log and flushes it on every commit', async (t) => {
  const engine = await SqliteEngine.open({ dataDir: folderOf(t), onFatal })
  assert.deepEqual(engine.writer.durability, { journalMode: 'wal', synchronous: 2 })
  await engine.close()
})

test('an SQLite with the log bug is refused', () => {
  for (const sound of ['3.51.3', '3.53.4', '4.0.0']) refuseUnsoundSqlite(sound)
  for (const unsound of ['3.51.2', '3.50.9', '2.99.99', '']) {
    assert.throws(() => refuseUnsoundSqlite(unsound), /needs SQLite 3\.51\.3/)
  }
})

/** What a schema may call: the `sqlite3` that makes a backup is the machine's, and may be as old as 3.37, which STRICT tables need. */
const OLD_FUNCTIONS = ['coalesce', 'hex', 'ifnull', 'length', 'lower', 'substr', 'upper']

test('the schema calls no function that an older SQLite lacks, which could then not back it up', async (t) => {
  const dataDir = folderOf(t)
  const { store } = await openStore(dataDir)
  await store.close()
  const database = new DatabaseSync(join(dataDir, 'entrepot.db'), { readOnly: true })
  t.after(() => database.close())
  const copy = new DatabaseSync(':memory:')
  t.after(() => copy.close())
  const called = new Set<string | null>()
  copy.setAuthorizer((action, _, name) => {
    if (action === constants.SQLITE_FUNCTION) called.add(name)
    return constants.SQLITE_OK
  })
  const schema = database.prepare(
    `SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'`,
  )
  for (const { sql } of schema.all()) copy.exec(String(sql))
  assert.ok(called.has('length'))
  for (const name of called) assert.ok(OLD_FUNCTIONS.includes(String(name)), String(name))
})

test('only the owner can read the files, whatever the umask', async (t) => {
  const dataDir = folderOf(t)
  const before = process.umask(0)
  t.after(() => process.umask(before))
  const { store } = await openStore(dataDir)
  await insertFiles(store, [sampleFile()])
  lockDataFolder(dataDir).release()
  const names = readdirSync(dataDir)
  for (const name of ['entrepot.db', 'entrepot.db-wal', 'lock.db']) assert.ok(names.includes(name), name)
  for (const name of names) assert.equal(statSync(join(dataDir, name)).mode & 0o777, 0o600, name)
  await store.close()
})

test('what a second process writes is seen by the next read', async (t) => {
  const dataDir = folderOf(t)
  const { store } = await openStore(dataDir)
  for (let round = 0; round < 2; round++) {
    const [id = ''] = await runChild('add', dataDir)
    assert.equal((await store.findOrganization(id))?.id, id)
  }
  await store.close()
})

test('two processes that make one new database at once agree on it', async (t) => {
  const dataDir = folderOf(t)
  const children = Array.from({ length: 3 }, () => runChild('look', dataDir))
  const storeIds = (await Promise.all(children)).map(([storeId]) => storeId)
  assert.equal(new Set(storeIds).size, 1)
  assert.match(storeIds[0] ?? '', /^[0-9a-f-]{36}$/)
})

test('a process killed with -9 loses none of what it acknowledged', async (t) => {
  const dataDir = folderOf(t)
  const acknowledged: string[] = []
  for (let round = 0; round < 2; round++) {
    const child = startChild('insert', dataDir)
    for await (const id of linesOf(child)) {
      acknowledged.push(id)
      if (acknowledged.length === 400 * (round + 1)) child.kill('SIGKILL')
    }
  }
  assert.ok(acknowledged.length >= 800)
  const { store } = await openStore(dataDir)
  for (const id of acknowledged) assert.equal((await store.findFile(id))?.id, id)
  await store.close()
})

test('a write that the disk fails is final: the store fails for good, says so once, and keeps what it had', async (t) => {
  const dataDir = folderOf(t)
  const child = startChild('insert', dataDir, { smallFiles: true })
  const lines: string[] = []
  for await (const line of linesOf(child)) lines.push(line)
  const told = lines.filter((line) => line.includes(' '))
  assert.equal(told.filter((line) => line.startsWith('fatal')).length, 1)
  for (const line of ['failed unavailable', 'then unavailable', 'check unavailable'])
    assert.ok(told.includes(line), line)
  const { store } = await openStore(dataDir)
  for (const id of lines.filter((line) => !line.includes(' ')))
    assert.equal((await store.findFile(id))?.id, id)
  await store.close()
})

test('a database of a newer release is refused in a sentence', async (t) => {
  const dataDir = folderOf(t)
  const { store } = await openStore(dataDir)
  await store.close()
  const db = new DatabaseSync(join(dataDir, 'entrepot.db'))
  db.exec('UPDATE schema_version SET version = 1000')
  db.close()
  await assert.rejects(openStore(dataDir), /schema version 1000, but this release knows none above/)
})

test('a data folder has one server; its lock goes when it is released or its process is killed', async (t) => {
  const dataDir = folderOf(t)
  const lock = lockDataFolder(dataDir)
  assert.throws(() => lockDataFolder(dataDir), /Another server uses the data folder/)
  lock.release()
  lock.release()
  const child = startChild('lock', dataDir)
  const ended = once(child, 'exit')
  for await (const line of linesOf(child)) {
    assert.equal(line, 'locked')
    assert.throws(() => lockDataFolder(dataDir), /Another server uses the data folder/)
    child.kill('SIGKILL')
  }
  // Its output may be closed before its lock.
  await ended
  lockDataFolder(dataDir).release()
})

test('a second opener in the same process leaves the lock alone', async (t) => {
  const dataDir = folderOf(t)
  const lock = lockDataFolder(dataDir)
  assert.throws(() => lockDataFolder(dataDir), /Another server uses the data folder/)
  // The kernel drops a process's locks on a file with any descriptor that it closes; only another process can tell.
  assert.deepEqual(await runChild('try-lock', dataDir), ['refused'])
  lock.release()
  assert.deepEqual(await runChild('try-lock', dataDir), ['locked'])
})

test('the lock of the folder keeps nobody from the database', async (t) => {
  const dataDir = folderOf(t)
  const lock = lockDataFolder(dataDir)
  assert.equal((await runChild('add', dataDir)).length, 1)
  lock.release()
})

testStore(
  () => openStore(),
  'reads answer while a commit waits for another process',
  async (store, opened) => {
    const { dataDir } = opened as Awaited<ReturnType<typeof openStore>>
    const file = sampleFile()
    await insertFiles(store, [file])
    // What a busy machine does to reads it does to both; what waits for the lock takes until the end of it.
    const alone = await medianReadMs(store, file)
    const other = new DatabaseSync(join(dataDir, 'entrepot.db'))
    other.exec('BEGIN IMMEDIATE')
    let committed = false
    const commit = store
      .commit([{ kind: 'file.update', id: file.id, guard: { state: 'stored' }, patch: { name: 'new' } }])
      .then(() => {
        committed = true
      })
    const meanwhile = await medianReadMs(store, file)
    assert.equal(committed, false)
    assert.ok(meanwhile < 20 * alone + 1, `a read took ${meanwhile} ms, alone ${alone} ms`)
    other.exec('COMMIT')
    other.close()
    await commit
    assert.equal((await store.findFile(file.id))?.name, 'new')
  },
)

testStore(
  () => openStore(),
  'a log that has grown is moved into the database while it runs',
  async (store, opened) => {
    const { dataDir } = opened as Awaited<ReturnType<typeof openStore>>
    const files = Array.from({ length: 1500 }, (_, i) => sampleFile({ createdAt: NOW + i }))
    await insertFiles(store, files)
    await insertFiles(store, [sampleFile()])
    assert.ok(statSync(join(dataDir, 'entrepot.db')).size > 500_000)
    assert.equal(
      await store.countFiles({ projectId: files[0]?.projectId ?? '', states: ['stored'], visibleAt: NOW }),
      1501,
    )
  },
)
