import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Change, Usage } from '../../core/ports/changes.ts'
import type { MetadataStore } from '../../core/ports/metadata-store.ts'
import { insertTenant, type OpenStore, sampleFile, sampleProject, testStore } from './samples.ts'

type Tenant = Awaited<ReturnType<typeof insertTenant>>
type Holder = 'organization' | 'project'

const overQuota = { name: 'StoreError', code: 'conflict', change: 'usage.add' }
const holders: readonly Holder[] = ['organization', 'project']

function add(tenant: Tenant, files: number, bytes: number): Change {
  return { kind: 'usage.add', usage: { ...tenant, files, bytes } }
}
function idOf(tenant: Tenant, holder: Holder): string {
  return holder === 'project' ? tenant.projectId : tenant.organizationId
}
function setQuota(
  tenant: Tenant,
  holder: Holder,
  quotaFiles: number | null,
  quotaBytes: number | null,
): Change {
  return { kind: 'quota.set', holder, id: idOf(tenant, holder), quotaFiles, quotaBytes }
}
async function assertUsage(store: MetadataStore, tenant: Tenant, files: number, bytes: number) {
  const expected: Usage = { files, bytes }
  for (const holder of holders) assert.deepEqual(await store.usage(holder, idOf(tenant, holder)), expected)
}

export function describeUsage(shared: OpenStore): void {
  testStore(shared, 'usage begins at zero and counts on the project and its organization', async (store) => {
    const tenant = await insertTenant(store)
    await assertUsage(store, tenant, 0, 0)
    await store.commit([add(tenant, 2, 30), add(tenant, 1, 0), add(tenant, -1, -10)])
    await assertUsage(store, tenant, 2, 20)
    const sibling = sampleProject(tenant.organizationId)
    await store.commit([{ kind: 'project.insert', project: sibling }])
    await store.commit([add({ ...tenant, projectId: sibling.id }, 5, Number.MAX_SAFE_INTEGER - 20)])
    assert.deepEqual(await store.usage('project', tenant.projectId), { files: 2, bytes: 20 })
    assert.deepEqual(await store.usage('organization', tenant.organizationId), {
      files: 7,
      bytes: Number.MAX_SAFE_INTEGER,
    })
  })

  testStore(shared, 'what does not exist uses nothing and cannot be added to', async (store) => {
    const tenant = await insertTenant(store)
    assert.deepEqual(await store.usage('project', tenant.organizationId), { files: 0, bytes: 0 })
    assert.deepEqual(await store.usage('organization', randomUUID()), { files: 0, bytes: 0 })
    const strangers = [
      { ...tenant, projectId: randomUUID() },
      { ...tenant, organizationId: randomUUID() },
    ]
    for (const stranger of strangers) {
      await assert.rejects(store.commit([add(stranger, 1, 1)]), overQuota)
      await assert.rejects(store.commit([add(stranger, -1, -1)]), overQuota)
    }
    await assertUsage(store, tenant, 0, 0)
  })

  for (const holder of holders) {
    testStore(shared, `the quotas of the ${holder} can be filled to the brim, not beyond`, async (store) => {
      const tenant = await insertTenant(store)
      await store.commit([setQuota(tenant, holder, 3, 100)])
      await store.commit([add(tenant, 2, 100)])
      await assert.rejects(store.commit([add(tenant, 1, 1)]), overQuota)
      await assert.rejects(store.commit([add(tenant, 2, 0)]), overQuota)
      await assertUsage(store, tenant, 2, 100)
      await store.commit([add(tenant, 1, 0)])
      await store.commit([add(tenant, -1, 0), add(tenant, 1, 0)])
      await assert.rejects(store.commit([add(tenant, 1, 0), add(tenant, -1, 0)]), overQuota)
      await assertUsage(store, tenant, 3, 100)
    })

    testStore(
      shared,
      `a quota of the ${holder} may be below what is used; only growth is refused`,
      async (store) => {
        const tenant = await insertTenant(store)
        await store.commit([add(tenant, 10, 1000), setQuota(tenant, holder, 2, 0)])
        await store.commit([add(tenant, -1, 0), add(tenant, 0, -100), add(tenant, 0, 0)])
        await assert.rejects(store.commit([add(tenant, 1, -500)]), overQuota)
        await assert.rejects(store.commit([add(tenant, -1, 1)]), overQuota)
        await assertUsage(store, tenant, 9, 900)
        await store.commit([setQuota(tenant, holder, 2, null)])
        await store.commit([add(tenant, -1, 1)])
        await store.commit([setQuota(tenant, holder, null, null)])
        await store.commit([add(tenant, 1_000_000, 1)])
        await assertUsage(store, tenant, 1_000_008, 902)
      },
    )

    testStore(
      shared,
      `of a hundred racing for the last room of the ${holder}, as many win as fit`,
      async (store) => {
        const tenant = await insertTenant(store)
        await store.commit([add(tenant, 5, 60), setQuota(tenant, holder, 5 + 37, null)])
        const wins = (results: readonly PromiseSettledResult<void>[]) =>
          results.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []))
        const files = Array.from({ length: 100 }, () => sampleFile(tenant))
        const byFiles = await Promise.allSettled(
          files.map((file) => store.commit([add(tenant, 1, 12), { kind: 'file.insert', file }])),
        )
        assert.equal(wins(byFiles).length, 37)
        await assertUsage(store, tenant, 42, 60 + 37 * 12)
        for (const [i, { id }] of files.entries()) {
          assert.equal((await store.findFile(id)) !== undefined, byFiles[i]?.status === 'fulfilled')
        }
        await store.commit([setQuota(tenant, holder, null, 60 + 37 * 12 + 100)])
        const byBytes = await Promise.allSettled(files.map(() => store.commit([add(tenant, 1, 9)])))
        assert.equal(wins(byBytes).length, 11)
        for (const result of [...byFiles, ...byBytes]) {
          if (result.status === 'rejected') assert.equal(result.reason.change, 'usage.add')
        }
      },
    )
  }

  testStore(shared, 'a counter never falls below zero', async (store) => {
    const tenant = await insertTenant(store)
    await store.commit([add(tenant, 1, 10)])
    await store.commit([add(tenant, -2, 5)])
    await assertUsage(store, tenant, 0, 15)
    await store.commit([add(tenant, 1, -16)])
    await assertUsage(store, tenant, 1, 0)
  })

  testStore(shared, 'quotas come back with their holder, from its insertion on', async (store) => {
    const organization = { quotaFiles: 7, quotaBytes: null }
    const project = { quotaFiles: null, quotaBytes: 0 }
    const tenant = await insertTenant(store, { organization, project })
    const { organizationId, projectId } = tenant
    const quotas = async () => {
      const found = [
        await store.findOrganization(organizationId),
        await store.findProject(organizationId, projectId),
      ]
      return found.map((holder) => [holder?.quotaFiles, holder?.quotaBytes])
    }
    assert.deepEqual(await quotas(), [
      [7, null],
      [null, 0],
    ])
    await assert.rejects(store.commit([add(tenant, 1, 1)]), overQuota)
    await store.commit([setQuota(tenant, 'organization', null, 1), setQuota(tenant, 'project', 2, null)])
    assert.deepEqual(await quotas(), [
      [null, 1],
      [2, null],
    ])
    const unknown = { ...tenant, projectId: randomUUID() }
    await assert.rejects(store.commit([setQuota(unknown, 'project', 1, 1)]), {
      name: 'StoreError',
      code: 'conflict',
      change: 'quota.set',
    })
  })
}
