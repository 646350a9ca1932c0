import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { Client } from 'pg'
import { pino } from 'pino'
import { newDatabase, query } from '../../../test/postgres.ts'
import { until } from '../../../test/until.ts'
import { MemoryBlobStore } from '../../blobs/memory/memory-blob-store.harness.ts'
import { isReservation, reserveAnswer } from '../../core/idempotency.ts'
import { systemClock } from '../../core/ports/clock.ts'
import type { Services } from '../../core/services.ts'
import { freeAbandoned } from '../../core/upkeep/free-abandoned.ts'
import { nodeJobs } from '../../jobs/jobs.ts'
import { insertTenant } from '../conformance/samples.ts'
import { PostgresNode, type PostgresNodeOptions } from './node.ts'
import { openPostgresMetadataStore } from './postgres.ts'

async function newSchema(): Promise<string> {
  const url = await newDatabase()
  await (await openPostgresMetadataStore(url)).close()
  return url
}

async function join(t: TestContext, url: string, options?: PostgresNodeOptions): Promise<PostgresNode> {
  const node = await PostgresNode.join(url, options)
  t.after(() => node.leave())
  return node
}

/** Other databases of the same server have advisory locks, too. */
const HERE = 'database = (select oid from pg_database where datname = current_database())'

/** Ends the sessions of a node, as its death would; the process finds out by itself. */
async function endSessionsOf(url: string, { id }: PostgresNode): Promise<void> {
  const ended = await query(
    url,
    `select pg_terminate_backend(pid) from pg_locks where ${HERE} and locktype = 'advisory' and objid = $1`,
    [id],
  )
  assert.equal(ended.length, 1)
}

async function soon(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  assert.ok(await until(10_000, isSo, 20), `${what} takes too long`)
}

/** Which of the nodes lead, as they know. */
function leaders(nodes: readonly PostgresNode[]): Set<PostgresNode> {
  const leading = new Set<PostgresNode>()
  for (const node of nodes) {
    node.lead(() => {
      leading.add(node)
      return async () => void leading.delete(node)
    })
  }
  return leading
}

test('one node leads, and when it leaves or its session ends another does', async (t) => {
  const url = await newSchema()
  const nodes = [await join(t, url), await join(t, url), await join(t, url)]
  const leading = leaders(nodes)
  await soon('an election', () => leading.size === 1)
  const [first] = leading as Set<PostgresNode>
  await first?.leave()
  assert.equal(leading.size, 0)
  await soon('a succession', () => leading.size === 1)
  const [second] = leading
  assert.ok(second && second !== first)
  await endSessionsOf(url, second)
  await soon('the end of a leadership', () => !leading.has(second))
  await soon('a second succession', () => leading.size === 1)
})

test('the nodes that share a database are listed, with their releases and who leads', async (t) => {
  const url = await newSchema()
  const profile = { rootKeyHash: null, version: '1.2.3', settings: {} }
  const nodes = [await join(t, url), await join(t, url, { profile })]
  const leading = leaders(nodes)
  await soon('an election', () => leading.size === 1)
  const [leader] = leading
  for (const node of nodes) {
    const listed = await node.listNodes()
    assert.deepEqual(
      listed.map(({ seenAt, ...rest }) => rest).sort((one, other) => one.id - other.id),
      nodes
        .map((each, at) => ({
          id: each.id,
          version: at === 1 ? '1.2.3' : null,
          isThis: each === node,
          leads: each === leader,
        }))
        .sort((one, other) => one.id - other.id),
    )
    assert.ok(listed.every(({ seenAt }) => Math.abs(seenAt - node.clock.now()) < 5000))
  }
})

test('a node that does not know the time leads no longer, and another does until it knows it again', async (t) => {
  const url = await newSchema()
  const first = await join(t, url)
  const leading = leaders([first])
  await soon('an election', () => leading.has(first))
  const second = await join(t, url)
  const alsoLeading = leaders([second])
  const isKnown = t.mock.method(first.clock, 'isKnown', () => false)
  await soon('a succession', () => !leading.has(first) && alsoLeading.has(second))
  isKnown.mock.restore()
  await second.leave()
  await soon('a second succession', () => leading.has(first))
})

test('all nodes have the time of the database, whatever the clocks of their machines say', async (t) => {
  const url = await newSchema()
  const nodes = [await join(t, url)]
  const real = Date.now
  t.mock.method(Date, 'now', () => real() + 3_600_000)
  nodes.push(await join(t, url))
  const [row] = await query<{ present: number }>(
    url,
    'select (extract(epoch from clock_timestamp()) * 1000)::float8 as present',
  )
  for (const { clock } of nodes) {
    assert.ok(clock.isKnown())
    assert.ok(Math.abs(clock.now() - (row?.present ?? 0)) < 500)
    assert.equal(Math.round(clock.machineAheadMs() / 60_000), 60)
  }
})

