import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { HOUR_MS } from '../../core/ports/clock.ts'
import type { MetadataStore } from '../../core/ports/metadata-store.ts'
import type { CountedHour, UsageHolder } from '../../core/usage/usage-hour.ts'
import { insertTenant, type OpenStore, sampleFile, testStore } from './samples.ts'

const HOUR = 1000 * HOUR_MS
const none = { created: 0, deleted: 0, requests: 0, bytesIn: 0, bytesOut: 0 }

function add(holder: UsageHolder, counted: Partial<CountedHour>, isEnding = true) {
  return {
    kind: 'usage-hour.add',
    counted: { ...holder, hour: HOUR, ...none, ...counted },
    isEnding,
  } as const
}
const list = (store: MetadataStore, holder: UsageHolder) =>
  store.listUsageHours(holder, 0, Number.MAX_SAFE_INTEGER)
const whole = ({ organizationId }: UsageHolder) => ({ organizationId, projectId: '' })

export function describeUsageHours(shared: OpenStore, openStore: OpenStore): void {
  testStore(
    shared,
    'what servers count in an hour adds up, with what the holder uses by then',
    async (store) => {
      const tenant = await insertTenant(store)
      await store.commit([{ kind: 'usage.add', usage: { ...tenant, files: 2, bytes: 30 } }])
      await store.commit([
        add(tenant, { created: 2, bytesIn: 30 }),
        add(whole(tenant), { created: 2, requests: 5 }),
        add(tenant, { hour: HOUR + HOUR_MS, requests: 1 }),
      ])
      await store.commit([{ kind: 'usage.add', usage: { ...tenant, files: -1, bytes: -10 } }])
      await store.commit([add(tenant, { deleted: 1, requests: 3, bytesOut: Number.MAX_SAFE_INTEGER })])
      const first = { created: 2, deleted: 1, requests: 3, bytesIn: 30, bytesOut: Number.MAX_SAFE_INTEGER }
      assert.deepEqual(await list(store, tenant), [
        { hour: HOUR, files: 1, bytes: 20, ...first },
        { hour: HOUR + HOUR_MS, files: 2, bytes: 30, ...none, requests: 1 },
      ])
      assert.deepEqual(await list(store, whole(tenant)), [
        { hour: HOUR, files: 2, bytes: 30, ...none, created: 2, requests: 5 },
      ])
      assert.equal((await store.listUsageHours(tenant, HOUR + 1, HOUR + 2 * HOUR_MS)).length, 1)
      assert.equal((await store.listUsageHours(tenant, HOUR, HOUR + HOUR_MS)).length, 1)
    },
  )

  testStore(shared, 'what is counted late does not say what an hour ended with', async (store) => {
    const tenant = await insertTenant(store)
    await store.commit([add(tenant, { requests: 1 })])
    await store.commit([{ kind: 'usage.add', usage: { ...tenant, files: 1, bytes: 1 } }])
    await store.commit([add(tenant, { requests: 1 }, false), add(tenant, { hour: HOUR + HOUR_MS }, false)])
    const [known, unknown] = await list(store, tenant)
    assert.deepEqual([known?.files, known?.requests, unknown?.files, unknown?.bytes], [0, 2, null, null])
    assert.equal((await store.findUsageBefore(tenant, HOUR + 2 * HOUR_MS))?.hour, HOUR)
    assert.equal(await store.findUsageBefore(tenant, HOUR), undefined)
  })

  testStore(shared, 'what does not exist has no hours', async (store) => {
    const stranger = { organizationId: randomUUID(), projectId: randomUUID() }
    await store.commit([add(stranger, { requests: 1 }), add(whole(stranger), { requests: 1 })])
    assert.deepEqual([await list(store, stranger), await list(store, whole(stranger))], [[], []])
  })

  testStore(
    openStore,
    'hours that are removed leave the last one, which tells what was held',
    async (store) => {
      const tenant = await insertTenant(store)
      const hours = [0, 1, 2, 3].map((at) => HOUR + at * HOUR_MS)
      await store.commit(hours.map((hour) => add(tenant, { hour })))
      await store.commit([{ kind: 'usage-hours.purge', before: HOUR + 2 * HOUR_MS }])
      const left = async () => (await list(store, tenant)).map(({ hour }) => hour)
      assert.deepEqual(await left(), hours.slice(1))
      await store.commit([{ kind: 'usage-hours.purge', before: HOUR + 9 * HOUR_MS }])
      assert.deepEqual(await left(), hours.slice(3))
    },
  )

  testStore(
    openStore,
    'hours that are removed leave the last one of which is known what was held',
    async (store) => {
      const tenant = await insertTenant(store)
      await store.commit([{ kind: 'usage.add', usage: { ...tenant, files: 2, bytes: 30 } }])
      await store.commit([add(tenant, {}), add(tenant, { hour: HOUR + HOUR_MS }, false)])
      await store.commit([{ kind: 'usage-hours.purge', before: HOUR + 9 * HOUR_MS }])
      assert.equal((await store.findUsageBefore(tenant, HOUR + 9 * HOUR_MS))?.files, 2)
    },
  )

  testStore(openStore, 'whoever has no hour gets one, once', async (store) => {
    const tenant = await insertTenant(store)
    const other = await insertTenant(store)
    await store.commit([add(tenant, { requests: 7 })])
    await store.commit([{ kind: 'usage.add', usage: { ...other, files: 2, bytes: 30 } }])
    for (const hour of [HOUR + HOUR_MS, HOUR + 2 * HOUR_MS])
      await store.commit([{ kind: 'usage-hours.begin', hour }])
    assert.deepEqual(
      (await list(store, tenant)).map(({ requests }) => requests),
      [7],
    )
    for (const holder of [other, whole(other)])
      assert.deepEqual(await list(store, holder), [{ hour: HOUR + HOUR_MS, files: 2, bytes: 30, ...none }])
    assert.equal((await list(store, whole(tenant))).length, 1)
  })

  testStore(openStore, 'a commit is told of once it has succeeded', async (store) => {
    const tenant = await insertTenant(store)
    const told: string[] = []
    store.onCommit((changes) => told.push(...changes.map(({ kind }) => kind)))
    const file = sampleFile(tenant)
    await store.commit([{ kind: 'file.insert', file }])
    await assert.rejects(store.commit([{ kind: 'file.insert', file }]))
    assert.deepEqual(told, ['file.insert'])
  })
}
