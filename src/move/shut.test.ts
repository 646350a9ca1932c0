import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { sql } from 'kysely'
import { newDatabase } from '../../test/postgres.ts'
import type { DatabaseSession } from '../metadata/migrations/migrate.ts'
import { openPostgresSession } from '../metadata/postgres/postgres.ts'
import { openSqliteSession } from '../metadata/sqlite/sqlite.ts'
import { noteMove } from './shut.ts'

/** What goes on being written during a move: where it stands, who is there, and counters that triggers of files write. */
const OPEN = ['file_counts', 'installation', 'nodes', 'schema_version']
/** Only on SQLite, filled by triggers of `files`. */
const OPEN_ON_SQLITE = ['name_changes', ...OPEN].sort()
/** Only on PostgreSQL, unlogged. */
const OPEN_ON_POSTGRES = ['rate_buckets', ...OPEN].sort()

async function namesOf(session: DatabaseSession, text: string): Promise<string[]> {
  return (await session.run(sql.raw(text).compile(session.builder))).map(([name]) => String(name)).sort()
}

/** The tables of the database that a move leaves open, whatever the code knows of them. */
async function openTables(session: DatabaseSession): Promise<string[]> {
  await noteMove(session, { stage: 'leaving', place: 'elsewhere' })
  const [tables, shut] =
    session.engine === 'sqlite'
      ? [
          "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'",
          "select distinct tbl_name from sqlite_schema where type = 'trigger' and name like 'moving_%'",
        ]
      : [
          'select tablename::text from pg_tables where schemaname = current_schema()',
          "select tgrelid::regclass::text from pg_trigger where tgname = 'moving'",
        ]
  const found = new Set(await namesOf(session, shut))
  return (await namesOf(session, tables)).filter((table) => !found.has(table))
}

async function closing(t: TestContext, opening: Promise<DatabaseSession>): Promise<DatabaseSession> {
  const session = await opening
  t.after(() => session.close())
  return session
}

test('a move shuts every table of SQLite that commits write to', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'entrepot-moves-'))
  t.after(() => rmSync(folder, { recursive: true }))
  assert.deepEqual(await openTables(await closing(t, openSqliteSession(folder))), OPEN_ON_SQLITE)
})

test('a move shuts every table of PostgreSQL that commits write to', async (t) => {
  const session = await closing(t, openPostgresSession(await newDatabase()))
  assert.deepEqual(await openTables(session), OPEN_ON_POSTGRES)
})