test('a node whose session was ended comes back under its name, and is counted', async (t) => {
  const url = await newSchema()
  const [node, other] = [await join(t, url), await join(t, url)]
  await soon('a count', () => node.tokens.countNodes() === 2)
  await endSessionsOf(url, other)
  const locks = `select from pg_locks where ${HERE} and objid = $1 and granted`
  const isLocked = async () => (await query(url, locks, [other.id])).length === 1
  await soon('a return', isLocked)
  assert.equal(node.tokens.countNodes(), 2)
  await other.leave()
  await soon('a farewell', () => node.tokens.countNodes() === 1)
})

test('only nodes are buried that hold no lock and were not seen for long, and what they reserved is free', async (t) => {
  const url = await newDatabase()
  const store = await openPostgresMetadataStore(url)
  t.after(() => store.close())
  const tenant = await insertTenant(store)
  const [dead, silent, lateOne] = [7, 8, 9]
  await query(
    url,
    `insert into nodes (id, seen_at) values (7, 0), (8, 0), (9, extract(epoch from clock_timestamp()) * 1000 + 60000)`,
  )
  const session = new Client(url)
  await session.connect()
  t.after(() => session.end())
  await session.query('select pg_advisory_lock_shared(721042085, $1)', [silent])
  // As if each of them were receiving a file.
  const now = Date.now()
  for (const node of [dead, silent, lateOne]) {
    const key = String(node).repeat(32)
    const reserved = { ...tenant, files: 1, bytes: 10 }
    await store.commit([
      { kind: 'usage.add', usage: reserved },
      { kind: 'blob.intend', blob: { key, collectAfter: now + 86_400_000 }, reserved },
    ])
    await query(url, 'update unreferenced_blobs set node = $1 where key = $2', [node, key])
  }
  const node = await join(t, url, { graceMs: 300 })
  node.lead(() => async () => undefined)
  assert.equal(await node.buryDead(), 0, 'it leads for too short a time to know')
  await soon('a burial', async () => (await node.buryDead()) === 1)
  assert.equal(await node.buryDead(), 0)
  const services = {
    metadata: store,
    blobs: new MemoryBlobStore(),
    clock: { now: () => now, machineNow: () => now },
    policy: { touchOn: 'none', fidelity: 'open', inlineBytes: 0, downloadGraceMs: 0, writeLeaseMs: 0 },
  } as const
  assert.equal(await freeAbandoned(services), 1)
  assert.equal(await freeAbandoned(services), 0)
  assert.deepEqual(await store.usage('project', tenant.projectId), { files: 2, bytes: 20 })
  const key = String(dead).repeat(32)
  assert.deepEqual(await store.listCollectableBlobs(now, 10), [{ key, collectAfter: now, mayComeLate: true }])
  const conflict = { name: 'StoreError', code: 'conflict' }
  await assert.rejects(store.commit([{ kind: 'blob.claim', key }]), conflict)
  await store.commit([{ kind: 'blob.claim', key: String(silent).repeat(32) }])
})

test('an idempotency key that a dead node was working on is free once the node is known to be dead', async (t) => {
  const url = await newDatabase()
  const store = await openPostgresMetadataStore(url)
  t.after(() => store.close())
  const node = await store.join?.()
  assert.ok(node)
  t.after(() => node.leave())
  const clock = systemClock
  const reserve = (key: string) =>
    reserveAnswer({ metadata: store, clock } as Services, { organizationId: 'o', operation: 'create', key })
  for (const key of ['of the dead', 'of the living']) await reserve(key)
  await query(url, "update answers set node = 7 where key = 'of the dead'")
  await query(url, 'insert into nodes (id, seen_at) values (7, 0)')
  const leader = await join(t, url, { graceMs: 300 })
  leader.lead(() => async () => undefined)
  const [job] = nodeJobs(
    { metadata: store, blobs: new MemoryBlobStore(), clock } as unknown as Services,
    leader,
    pino({ level: 'silent' }),
  )
  const running = { code: 'idempotency-running' }
  await assert.rejects(reserve('of the dead'), running)
  await soon('a burial', async () => {
    await job?.run()
    return (await query(url, 'select from nodes where id = 7')).length === 0
  })
  assert.ok(isReservation(await reserve('of the dead')))
  await assert.rejects(reserve('of the living'), running)
})

test('what a store intends after it has joined is abandoned once its node is forgotten', async (t) => {
  const url = await newDatabase()
  const store = await openPostgresMetadataStore(url)
  t.after(() => store.close())
  const node = await store.join?.()
  t.after(() => node?.leave())
  const blob = { key: 'a'.repeat(32), collectAfter: Date.now() + 86_400_000 }
  await store.commit([{ kind: 'blob.intend', blob }])
  assert.deepEqual(await store.listAbandonedBlobs(10), [])
  await node?.leave()
  assert.deepEqual(await store.listAbandonedBlobs(10), [blob])
})
