/** Keys of idempotent requests that run for longer than their lease, or whose API key reaches many projects. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { createProject } from '../src/core/access/tenants.ts'
import { TestServer } from './harness.ts'
import { assertRefusal, LightfieldClient, ok, putBytes } from './lightfield-client.ts'
import { newDatabase } from './postgres.ts'
import { runJobs } from './run-jobs.ts'
import { S3TestServer } from './s3/server.ts'
import { s3Settings } from './s3/settings.ts'
import { until } from './until.ts'

const KEY = { 'idempotency-key': 'once' }
/** How long a copy takes by the clock of the test; by that of the server far longer. */
const COPY_MS = 1500
const RUNNING = [409, 'idempotency_conflict'] as const

/** A complete of staged bytes, with a key, that is being copied by the bucket. */
async function startCopying(t: TestContext) {
  const s3 = await S3TestServer.start()
  t.after(() => s3.stop())
  const server = await TestServer.start({ ...s3Settings(s3), ENTREPOT_DIRECT_TRANSFER: 'on' })
  t.after(() => server.stop())
  const client = new LightfieldClient(server)
  const { id } = await client.staged()
  const copies = () => s3.calls.filter((call) => call === 'CopyObject').length
  const before = copies()
  s3.break({ operation: 'CopyObject', effect: { delayMs: COPY_MS } })
  const complete = () => client.complete(id, {}, KEY)
  const first = complete()
  assert.ok(await until(5000, () => copies() > before), 'nothing is copied')
  return { server, client, complete, first }
}

test('a request that runs for minutes keeps its key, and is done once', async (t) => {
  const { server, client, complete, first } = await startCopying(t)
  for (let seconds = 0; seconds < 180; seconds += 30) {
    server.clock.advance({ seconds: 30 })
    await runJobs(server)
    assertRefusal(await complete(), RUNNING)
  }
  const { text, status } = await first
  assert.equal(status, 200, text)
  assert.equal((await complete()).text, text)
  assert.equal(ok(await client.list()).totalCount, 1)
})

test('a server that stands still for longer than a lease loses the key, and the request is done once', async (t) => {
  const { server, client, complete, first } = await startCopying(t)
  server.clock.advance({ minutes: 2 })
  const second = await complete()
  assert.equal(second.status, 200, second.text)
  assertRefusal(await first, RUNNING)
  await runJobs(server)
  assert.equal((await complete()).text, second.text)
  assert.equal(ok(await client.list()).totalCount, 1)
})

/** Longer than what PostgreSQL can index. */
const PROJECTS = 100

async function clientOfMany(server: TestServer): Promise<LightfieldClient> {
  const { services } = server.app
  const { id = '' } = (await services.metadata.findOrganization('default')) ?? {}
  const projects = Array.from({ length: PROJECTS }, (_, i) => createProject(services, id, `project ${i}`))
  const projectIds = (await Promise.all(projects)).map((project) => project.id)
  return new LightfieldClient({ url: server.url, key: await server.newKey({ projectIds }) })
}

test('on PostgreSQL a key that reaches a hundred projects may send idempotent requests', async (t) => {
  const server = await TestServer.start({ ENTREPOT_DATABASE_URL: await newDatabase() })
  t.after(() => server.stop())
  const client = await clientOfMany(server)
  const created = await client.create({}, KEY)
  assert.equal(ok(await client.create({}, KEY)).id, ok(created).id)
  assert.equal((await putBytes(created.body)).status, 200)
  const completed = await client.complete(created.body.id, {}, KEY)
  assert.equal(completed.status, 200, completed.text)
  assert.equal((await client.complete(created.body.id, {}, KEY)).text, completed.text)
})

test('on SQLite an answer that the release before kept under a long name is found', async (t) => {
  const server = await TestServer.start({ ENTREPOT_DATABASE_URL: '' })
  t.after(() => server.stop())
  const client = await clientOfMany(server)
  const created = await client.create({}, KEY)
  const keys = await server.app.services.metadata.listKeys()
  const projectIds = keys.map((key) => key.projectIds).find(({ length }) => length === PROJECTS) ?? []
  const db = new DatabaseSync(join(server.dataDir, 'entrepot.db'))
  t.after(() => db.close())
  db.prepare('update answers set operation = ?, key = ?').run(
    `file.create in ${projectIds.join(' ')}`,
    KEY['idempotency-key'],
  )
  assert.equal((await client.create({}, KEY)).text, created.text)
})
