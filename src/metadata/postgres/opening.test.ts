import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { newDatabase, PostgresServer, query } from '../../../test/postgres.ts'
import { insertTenant, sampleFile, sampleUpload } from '../conformance/samples.ts'
import { allMigrations } from '../migrations/migrate.ts'
import { runChild } from '../sqlite/processes.harness.ts'
import { openPool } from './connection.ts'
import { migratePostgres, openPostgresMetadataStore } from './postgres.ts'

/** The one sentence with which an opening fails; it never holds the password. */
async function sentenceOf(url: string): Promise<string> {
  try {
    const store = await openPostgresMetadataStore(url)
    await store.close()
  } catch (error) {
    const { message } = error as Error
    assert.doesNotMatch(message, /harbour|sesame|\n/)
    return message
  }
  throw new Error('it opened')
}

function changed(url: string, change: (parts: URL) => void): string {
  const parts = new URL(url)
  change(parts)
  return parts.href
}

test('what keeps a database from being opened is told in a sentence', async () => {
  const url = await newDatabase()
  const wrong: [(parts: URL) => void, RegExp][] = [
    [(parts) => (parts.password = 'sesame'), /refused the password of the user "postgres"; correct ENTREPOT/],
    [(parts) => (parts.username = 'nobody'), /refused the password of the user "nobody"/],
    [(parts) => (parts.pathname = '/missing'), /has no database "missing"; create it first/],
    [(parts) => (parts.port = '1'), /127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)/],
    [(parts) => (parts.hostname = 'nowhere.invalid'), /nowhere\.invalid:\d+ cannot be reached/],
  ]
  for (const [change, sentence] of wrong) assert.match(await sentenceOf(changed(url, change)), sentence)
})

test('a database that cannot hold every text, or is of a newer release, is refused in a sentence', async () => {
  const url = await newDatabase()
  const name = `${new URL(url).pathname.slice(1)}_ascii`
  await query(
    url,
    `create database ${name} template template0 encoding 'SQL_ASCII' locale_provider libc locale 'C'`,
  )
  const ascii = changed(url, (parts) => (parts.pathname = `/${name}`))
  assert.match(await sentenceOf(ascii), /encoding SQL_ASCII; make one with the encoding UTF8/)
  await migratePostgres(url)
  await query(url, 'update schema_version set version = 1000')
  assert.match(
    await sentenceOf(url),
    /schema version 1000, but this release knows none above .* Use the release/,
  )
})

test('a user who may not make tables is told so, and one who finds them made needs no such right', async () => {
  const url = await newDatabase()
  const role = new URL(url).pathname.slice(1)
  await query(url, `create role ${role} login password 'sesame'`)
  const theirs = changed(url, (parts) => {
    parts.username = role
    parts.password = 'sesame'
  })
  assert.match(await sentenceOf(theirs), /does not let the user ".*" make tables/)
})

test('commits are flushed even where the database has a default of not flushing', async (t) => {
  const url = await newDatabase()
  const name = new URL(url).pathname.slice(1)
  const flushOf = async () => {
    const pool = openPool(url, 'write')
    t.after(() => pool.end())
    return (await pool.query('show synchronous_commit')).rows[0].synchronous_commit
  }
  await query(url, `alter database ${name} set synchronous_commit = off`)
  assert.equal(await flushOf(), 'on')
  await query(url, `alter database ${name} set synchronous_commit = remote_apply`)
  assert.equal(await flushOf(), 'remote_apply')
})

for (const [name, before] of [
  ['make one new database', 0],
  ['bring one of the second schema up to date', 2],
] as const)
  test(`four processes that ${name} at once agree on it`, async () => {
    const url = await newDatabase()
    if (before > 0) await migratePostgres(url, allMigrations.slice(0, before))
    const children = Array.from({ length: 4 }, () => runChild('look', url))
    const storeIds = (await Promise.all(children)).map(([storeId]) => storeId)
    assert.equal(new Set(storeIds).size, 1)
    assert.match(storeIds[0] ?? '', /^[0-9a-f-]{36}$/)
    const versions = await query<{ version: number }>(url, 'select version from schema_version')
    assert.deepEqual(versions, [{ version: allMigrations.length }])
  })

