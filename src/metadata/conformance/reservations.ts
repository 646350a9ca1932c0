import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Change } from '../../core/ports/changes.ts'
import type { MetadataStore } from '../../core/ports/metadata-store.ts'
import { insertTenant, NOW, newKey, type OpenStore, sampleFile, testStore } from './samples.ts'

type Tenant = Awaited<ReturnType<typeof insertTenant>>

const conflict = { name: 'StoreError', code: 'conflict' }

/** Counts the usage and reserves it for the blob, as one commit. */
function reserve(tenant: Tenant, key: string, bytes: number): Change[] {
  const usage = { ...tenant, files: 1, bytes }
  return [
    { kind: 'usage.add', usage },
    { kind: 'blob.intend', blob: { key, collectAfter: NOW + 100 }, reserved: usage },
  ]
}
function release(key: string): Change {
  return { kind: 'blob.release', blob: { key, collectAfter: NOW, mayComeLate: false } }
}
async function assertUsage(store: MetadataStore, tenant: Tenant, files: number, bytes: number) {
  assert.deepEqual(await store.usage('project', tenant.projectId), { files, bytes })
  assert.deepEqual(await store.usage('organization', tenant.organizationId), { files, bytes })
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item) =>
    permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
  )
}

export function describeReservations(openStore: OpenStore, shared: OpenStore): void {
  testStore(shared, 'a claimed blob keeps what was reserved for it counted', async (store) => {
    const [tenant, key] = [await insertTenant(store), newKey()]
    await store.commit(reserve(tenant, key, 12))
    await assertUsage(store, tenant, 1, 12)
    const file = sampleFile({ ...tenant, blobKey: key })
    await store.commit([
      { kind: 'blob.claim', key },
      { kind: 'file.insert', file },
    ])
    await assertUsage(store, tenant, 1, 12)
    // Later the file lets go of the blob: there is no reservation any more that could be given back.
    const patch = { blobKey: null }
    await store.commit([{ kind: 'file.update', id: file.id, guard: { state: 'stored' }, patch }])
    await store.commit([release(key), { kind: 'blob.collect', key }])
    await assertUsage(store, tenant, 1, 12)
  })

  testStore(
    openStore,
    'a reservation is given back once, whatever ends it in whatever order',
    async (store) => {
      const tenant = await insertTenant(store)
      await store.commit([{ kind: 'usage.add', usage: { ...tenant, files: 3, bytes: 300 } }])
      for (const order of permutations(['release', 'collect', 'end', 'release again'])) {
        const key = newKey()
        const endings: Record<string, Change> = {
          release: release(key),
          'release again': release(key),
          collect: { kind: 'blob.collect', key },
          end: { kind: 'leases.end', now: NOW },
        }
        await store.commit(reserve(tenant, key, 50))
        await assertUsage(store, tenant, 4, 350)
        for (const ending of order) {
          await store.commit([endings[ending] as Change])
          await assertUsage(store, tenant, 3, 300)
        }
        await store.commit([{ kind: 'blob.forget', key }])
        await assertUsage(store, tenant, 3, 300)
      }
    },
  )

  testStore(shared, 'of many releases and collections at once one gives back', async (store) => {
    const [tenant, key] = [await insertTenant(store), newKey()]
    await store.commit([...reserve(tenant, key, 10), ...reserve(tenant, newKey(), 1)])
    const ends = Array.from(
      { length: 20 },
      (_, i): Change => (i % 2 ? release(key) : { kind: 'blob.collect', key }),
    )
    await Promise.all(ends.map((end) => store.commit([end])))
    await assertUsage(store, tenant, 1, 1)
  })

  testStore(shared, 'a claim and a release at once count the blob as the winner says', async (store) => {
    for (let round = 0; round < 10; round++) {
      const [tenant, key] = [await insertTenant(store), newKey()]
      await store.commit(reserve(tenant, key, 10))
      const both: Change[] = [
        { kind: 'blob.claim', key },
        { kind: 'blob.collect', key },
      ]
      const order = round % 2 ? both : both.toReversed()
      const results = await Promise.allSettled(order.map((change) => store.commit([change])))
      const winner = order[results.findIndex(({ status }) => status === 'fulfilled')]
      const left = winner?.kind === 'blob.claim' ? 1 : 0
      await assertUsage(store, tenant, left, 10 * left)
    }
  })

  testStore(shared, 'a reservation that meets a conflict counts nothing', async (store) => {
    const [tenant, key] = [await insertTenant(store), newKey()]
    await store.commit(reserve(tenant, key, 10))
    await assert.rejects(store.commit(reserve(tenant, key, 10)), { ...conflict, change: 'blob.intend' })
    await assert.rejects(
      store.commit([release(key), { kind: 'blob.collect', key }, { kind: 'blob.claim', key }]),
      { ...conflict, change: 'blob.claim' },
    )
    await assertUsage(store, tenant, 1, 10)
    await store.commit([{ kind: 'blob.claim', key }])
    await assertUsage(store, tenant, 1, 10)
  })

  testStore(openStore, 'the end of leases gives back every reservation and nothing else', async (store) => {
    const [one, other] = [await insertTenant(store), await insertTenant(store)]
    const [claimed, released, lapsed] = [newKey(), newKey(), newKey()]
    for (const bytes of [1, 20, 300]) await store.commit(reserve(one, newKey(), bytes))
    await store.commit([...reserve(one, claimed, 4000), { kind: 'blob.claim', key: claimed }])
    await store.commit([...reserve(other, released, 5), release(released)])
    await store.commit([{ kind: 'blob.intend', blob: { key: newKey(), collectAfter: NOW + 1 } }])
    const reserved = { ...other, files: 1, bytes: 60 }
    await store.commit([
      { kind: 'usage.add', usage: { ...other, files: 2, bytes: 67 } },
      { kind: 'blob.intend', blob: { key: lapsed, collectAfter: NOW - 1 }, reserved },
    ])
    await assertUsage(store, one, 4, 4321)
    for (const now of [NOW, NOW + 1]) {
      await store.commit([{ kind: 'leases.end', now }])
      await assertUsage(store, one, 1, 4000)
      await assertUsage(store, other, 1, 7)
    }
  })

  testStore(shared, 'a reservation of nobody is given back to nobody', async (store) => {
    const key = newKey()
    const reserved = { organizationId: randomUUID(), projectId: randomUUID(), files: 1, bytes: 1 }
    await store.commit([{ kind: 'blob.intend', blob: { key, collectAfter: NOW }, reserved }])
    await store.commit([release(key)])
    assert.equal(await store.knowsBlob(key), true)
  })
}
