import assert from 'node:assert/strict'
import type { Change } from '../../core/ports/changes.ts'
import {
  insertTenant,
  NOW,
  newKey,
  type OpenStore,
  sampleFile,
  sampleOrganization,
  sampleUpload,
  testStore,
} from './samples.ts'

export function describeTotals(openStore: OpenStore): void {
  testStore(openStore, 'an empty store has totals of zero', async (store) => {
    assert.deepEqual(await store.totals(NOW, 10), {
      files: { pending: 0, stored: 0, cancelled: 0, expired: 0 },
      organizations: 0,
      usage: { files: 0, bytes: 0 },
      largest: [],
      fullest: { files: [], bytes: [] },
      unreferencedBlobs: { receiving: 0, waiting: 0, due: 0 },
    })
  })

  testStore(openStore, 'files are counted by state, the deleted ones not', async (store) => {
    const [one, two] = [await insertTenant(store), await insertTenant(store)]
    const files = [sampleFile(one), sampleFile(two), sampleUpload(one), sampleFile(one)]
    await store.commit(files.map((file) => ({ kind: 'file.insert', file }) as const))
    const [{ id } = sampleFile()] = files
    await store.commit([
      { kind: 'file.update', id, guard: { state: 'stored' }, patch: { state: 'deleted' } } as const,
    ])
    const counts = (await store.totals(NOW, 10)).files
    assert.deepEqual(counts, { pending: 1, stored: 2, cancelled: 0, expired: 0 })
  })

  testStore(openStore, 'the organizations that use most are listed, and use is summed up', async (store) => {
    const uses = [
      { slug: 'none', files: 0, bytes: 0 },
      { slug: 'large', files: 1, bytes: Number.MAX_SAFE_INTEGER },
      { slug: 'many', files: 9, bytes: Number.MAX_SAFE_INTEGER - 1 },
      { slug: 'small', files: 2, bytes: 7 },
    ]
    for (const { slug, ...use } of uses) {
      const tenant = await insertTenant(store, { organization: sampleOrganization({ slug }) })
      await store.commit([{ kind: 'usage.add', usage: { ...tenant, ...use } }])
    }
    const { largest, usage, organizations } = await store.totals(NOW, 2)
    assert.deepEqual(largest, [uses[1], uses[2]])
    // More than an integer holds exactly.
    assert.deepEqual({ usage, organizations }, { usage: { files: 12, bytes: 2 ** 54 + 4 }, organizations: 4 })
  })

  testStore(openStore, 'the organizations nearest to a quota are listed, by each quota', async (store) => {
    const holders = [
      { slug: 'unbound', quotaFiles: null, quotaBytes: null },
      { slug: 'half', quotaFiles: 8, quotaBytes: 1000 },
      { slug: 'full', quotaFiles: 4, quotaBytes: null },
      { slug: 'banned', quotaFiles: 0, quotaBytes: null },
    ]
    for (const given of holders) {
      const tenant = await insertTenant(store, { organization: sampleOrganization(given) })
      if (given.quotaFiles !== 0)
        await store.commit([{ kind: 'usage.add', usage: { ...tenant, files: 4, bytes: 10 } }])
    }
    const { fullest } = await store.totals(NOW, 10)
    assert.deepEqual(fullest.files, [
      { slug: 'full', used: 4, quota: 4 },
      { slug: 'half', used: 4, quota: 8 },
    ])
    assert.deepEqual(fullest.bytes, [{ slug: 'half', used: 10, quota: 1000 }])
    assert.deepEqual(
      (await store.totals(NOW, 1)).fullest.files.map(({ slug }) => slug),
      ['full'],
    )
  })

  testStore(
    openStore,
    'each project has its own totals, by the names of organizations and projects',
    async (store) => {
      const tenants = []
      for (const slug of ['zeta', 'alpha'])
        tenants.push(await insertTenant(store, { organization: sampleOrganization({ slug }) }))
      const [zeta = assert.fail(), alpha = assert.fail()] = tenants
      const files = [sampleFile(zeta), sampleFile(zeta), sampleUpload(zeta)]
      await store.commit(files.map((file) => ({ kind: 'file.insert', file }) as const))
      await store.commit([{ kind: 'usage.add', usage: { ...alpha, files: 1, bytes: 7 } }])
      const counts = { pending: 0, stored: 0, cancelled: 0, expired: 0 }
      const listed = await store.listProjectTotals()
      assert.deepEqual(
        listed.map(({ organization, id, usage, files }) => ({ organization, id, usage, files })),
        [
          { organization: 'alpha', id: alpha.projectId, usage: { files: 1, bytes: 7 }, files: counts },
          {
            organization: 'zeta',
            id: zeta.projectId,
            usage: { files: 0, bytes: 0 },
            files: { ...counts, pending: 1, stored: 2 },
          },
        ],
      )
    },
  )

  testStore(openStore, 'blobs of no file are counted by what is to become of them', async (store) => {
    const intend = (): Change => ({
      kind: 'blob.intend',
      blob: { key: newKey(), collectAfter: NOW + 1000 },
    })
    const release = (collectAfter: number): Change => ({
      kind: 'blob.release',
      blob: { key: newKey(), collectAfter, mayComeLate: false },
    })
    await store.commit([intend(), release(NOW + 1), release(NOW + 1), release(NOW), release(NOW - 1)])
    const counts = async (now: number) => (await store.totals(now, 1)).unreferencedBlobs
    assert.deepEqual(await counts(NOW), { receiving: 1, waiting: 2, due: 2 })
    assert.deepEqual(await counts(NOW + 1), { receiving: 1, waiting: 0, due: 4 })
  })
}