test('files that were there before they were counted are counted, and an open process goes on', async (t) => {
  const url = await newDatabase()
  await migratePostgres(url, allMigrations.slice(0, 2))
  await query(url, `insert into organizations (id, slug, created_at) values ('o', 'o', 1)`)
  await query(url, `insert into projects (id, organization_id, slug, created_at) values ('p', 'o', 'p', 1)`)
  await query(
    url,
    `insert into files (id, organization_id, project_id, name, size_bytes, mime_type, description, labels, created_by,
      updated_by, created_at, updated_at, state, write_once, expiry_policy, ttl_days, last_active_at)
    select 'f' || i, 'o', 'p', 'n', 1, 'text/plain', '', '{}', 'u', 'u', i, i,
      (array['stored', 'pending', 'deleted'])[i % 3 + 1], 0, 'never', 0, i from generate_series(1, 300) i`,
  )
  const store = await openPostgresMetadataStore(url)
  t.after(() => store.close())
  const filter = { projectId: 'p', visibleAt: 0 }
  assert.equal(await store.countFiles({ ...filter, states: ['stored', 'pending'] }), 200)
  await store.commit([{ kind: 'file.insert', file: sampleFile({ projectId: 'p' }) }])
  assert.equal(await store.countFiles({ ...filter, states: ['stored'] }), 101)
})

test('uploads from before digests could be announced take whatever comes, also beside later ones', async (t) => {
  const url = await newDatabase()
  await migratePostgres(url, allMigrations.slice(0, 6))
  const insert = (id: string) =>
    query(
      url,
      `insert into files (id, organization_id, project_id, name, size_bytes, mime_type, description, labels, created_by,
        updated_by, created_at, updated_at, state, write_once, expiry_policy, ttl_days, last_active_at)
      values ('${id}', 'o', 'p', 'n', 5, 'text/plain', '', '{}', 'u', 'u', 1, 1, 'pending', 0, 'never', 0, 1)`,
    )
  await insert('before')
  const store = await openPostgresMetadataStore(url)
  t.after(() => store.close())
  // As a server of the release before does it, which does not know the column.
  await insert('beside')
  for (const id of ['before', 'beside']) assert.equal((await store.findFile(id))?.expectedSha256, null)
  const announced = sampleUpload({ expectedSha256: 'b'.repeat(64) })
  await store.commit([{ kind: 'file.insert', file: announced }])
  assert.deepEqual(await store.findFile(announced.id), announced)
})

test('a process of an older release goes on while a newer one adds to the schema', async (t: TestContext) => {
  const url = await newDatabase()
  await migratePostgres(url, allMigrations.slice(0, 2))
  const pool = openPool(url, 'write')
  t.after(() => pool.end())
  const insert = `insert into files (id, organization_id, project_id, name, size_bytes, mime_type, description, labels,
    created_by, updated_by, created_at, updated_at, state, write_once, expiry_policy, ttl_days, last_active_at)
    values ($1, 'o', 'p', 'n', 1, 'text/plain', '', '{}', 'u', 'u', 1, 1, 'stored', 0, 'never', 0, 1)`
  let isOver = false
  const old = async () => {
    for (let i = 0; !isOver; i++) await pool.query({ name: 'insert', text: insert, values: [`old ${i}`] })
  }
  const running = old()
  const store = await openPostgresMetadataStore(url)
  t.after(() => store.close())
  const tenant = await insertTenant(store)
  assert.ok(tenant.projectId)
  isOver = true
  await running
  const [{ files }] = (await query<{ files: string }>(url, 'select count(*) as files from files')) as [
    { files: string },
  ]
  const filter = { projectId: 'p', states: ['stored'], visibleAt: 0 } as const
  assert.equal(await store.countFiles(filter), Number(files))
})

test('a server that nobody can reach in time is told as such', async () => {
  const server = await PostgresServer.start()
  const url = server.urlOf('postgres')
  await server.stop('immediate')
  assert.match(await sentenceOf(url), /cannot be reached/)
})
