import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import type { ApiKey } from '../../core/access/keys.ts'
import type { Session } from '../../core/ports/changes.ts'
import type { MetadataStore } from '../../core/ports/metadata-store.ts'
import { insertTenant, NOW, type OpenStore, sampleKey, testStore } from './samples.ts'

async function insertKey(store: MetadataStore): Promise<ApiKey> {
  const key = sampleKey((await insertTenant(store)).organizationId)
  await store.commit([{ kind: 'key.insert', key }])
  return key
}

function sampleSession(keyId: string, expiresAt: number): Session {
  return { hash: randomBytes(32).toString('hex'), keyId, expiresAt }
}

export function describeSessions(shared: OpenStore): void {
  testStore(shared, 'a session stands for its key until the instant of its end', async (store) => {
    const [key, other] = [await insertKey(store), await insertKey(store)]
    const [one, two] = [sampleSession(key.id, NOW + 9), sampleSession(other.id, NOW + 5)]
    await store.commit([
      { kind: 'session.insert', session: one },
      { kind: 'session.insert', session: two },
    ])
    assert.deepEqual(await store.findSessionKey(one.hash, NOW), key)
    assert.deepEqual(await store.findSessionKey(one.hash, NOW + 8), key)
    assert.equal(await store.findSessionKey(one.hash, NOW + 9), undefined)
    assert.deepEqual(await store.findSessionKey(two.hash, NOW), other)
    assert.equal(await store.findSessionKey(key.hash, NOW), undefined)
  })

  testStore(shared, 'a session of a revoked key leads to the revoked key', async (store) => {
    const key = await insertKey(store)
    const session = sampleSession(key.id, NOW + 9)
    await store.commit([
      { kind: 'session.insert', session },
      { kind: 'key.revoke', id: key.id, revokedAt: NOW },
    ])
    assert.deepEqual(await store.findSessionKey(session.hash, NOW), { ...key, revokedAt: NOW })
  })

  testStore(shared, 'a session belongs to a known key, and its hash is taken once', async (store) => {
    const conflict = { name: 'StoreError', code: 'conflict', change: 'session.insert' }
    const session = sampleSession((await insertKey(store)).id, NOW + 9)
    const stranger = sampleSession(randomUUID(), NOW + 9)
    await store.commit([{ kind: 'session.insert', session }])
    await assert.rejects(store.commit([{ kind: 'session.insert', session }]), conflict)
    await assert.rejects(store.commit([{ kind: 'session.insert', session: stranger }]), conflict)
  })

  testStore(shared, 'a deleted session is over, and deleting twice is no harm', async (store) => {
    const key = await insertKey(store)
    const [gone, left] = [sampleSession(key.id, NOW + 9), sampleSession(key.id, NOW + 9)]
    await store.commit([gone, left].map((session) => ({ kind: 'session.insert', session })))
    await store.commit([{ kind: 'session.delete', hash: gone.hash }])
    await store.commit([{ kind: 'session.delete', hash: gone.hash }])
    assert.equal(await store.findSessionKey(gone.hash, NOW), undefined)
    assert.deepEqual(await store.findSessionKey(left.hash, NOW), key)
  })

  testStore(shared, 'a purge removes the sessions that are over and no others', async (store) => {
    const key = await insertKey(store)
    const sessions = [-20, -10, -9].map((age) => sampleSession(key.id, NOW + age))
    await store.commit(sessions.map((session) => ({ kind: 'session.insert', session })))
    await store.commit([{ kind: 'session.purge', now: NOW - 10 }])
    const found = await Promise.all(sessions.map(({ hash }) => store.findSessionKey(hash, NOW - 30)))
    assert.deepEqual(found, [undefined, undefined, key])
  })
}
