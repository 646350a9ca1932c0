import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'node:test'
import { sqliteFailure } from './errors.ts'
import { GroupWriter, type Room } from './group.ts'

const INSERT = 0
const UPDATE = 1
const DELETE = 2

/** One that is never needed. */
const unneeded: Room = {
  sizeBytes: 0,
  isHeld: true,
  keep: () => true,
  release: () => false,
  freeBytes: () => 0,
}

const ROOM_BYTES = 1000

function startGroup(path = ':memory:', ballast: Room = unneeded) {
  const db = new DatabaseSync(path, { timeout: 0 })
  db.exec('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT')
  const writer = new GroupWriter(db, ballast)
  writer.learn([
    { id: INSERT, sql: 'INSERT INTO notes VALUES (?, ?)', expects: undefined, room: 'grows' },
    { id: UPDATE, sql: 'UPDATE notes SET text = ? WHERE id = ?', expects: 1, room: 'alters' },
    { id: DELETE, sql: 'DELETE FROM notes WHERE id = ?', expects: 1, room: 'frees' },
  ])
  const ids = () =>
    db
      .prepare('SELECT id FROM notes ORDER BY id')
      .all()
      .map(({ id }) => id)
  return { db, writer, ids }
}

test('a commit that fails in the middle of a group is undone alone', () => {
  const { writer, ids } = startGroup()
  const { failures, fatal } = writer.run([
    [[INSERT, [1, 'one']]],
    [
      [INSERT, [2, 'two']],
      [DELETE, [99]],
    ],
    [[DELETE, [98]]],
    [
      [INSERT, [3, 'three']],
      [INSERT, [1, 'again']],
    ],
    [
      [INSERT, [4, 'four']],
      [DELETE, [1]],
    ],
    [[INSERT, [5, null]]],
  ])
  const codes = failures.map(({ index, code, step }) => [index, code, step])
  assert.deepEqual(codes, [
    [1, 'conflict', 1],
    [2, 'conflict', 0],
    [3, 'conflict', 1],
    [5, 'refused', 0],
  ])
  assert.equal(fatal, undefined)
  assert.deepEqual(ids(), [4])
})

test('a commit that fails at its first step leaves the rest of the group as it is', () => {
  const { writer, ids } = startGroup()
  const { failures } = writer.run([
    [
      [INSERT, [1, 'one']],
      [INSERT, [2, 'two']],
    ],
    [
      [INSERT, [1, 'again']],
      [INSERT, [3, 'three']],
    ],
    [
      [DELETE, [99]],
      [INSERT, [4, 'four']],
    ],
    [
      [DELETE, [2]],
      [INSERT, [5, 'five']],
    ],
  ])
  const codes = failures.map(({ index, code, step }) => [index, code, step])
  assert.deepEqual(codes, [
    [1, 'conflict', 0],
    [2, 'conflict', 0],
  ])
  assert.deepEqual(ids(), [1, 5])
})

test('on a full disk the commits that still fit are made', () => {
  const { db, writer, ids } = startGroup()
  writer.run([[[INSERT, [1, 'x'.repeat(50_000)]]]])
  const { page_count: pages } = db.prepare('PRAGMA page_count').get() as { page_count: number }
  db.exec(`PRAGMA max_page_count = ${pages}`)
  const { failures, fatal } = writer.run([
    [[INSERT, [2, 'small']]],
    [[INSERT, [3, 'x'.repeat(100_000)]]],
    [[DELETE, [1]]],
    [[INSERT, [4, 'x'.repeat(40_000)]]],
  ])
  assert.deepEqual(
    failures.map(({ index, code }) => [index, code]),
    [[1, 'full']],
  )
  assert.equal(fatal, undefined)
  assert.deepEqual(ids(), [2, 4])
})

