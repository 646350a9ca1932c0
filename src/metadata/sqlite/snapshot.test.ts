import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { ReadSnapshot } from './snapshot.ts'

/** A snapshot, another connection that writes, and a read. */
function open(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'entrepot-snapshot-'))
  const path = join(folder, 'test.db')
  const writer = new DatabaseSync(path)
  writer.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (value)')
  writer.exec('INSERT INTO t VALUES (1)')
  const reader = new DatabaseSync(path, { readOnly: true })
  const snapshot = new ReadSnapshot(reader)
  const statement = reader.prepare('SELECT value FROM t')
  t.after(() => {
    snapshot.end()
    reader.close()
    writer.close()
    rmSync(folder, { recursive: true })
  })
  const versionNow = () => {
    snapshot.end()
    return snapshot.begin()
  }
  return { snapshot, writer, versionNow, value: () => statement.get()?.value }
}

test('the version is another once something is committed, and only then', (t) => {
  const { writer, versionNow } = open(t)
  const version = versionNow()
  assert.equal(versionNow(), version)
  writer.exec('BEGIN; UPDATE t SET value = 2; ROLLBACK')
  assert.equal(versionNow(), version)
  writer.exec('UPDATE t SET value = 2')
  assert.notEqual(versionNow(), version)
})

test('a snapshot that is open sees one state, however much is committed meanwhile', (t) => {
  const { snapshot, writer, value } = open(t)
  // However slow this machine is, no time passes.
  t.mock.method(performance, 'now', () => 0)
  const version = snapshot.begin()
  writer.exec('UPDATE t SET value = 2')
  assert.equal(snapshot.begin(), version)
  assert.equal(value(), 1)
  snapshot.end()
  snapshot.begin()
  assert.equal(value(), 2)
})
