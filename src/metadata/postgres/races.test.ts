import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { newDatabase } from '../../../test/postgres.ts'
import type { Change } from '../../core/ports/changes.ts'
import type { MetadataStore } from '../../core/ports/metadata-store.ts'
import {
  insertFiles,
  insertTenant,
  NOW,
  newKey,
  sampleFile,
  sampleProject,
  sampleUpload,
} from '../conformance/samples.ts'
import { openPostgresMetadataStore } from './postgres.ts'

/** Two processes' stores on one database. */
async function openTwo(t: TestContext): Promise<readonly [MetadataStore, MetadataStore]> {
  const url = await newDatabase()
  const open = () => openPostgresMetadataStore(url)
  const [one, other] = [await open(), await open()]
  t.after(() => Promise.all([one.close(), other.close()]))
  return [one, other]
}

function countWins(results: readonly PromiseSettledResult<unknown>[]): number {
  for (const result of results) {
    if (result.status === 'rejected')
      assert.equal(result.reason.code, 'conflict', String(result.reason.cause))
  }
  return results.filter(({ status }) => status === 'fulfilled').length
}

test('of two processes that end one upload at once exactly one wins', async (t) => {
  const stores = await openTwo(t)
  const uploads = Array.from({ length: 40 }, () => sampleUpload())
  await insertFiles(stores[0], uploads)
  await Promise.all(
    uploads.map(async ({ id }) => {
      const endings = stores.flatMap((store, i) =>
        (['stored', 'cancelled', 'expired'] as const).map((state) => {
          const patch = { state, updatedBy: `${i} ${state}` }
          return store.commit([{ kind: 'file.update', id, guard: { state: 'pending' }, patch }])
        }),
      )
      assert.equal(countWins(await Promise.allSettled(endings)), 1)
    }),
  )
  const filter = { projectId: uploads[0]?.projectId ?? '', visibleAt: NOW }
  const counted = await stores[1].countFiles({ ...filter, states: ['stored', 'cancelled', 'expired'] })
  assert.deepEqual([counted, await stores[0].countFiles({ ...filter, states: ['pending'] })], [40, 0])
})

for (const holder of ['organization', 'project'] as const) {
  test(`of two processes that fill the quota of one ${holder} as many commits win as fit`, async (t) => {
    const stores = await openTwo(t)
    const tenant = await insertTenant(stores[0])
    const id = holder === 'project' ? tenant.projectId : tenant.organizationId
    await stores[0].commit([{ kind: 'quota.set', holder, id, quotaFiles: 37, quotaBytes: null }])
    const add = (): Change[] => [
      { kind: 'usage.add', usage: { ...tenant, files: 1, bytes: 10 } },
      { kind: 'file.insert', file: sampleFile(tenant) },
    ]
    const commits = Array.from({ length: 50 }, () => stores.map((store) => store.commit(add()))).flat()
    assert.equal(countWins(await Promise.allSettled(commits)), 37)
    for (const store of stores) assert.deepEqual(await store.usage(holder, id), { files: 37, bytes: 370 })
  })
}

test('counting in several projects of one organization from two processes makes nobody wait for ever', async (t) => {
  const stores = await openTwo(t)
  const first = await insertTenant(stores[0])
  const projects = Array.from({ length: 5 }, () => sampleProject(first.organizationId))
  await stores[0].commit(projects.map((project) => ({ kind: 'project.insert', project })))
  const begin = performance.now()
  const commits = Array.from({ length: 200 }, (_, i) => {
    const usage = { ...first, projectId: projects[i % 5]?.id ?? '', files: 1, bytes: 1 }
    const order = i % 2 ? stores : stores.toReversed()
    return order.map((store) => store.commit([{ kind: 'usage.add', usage }]))
  })
  assert.equal(countWins(await Promise.allSettled(commits.flat())), 400)
  // A deadlock would show: PostgreSQL looks for one only after a second.
  assert.ok(performance.now() - begin < 5000)
  assert.deepEqual(await stores[1].usage('organization', first.organizationId), { files: 400, bytes: 400 })
})

test('two processes that give one reservation back at once give it back once', async (t) => {
  const stores = await openTwo(t)
  const tenant = await insertTenant(stores[0])
  await stores[0].commit([{ kind: 'usage.add', usage: { ...tenant, files: 100, bytes: 1000 } }])
  for (let round = 0; round < 25; round++) {
    const [key, reserved] = [newKey(), { ...tenant, files: 1, bytes: 10 }]
    await stores[0].commit([
      { kind: 'usage.add', usage: reserved },
      { kind: 'blob.intend', blob: { key, collectAfter: NOW }, reserved },
    ])
    const endings = (round % 2 ? stores : stores.toReversed()).flatMap((store) => [
      store.commit([{ kind: 'blob.release', blob: { key, collectAfter: NOW, mayComeLate: false } }]),
      store.commit([{ kind: 'blob.collect', key }]),
    ])
    assert.equal(countWins(await Promise.allSettled(endings)), endings.length)
  }
  const left = { files: 100, bytes: 1000 }
  assert.deepEqual(await stores[1].usage('project', tenant.projectId), left)
  assert.deepEqual(await stores[1].usage('organization', tenant.organizationId), left)
})

test('what one process has committed the other sees at once', async (t) => {
  const [one, other] = await openTwo(t)
  for (let round = 0; round < 30; round++) {
    const file = sampleFile()
    await one.commit([{ kind: 'file.insert', file }])
    assert.deepEqual(await other.findFile(file.id), file)
  }
})
