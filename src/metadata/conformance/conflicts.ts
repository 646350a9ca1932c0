import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { AnswerSlot, Change } from '../../core/ports/changes.ts'
import type { MetadataStore } from '../../core/ports/metadata-store.ts'
import {
  insertFiles,
  insertTenant,
  NOW,
  newKey,
  type OpenStore,
  sampleFile,
  sampleKey,
  sampleOrganization,
  sampleProject,
  sampleSession,
  testStore,
} from './samples.ts'

/** One change of each kind that can meet a conflict, and that does. */
async function failingChanges(store: MetadataStore): Promise<Change[]> {
  const tenant = await insertTenant(store)
  const [file, key] = [sampleFile(), newKey()]
  const slot: AnswerSlot = { organizationId: tenant.organizationId, operation: 'create', key: 'taken' }
  const claim: Change = { kind: 'answer.claim', slot, token: 'a', now: NOW, leaseUntil: NOW + 9 }
  const intend: Change = { kind: 'blob.intend', blob: { key, collectAfter: NOW } }
  const linkKey: Change = { kind: 'link-key.insert', linkKey: { id: newKey(), secret: 's', createdAt: NOW } }
  await insertFiles(store, [file])
  await store.commit([claim, intend, linkKey])
  return [
    { kind: 'organization.insert', organization: sampleOrganization({ id: tenant.organizationId }) },
    { kind: 'project.insert', project: sampleProject(randomUUID()) },
    { kind: 'key.insert', key: sampleKey(randomUUID()) },
    { kind: 'key.revoke', id: randomUUID(), revokedAt: NOW },
    linkKey,
    { kind: 'quota.set', holder: 'organization', id: randomUUID(), quotaFiles: 1, quotaBytes: 1 },
    { kind: 'usage.add', usage: { ...tenant, projectId: randomUUID(), files: 1, bytes: 1 } },
    { kind: 'usage.add', usage: { ...tenant, organizationId: randomUUID(), files: 1, bytes: 1 } },
    { kind: 'session.insert', session: sampleSession(randomUUID(), NOW) },
    { kind: 'file.insert', file },
    { kind: 'file.update', id: file.id, guard: { state: 'pending' }, patch: {} },
    intend,
    { kind: 'blob.claim', key: newKey() },
    { kind: 'blob.collect', key: newKey() },
    claim,
    { kind: 'answer.save', slot, token: 'b', answer: { status: 200, body: '' }, keepUntil: NOW + 9 },
  ]
}

/** A change of several statements that always succeeds and is seen by `count`. */
async function countedTenant(store: MetadataStore) {
  const tenant = await insertTenant(store)
  const count: Change = { kind: 'usage.add', usage: { ...tenant, files: 1, bytes: 1 } }
  const counted = async () => (await store.usage('organization', tenant.organizationId)).files
  return { count, counted }
}

export function describeConflicts(shared: OpenStore): void {
  testStore(
    shared,
    'a conflict tells which change met it, wherever in the commit it stands',
    async (store) => {
      const { count, counted } = await countedTenant(store)
      for (const failing of await failingChanges(store)) {
        const conflict = { name: 'StoreError', code: 'conflict', change: failing.kind }
        await assert.rejects(store.commit([failing]), conflict, failing.kind)
        const blob = { key: newKey(), collectAfter: NOW, mayComeLate: false }
        const release: Change = { kind: 'blob.release', blob }
        await assert.rejects(store.commit([failing, count]), conflict)
        await assert.rejects(store.commit([count, release, failing, count]), conflict)
      }
      assert.equal(await counted(), 0)
    },
  )

  testStore(shared, 'of failing commits made at once each tells of its own change', async (store) => {
    const { count, counted } = await countedTenant(store)
    const failing = await failingChanges(store)
    const results = await Promise.allSettled(
      failing.flatMap((change) => [store.commit([count, change]), store.commit([count])]),
    )
    for (const [i, result] of results.entries()) {
      if (i % 2 === 1) assert.equal(result.status, 'fulfilled')
      else assert.equal(result.status === 'rejected' && result.reason.change, failing[i / 2]?.kind)
    }
    assert.equal(await counted(), failing.length)
  })

  testStore(shared, 'a text with U+0000 is refused, and nothing is found by one', async (store) => {
    const [file, nul] = [sampleFile(), 'a\0b']
    const refused = { name: 'StoreError', code: 'refused', change: undefined }
    await assert.rejects(insertFiles(store, [{ ...file, name: nul }]), refused)
    const labels = { [nul]: nul }
    await insertFiles(store, [{ ...file, labels }])
    assert.deepEqual((await store.findFile(file.id))?.labels, labels)
    const update = { kind: 'file.update', id: file.id, guard: { state: 'stored' } } as const
    await assert.rejects(store.commit([{ ...update, patch: { description: nul } }]), refused)
    const filter = { projectId: file.projectId, states: ['stored'], visibleAt: NOW } as const
    for (const given of [{ name: nul }, { externalId: nul }, { ids: [nul] }]) {
      assert.equal(await store.countFiles({ ...filter, ...given }), 0)
    }
    assert.equal(await store.findFile(nul), undefined)
  })

  testStore(shared, 'what breaks a rule of the schema is refused, and is no conflict', async (store) => {
    const nameless = { ...sampleFile(), name: null } as never
    await assert.rejects(store.commit([{ kind: 'file.insert', file: nameless }]), {
      name: 'StoreError',
      code: 'refused',
      change: undefined,
    })
  })
}
