import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { newDatabase, PostgresServer, query } from '../../../test/postgres.ts'
import type { FileRecord } from '../../core/files/file.ts'
import type { Change } from '../../core/ports/changes.ts'
import type { MetadataStore } from '../../core/ports/metadata-store.ts'
import { insertTenant, sampleFile } from '../conformance/samples.ts'
import { CommitProxy, type Fault } from './commit-proxy.harness.ts'
import { WRITING_CONNECTIONS } from './connection.ts'
import { openPostgresMetadataStore } from './postgres.ts'

type Tenant = Awaited<ReturnType<typeof insertTenant>>

async function openStore(t: TestContext, url: string): Promise<MetadataStore> {
  const store = await openPostgresMetadataStore(url)
  t.after(() => store.close())
  return store
}

/** Adds files of a tenant, each counted in the same commit. */
class Load {
  readonly #store: MetadataStore
  readonly #tenant: Tenant
  readonly acknowledged: FileRecord[] = []
  readonly refused: FileRecord[] = []

  constructor(store: MetadataStore, tenant: Tenant) {
    this.#store = store
    this.#tenant = tenant
  }

  async add(): Promise<void> {
    const file = sampleFile(this.#tenant)
    const changes: Change[] = [
      { kind: 'usage.add', usage: { ...this.#tenant, files: 1, bytes: 10 } },
      { kind: 'file.insert', file },
    ]
    try {
      await this.#store.commit(changes)
      this.acknowledged.push(file)
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'unavailable', String(error))
      this.refused.push(file)
    }
  }

  /** Several at a time, until `isOver`. */
  async run(isOver: () => boolean): Promise<void> {
    const worker = async () => {
      while (!isOver()) await this.add()
    }
    await Promise.all(Array.from({ length: 16 }, worker))
  }

  /** What was acknowledged is there, what was refused is not, unless nobody could tell, and each is counted once. */
  async assertHonest(store: MetadataStore, { mayBeUnknown = false } = {}): Promise<void> {
    for (const file of this.acknowledged)
      assert.ok(await store.findFile(file.id), 'an acknowledged file is lost')
    const refused = await Promise.all(this.refused.map(({ id }) => store.findFile(id)))
    const made = refused.filter((file) => file !== undefined).length
    assert.ok(mayBeUnknown || made === 0, 'a refused file was made')
    const files = this.acknowledged.length + made
    assert.deepEqual(await store.usage('project', this.#tenant.projectId), { files, bytes: 10 * files })
    const filter = { projectId: this.#tenant.projectId, states: ['stored'], visibleAt: 0 } as const
    assert.equal(await store.countFiles(filter), files)
  }
}

const faults: readonly Fault[] = ['lost', 'unanswered', 'stuck']

for (const fault of faults) {
  test(`a commit whose COMMIT is ${fault} is made exactly once`, async (t) => {
    const database = new URL(await newDatabase())
    const proxy = await CommitProxy.start(Number(database.port))
    t.after(() => proxy.stop())
    const direct = await openStore(t, database.href)
    const tenant = await insertTenant(direct)
    database.port = String(proxy.port)
    // Nobody should wait for as long as in production to learn that there is no answer.
    database.searchParams.set('query_timeout', '700')
    const store = await openStore(t, database.href)
    const load = new Load(store, tenant)
    for (let round = 0; round < 3; round++) {
      proxy.failNext(fault)
      await Promise.all(Array.from({ length: 5 }, () => load.add()))
      assert.equal(proxy.met, 1)
    }
    assert.equal(load.acknowledged.length, 15)
    await load.assertHonest(direct)
  })
}

test('as many commits as there are connections, all without an answer, are each made exactly once', async (t) => {
  const database = new URL(await newDatabase())
  const proxy = await CommitProxy.start(Number(database.port))
  t.after(() => proxy.stop())
  const direct = await openStore(t, database.href)
  const tenants = await Promise.all(Array.from({ length: WRITING_CONNECTIONS }, () => insertTenant(direct)))
  database.port = String(proxy.port)
  database.searchParams.set('query_timeout', '700')
  const store = await openStore(t, database.href)
  const loads = tenants.map((tenant) => new Load(store, tenant))
  proxy.failNext('stuck', WRITING_CONNECTIONS)
  await Promise.all(loads.map((load) => load.add()))
  assert.equal(proxy.met, WRITING_CONNECTIONS)
  assert.equal(loads.flatMap(({ refused }) => refused).length, 0)
  for (const load of loads) await load.assertHonest(direct)
})

test('sessions that are ended at any moment lose nothing and count nothing twice', async (t) => {
  const url = await newDatabase()
  const store = await openStore(t, url)
  const load = new Load(store, await insertTenant(store))
  let ended = 0
  const running = load.run(() => ended > 40)
  while (ended <= 40) {
    const sessions = await query(
      url,
      `select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'entrepot' and datname = current_database()`,
    )
    ended += sessions.length
    await sleep(5)
  }
  await running
  assert.ok(load.acknowledged.length > 100, `only ${load.acknowledged.length} files`)
  await load.assertHonest(store)
})

test('a server that is killed and started again is found again, and nothing acknowledged is lost', async (t) => {
  const server = await PostgresServer.start()
  t.after(() => server.stop('immediate'))
  const store = await openStore(t, await server.newDatabase())
  const load = new Load(store, await insertTenant(store))
  let isOver = false
  const running = load.run(() => isOver)
  for (const mode of ['immediate', 'fast'] as const) {
    const before = load.acknowledged.length
    while (load.acknowledged.length < before + 50) await sleep(5)
    await server.restart(mode)
  }
  const after = load.acknowledged.length
  while (load.acknowledged.length < after + 50) await sleep(5)
  isOver = true
  await running
  await load.assertHonest(store, { mayBeUnknown: true })
  await store.check()
})

test('a commit that a crash undid is not acknowledged for another that was given its number', async (t) => {
  const server = await PostgresServer.start()
  t.after(() => server.stop('immediate'))
  const url = await server.newDatabase()
  // What is not committed is not flushed meanwhile, so that a crash forgets that its number was given out.
  await query(url, "alter system set wal_writer_delay = '10s'")
  await query(url, 'select pg_reload_conf()')
  const proxy = await CommitProxy.start(server.port)
  t.after(() => proxy.stop())
  const direct = await openStore(t, url)
  const tenant = await insertTenant(direct)
  const store = await openStore(t, server.urlOf(new URL(url).pathname.slice(1), { port: proxy.port }))
  const load = new Load(store, tenant)
  proxy.failNext('stuck')
  const adding = load.add()
  while (proxy.met === 0) await sleep(5)
  await server.restart('immediate')
  for (let i = 0; i < 20; i++) await query(url, 'select pg_current_xact_id()')
  await adding
  for (const { id } of load.acknowledged) assert.ok(await direct.findFile(id), 'it was lost')
})

test('a row that somebody keeps locked is not waited for longer than the bound, and nobody else waits', async (t) => {
  const url = await newDatabase()
  const store = await openStore(t, `${url}?lock_timeout=300`)
  const [locked, free] = [await insertTenant(store), await insertTenant(store)]
  const holder = new Client(url)
  await holder.connect()
  t.after(() => holder.end())
  await holder.query('begin')
  await holder.query('select from organizations where id = $1 for update', [locked.organizationId])
  const [waiting, others] = [new Load(store, locked), new Load(store, free)]
  await Promise.all([waiting.add(), others.add()])
  assert.deepEqual([waiting.refused.length, others.acknowledged.length], [1, 1])
  await holder.query('rollback')
  await waiting.add()
  assert.equal(waiting.acknowledged.length, 1)
  await waiting.assertHonest(store)
})

test('what gives a reservation back on locked counters keeps nobody waiting who counts on nothing', async (t) => {
  const url = await newDatabase()
  const store = await openStore(t, url)
  const tenant = await insertTenant(store)
  const [reserved, plain] = ['a'.repeat(32), 'b'.repeat(32)]
  const usage = { ...tenant, files: 1, bytes: 10 }
  const blob = { key: reserved, collectAfter: 1 }
  await store.commit([
    { kind: 'usage.add', usage },
    { kind: 'blob.intend', blob, reserved: usage },
  ])
  const holder = new Client(url)
  await holder.connect()
  t.after(() => holder.end())
  await holder.query('begin')
  await holder.query('select from organizations where id = $1 for update', [tenant.organizationId])
  let isReleased = false
  const releasing = store
    .commit([{ kind: 'blob.release', blob: { ...blob, mayComeLate: false } }])
    .then(() => {
      isReleased = true
    })
  while (!(await isLockAwaited(url))) await sleep(5)
  await store.commit([{ kind: 'blob.intend', blob: { key: plain, collectAfter: 1 } }])
  await store.commit([{ kind: 'blob.claim', key: plain }])
  assert.equal(isReleased, false)
  await holder.query('rollback')
  await releasing
  assert.deepEqual(await store.usage('project', tenant.projectId), { files: 0, bytes: 0 })
})

async function isLockAwaited(url: string): Promise<boolean> {
  const waiting = `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
  return (await query(url, waiting)).length > 0
}

test('without its server a store answers in time that it is unavailable', async (t) => {
  const server = await PostgresServer.start()
  t.after(() => server.stop('immediate'))
  const store = await openStore(t, await server.newDatabase())
  const tenant = await insertTenant(store)
  await server.stop('fast')
  const unavailable = { name: 'StoreError', code: 'unavailable' }
  const load = new Load(store, tenant)
  const begin = performance.now()
  await assert.rejects(store.check(), unavailable)
  await assert.rejects(store.findOrganization(tenant.organizationId), unavailable)
  await load.add()
  assert.equal(load.refused.length, 1)
  assert.ok(performance.now() - begin < 15_000)
})
