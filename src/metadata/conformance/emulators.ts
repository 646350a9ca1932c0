import assert from 'node:assert/strict'
import { ensureDefaultTenant } from '../../core/access/tenants.ts'
import type { Change } from '../../core/ports/changes.ts'
import { insertTenant, NOW, type OpenStore, sampleFile, sampleKey, testStore } from './samples.ts'

const clock = { now: () => NOW, machineNow: () => NOW }
const time = { offsetMs: 0, frozenAt: null }
const rootKeyName = 'root'
const reset: Change = { kind: 'emulator.reset', time, rootKeyName, now: NOW }

export function describeEmulators(openStore: OpenStore): void {
  testStore(openStore, 'a store is no emulator’s until that is noted, and keeps its time', async (store) => {
    assert.equal(await store.emulatedTime(), undefined)
    for (const noted of [time, { offsetMs: -5, frozenAt: NOW }, { offsetMs: 7, frozenAt: null }]) {
      await store.commit([{ kind: 'emulator.note', time: noted }])
      assert.deepEqual(await store.emulatedTime(), noted)
    }
  })

  testStore(openStore, 'a reset leaves what a first start makes', async (store) => {
    const { organization, project } = await ensureDefaultTenant({ metadata: store, clock })
    const firstKey = { ...sampleKey(organization.id), id: await store.storeId() }
    const rootKey = { ...sampleKey(organization.id), name: rootKeyName }
    const oldRoot = { ...sampleKey(organization.id), name: rootKeyName }
    const other = await insertTenant(store)
    const inDefault = { organizationId: organization.id, projectId: project.id }
    const whole = sampleFile({ ...inDefault, blobKey: 'whole' })
    const pieces = sampleFile({ ...other, layout: 'segments', segmentCount: 1, blobKey: null })
    const segment = { start: 0, sizeBytes: 1, sha256: 'a'.repeat(64), blobKey: 'piece', bytes: null }
    const usage = { files: 1, bytes: 9 }
    await store.commit([
      ...[firstKey, rootKey, oldRoot, sampleKey(other.organizationId)].map(
        (key): Change => ({ kind: 'key.insert', key }),
      ),
      { kind: 'key.revoke', id: firstKey.id, revokedAt: NOW },
      { kind: 'key.revoke', id: oldRoot.id, revokedAt: NOW },
      { kind: 'quota.set', holder: 'project', id: project.id, quotaFiles: 1, quotaBytes: 9 },
      { kind: 'usage.add', usage: { ...inDefault, ...usage } },
      { kind: 'file.insert', file: whole },
      { kind: 'file.insert', file: pieces },
      { kind: 'segment.insert', fileId: pieces.id, segment },
      { kind: 'blob.intend', blob: { key: 'coming', collectAfter: NOW + 9 } },
    ])
    await store.commit([reset])
    assert.deepEqual(await store.listOrganizations(), [organization])
    assert.deepEqual(await store.listProjects(), [project])
    assert.deepEqual(new Set(await store.listKeys()), new Set([firstKey, rootKey]))
    assert.deepEqual(await store.usage('project', project.id), { files: 0, bytes: 0 })
    assert.equal(await store.findFile(whole.id), undefined)
    const filter = { projectId: project.id, states: ['stored'] as const, visibleAt: NOW }
    assert.equal(await store.countFiles(filter), 0)
    const released = await store.listCollectableBlobs(NOW, 10)
    assert.deepEqual(released.map(({ key }) => key).sort(), ['piece', 'whole'])
    await assert.rejects(store.commit([{ kind: 'blob.claim', key: 'coming' }]), { code: 'conflict' })
    await store.commit([{ kind: 'file.insert', file: { ...whole, blobKey: 'new' } }])
    assert.equal(await store.countFiles(filter), 1)
  })
}
