import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newDatabase, query } from '../../../test/postgres.ts'
import { migratePostgres } from '../postgres/postgres.ts'
import { flavours } from '../sql/flavours.ts'
import { allMigrations } from './migrate.ts'

/** What leaves every statement of the release before as good as it was. */
const ADDITIONS = [
  /^create (unlogged )?table /,
  /^create (unique )?index /,
  /^create (or replace )?function /,
  /^create trigger /,
  /^alter table "\w+" add column [^,]+$/,
  /^alter table segments alter column bytes set storage external$/,
  /^(insert into|update) /,
  // No statement of a release needs it.
  /^drop index "files_pending"$/,
]

test('migrations only add, so that servers of the release before go on beside newer ones', () => {
  // The first finds nobody there.
  const statements = allMigrations
    .slice(1)
    .flatMap((migration) =>
      migration(flavours.postgres.builder, 'postgres').map((step) =>
        step.compile(flavours.postgres.builder).sql.trim(),
      ),
    )
  assert.ok(statements.length > 20)
  const others = statements.filter((sql) => !ADDITIONS.some((addition) => addition.test(sql)))
  assert.deepEqual(others, [])
})

interface Column {
  readonly place: string
  readonly type: string
  readonly nullable: string
  readonly fallback: string | null
}

async function columnsOf(url: string): Promise<Map<string, Column>> {
  const columns = await query<Column>(
    url,
    `select table_name || '.' || column_name as place, data_type as type, is_nullable as nullable,
      column_default as fallback
    from information_schema.columns where table_schema = 'public'`,
  )
  return new Map(columns.map((column) => [column.place, column]))
}

test('after each migration the columns from before are as they were, and new ones need no value', async () => {
  const url = await newDatabase()
  await migratePostgres(url, allMigrations.slice(0, 1))
  for (let version = 2; version <= allMigrations.length; version++) {
    const before = await columnsOf(url)
    const tables = new Set([...before.keys()].map((place) => place.split('.')[0]))
    await migratePostgres(url, allMigrations.slice(0, version))
    const after = await columnsOf(url)
    for (const [place, column] of before) assert.deepEqual(after.get(place), column, `version ${version}`)
    for (const [place, { nullable, fallback }] of after) {
      const isNewInOld = !before.has(place) && tables.has(place.split('.')[0])
      assert.ok(!isNewInOld || nullable === 'YES' || fallback !== null, `${place} needs a value`)
    }
  }
})
