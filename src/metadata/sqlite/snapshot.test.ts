import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { ReadSnapshot } from './snapshot.ts'

const kind = {}

/** A snapshot, another connection that writes, and a look-up that counts how often it was asked. */
function open(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'entrepot-snapshot-'))
  const path = join(folder, 'test.db')
  const writer = new DatabaseSync(path)
  writer.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (value)')
  writer.exec('INSERT INTO t VALUES (1)')
  const reader = new DatabaseSync(path, { readOnly: true })
  const snapshot = new ReadSnapshot(reader)
  const statement = reader.prepare('SELECT value FROM t')
  let asked = 0
  t.after(() => {
    snapshot.end()
    reader.close()
    writer.close()
    rmSync(folder, { recursive: true })
  })
  const find = (name = 'a') =>
    snapshot.findOnce(kind, name, async () => {
      asked++
      return statement.get()?.value
    })
  return { snapshot, writer, find, asked: () => asked }
}

test('what was found is not asked for again until something is committed', async (t) => {
  const { snapshot, writer, find, asked } = open(t)
  assert.equal(await find(), 1)
  snapshot.end()
  assert.equal(await find(), 1)
  assert.equal(asked(), 1)
  writer.exec('UPDATE t SET value = 2')
  snapshot.end()
  assert.equal(await find(), 2)
  assert.equal(asked(), 2)
})

test('a snapshot that is open sees one state, however much is committed meanwhile', async (t) => {
  const { snapshot, writer, find } = open(t)
  // However slow this machine is, no time passes.
  t.mock.method(performance, 'now', () => 0)
  snapshot.begin()
  writer.exec('UPDATE t SET value = 2')
  assert.equal(await find(), 1)
  snapshot.end()
  assert.equal(await find(), 2)
})

test('a transaction that was rolled back changes nothing', async (t) => {
  const { snapshot, writer, find, asked } = open(t)
  await find()
  writer.exec('BEGIN; UPDATE t SET value = 2; ROLLBACK')
  snapshot.end()
  assert.equal(await find(), 1)
  assert.equal(asked(), 1)
})

test('a look-up that fails is tried again', async (t) => {
  const { snapshot, find } = open(t)
  const failing = snapshot.findOnce(kind, 'a', async () => {
    throw new Error('broken')
  })
  await assert.rejects(failing, /broken/)
  assert.equal(await find(), 1)
})

test('no more is kept than its bound, and names of different kinds are different', async (t) => {
  const { snapshot, find, asked } = open(t)
  for (let round = 0; round < 5000; round++) await find(String(round))
  assert.equal(asked(), 5000)
  await find('4999')
  assert.equal(asked(), 5000)
  await find('0')
  assert.equal(asked(), 5001)
  assert.equal(await snapshot.findOnce({}, '0', async () => 'other'), 'other')
})