test('on a full disk the ballast is given up for a commit that frees room, and not for one that grows', () => {
  const state = { isHeld: true, freeBytes: 0 }
  const { db, writer, ids } = startGroup(':memory:', {
    sizeBytes: ROOM_BYTES,
    get isHeld() {
      return state.isHeld
    },
    keep: () => state.isHeld,
    release: () => {
      state.isHeld = false
      db.exec('PRAGMA max_page_count = 1000')
      return true
    },
    freeBytes: () => state.freeBytes,
  })
  writer.run([[[INSERT, [1, 'x']]], [[INSERT, [2, 'y']]]])
  const { page_count: pages } = db.prepare('PRAGMA page_count').get() as { page_count: number }
  db.exec(`PRAGMA max_page_count = ${pages}`)
  const long = 'x'.repeat(50_000)
  const codesOf = (commits: Parameters<typeof writer.run>[0]) =>
    writer.run(commits).failures.map(({ index, code }) => [index, code])
  assert.deepEqual(codesOf([[[INSERT, [3, long]]]]), [[0, 'full']])
  assert.equal(state.isHeld, true)
  assert.deepEqual(
    codesOf([
      [
        [UPDATE, [long, 1]],
        [DELETE, [2]],
      ],
    ]),
    [],
  )
  assert.equal(state.isHeld, false)

  state.freeBytes = ROOM_BYTES / 2
  assert.deepEqual(codesOf([[[INSERT, [4, 'z']]], [[UPDATE, [long, 1]]], [[INSERT, [5, 'z']]]]), [
    [0, 'full'],
    [2, 'full'],
  ])
  state.freeBytes--
  assert.deepEqual(codesOf([[[UPDATE, ['y', 1]]], [[DELETE, [1]]]]), [[0, 'full']])
  assert.deepEqual(ids(), [])
  state.isHeld = true
  assert.deepEqual(codesOf([[[INSERT, [6, 'z']]]]), [])
})

test('while another connection writes the group is unavailable; afterwards the next one succeeds', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'entrepot-group-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'notes.db')
  const other = new DatabaseSync(path)
  const { db, writer, ids } = startGroup(path)
  other.exec('BEGIN IMMEDIATE')
  const { failures, fatal } = writer.run([[[INSERT, [1, 'one']]], [[INSERT, [2, 'two']]]])
  assert.deepEqual(
    failures.map(({ code }) => code),
    ['unavailable', 'unavailable'],
  )
  assert.equal(fatal, undefined)
  other.exec('ROLLBACK')
  assert.deepEqual(writer.run([[[INSERT, [3, 'three']]]]), { failures: [], fatal: undefined })
  assert.deepEqual(ids(), [3])
  other.close()
  db.close()
})

test('bytes leave the log before there are more than the ballast has room for', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'entrepot-group-'))
  const path = join(folder, 'test.db')
  const { db, writer } = startGroup(path, { ...unneeded, sizeBytes: 200_000 })
  t.after(() => {
    db.close()
    rmSync(folder, { recursive: true })
  })
  db.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE pieces (bytes BLOB) STRICT')
  const insert = { id: 9, sql: 'INSERT INTO pieces VALUES (?)', expects: 1, room: 'grows' } as const
  writer.learn([insert])
  const moves = () => {
    const before = statSync(path).size
    writer.run([[[insert.id, [new Uint8Array(60_000)]]]])
    assert.equal(writer.checkpoint(), undefined)
    return statSync(path).size > before
  }
  assert.deepEqual([moves(), moves(), moves(), moves()], [false, true, false, true])
})

test('an error of SQLite is told by its code', () => {
  const failureOf = (errcode: number) => {
    const { code, fatal, local } = sqliteFailure(Object.assign(new Error('told'), { errcode }))
    return { code, fatal, local }
  }
  const whole = { local: false, fatal: false }
  assert.deepEqual(failureOf(13), { code: 'full', ...whole })
  assert.deepEqual(failureOf(5), { code: 'unavailable', ...whole })
  assert.deepEqual(failureOf(517), { code: 'unavailable', ...whole })
  assert.deepEqual(failureOf(8), { code: 'unavailable', ...whole })
  for (const fatal of [10, 1034, 11, 267, 26]) {
    assert.deepEqual(failureOf(fatal), { code: 'unavailable', local: false, fatal: true })
  }
  assert.deepEqual(failureOf(778), { code: 'full', local: false, fatal: true })
  assert.deepEqual(failureOf(4874), { code: 'full', ...whole })
  for (const conflict of [2067, 1555, 787]) {
    assert.deepEqual(failureOf(conflict), { code: 'conflict', local: true, fatal: false })
  }
  assert.deepEqual(failureOf(1299), { code: 'refused', local: true, fatal: false })
})
