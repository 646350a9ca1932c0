import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { ApiKey } from '../../core/access/keys.ts'
import type { MetadataStore } from '../../core/ports/metadata-store.ts'
import type { GrantSession, SessionFilter } from '../../core/ports/sessions.ts'
import {
  insertTenant,
  NOW,
  type OpenStore,
  sampleGrantSession,
  sampleKey,
  sampleSession,
  testStore,
} from './samples.ts'

async function insertKey(store: MetadataStore, given: Partial<ApiKey> = {}): Promise<ApiKey> {
  const organizationId = given.organizationId ?? (await insertTenant(store)).organizationId
  const key = sampleKey(organizationId, given)
  await store.commit([{ kind: 'key.insert', key }])
  return key
}

async function insertGrant(store: MetadataStore, expiresAt: number, given: Partial<GrantSession> = {}) {
  const organizationId = given.organizationId ?? (await insertTenant(store)).organizationId
  const session = sampleGrantSession(organizationId, expiresAt, given)
  await store.commit([{ kind: 'session.insert', session }])
  return session
}

/** The session as it is found. */
function foundGrant(session: GrantSession) {
  const { organizationId, projectIds, userId, role, scopes, ...rest } = session
  return { ...rest, key: null, grant: { organizationId, projectIds, userId, role, scopes } }
}

export function describeSessions(shared: OpenStore): void {
  testStore(shared, 'a session stands for its key until the instant of its end', async (store) => {
    const [key, other] = [await insertKey(store), await insertKey(store)]
    const [one, two] = [sampleSession(key.id, NOW + 9), sampleSession(other.id, NOW + 5)]
    await store.commit([
      { kind: 'session.insert', session: one },
      { kind: 'session.insert', session: two },
    ])
    const { keyId, ...rest } = one
    assert.deepEqual(await store.findSession(one.hash, NOW), { ...rest, key, grant: null })
    assert.deepEqual((await store.findSession(one.hash, NOW + 8))?.key, key)
    assert.equal(await store.findSession(one.hash, NOW + 9), undefined)
    assert.deepEqual((await store.findSession(two.hash, NOW))?.key, other)
    assert.equal(await store.findSession(key.hash, NOW), undefined)
  })

  testStore(shared, 'a session without a key stands for what was granted when it started', async (store) => {
    const session = await insertGrant(store, NOW + 9)
    assert.deepEqual(await store.findSession(session.hash, NOW + 8), foundGrant(session))
    assert.equal(await store.findSession(session.hash, NOW + 9), undefined)
  })

  testStore(shared, 'a session of a revoked key leads to the revoked key', async (store) => {
    const key = await insertKey(store)
    const session = sampleSession(key.id, NOW + 9)
    await store.commit([
      { kind: 'session.insert', session },
      { kind: 'key.revoke', id: key.id, revokedAt: NOW },
    ])
    assert.deepEqual((await store.findSession(session.hash, NOW))?.key, { ...key, revokedAt: NOW })
  })

  testStore(
    shared,
    'a session belongs to a known key or organization, and its hash is taken once',
    async (store) => {
      const conflict = { name: 'StoreError', code: 'conflict', change: 'session.insert' }
      const session = sampleSession((await insertKey(store)).id, NOW + 9)
      const granted = await insertGrant(store, NOW + 9)
      await store.commit([{ kind: 'session.insert', session }])
      for (const refused of [
        session,
        granted,
        sampleSession(randomUUID(), NOW + 9),
        sampleGrantSession(randomUUID(), NOW + 9),
      ])
        await assert.rejects(store.commit([{ kind: 'session.insert', session: refused }]), conflict)
    },
  )

  testStore(shared, 'a session is found by how its hash begins', async (store) => {
    const key = await insertKey(store)
    const session = sampleSession(key.id, NOW + 9)
    const granted = await insertGrant(store, NOW + 9)
    await store.commit([{ kind: 'session.insert', session }])
    for (const { hash } of [session, granted])
      assert.equal((await store.findSession(hash.slice(0, 32), NOW))?.hash, hash)
    const other = session.hash[31] === 'a' ? 'b' : 'a'
    assert.equal(await store.findSession(session.hash.slice(0, 31) + other, NOW), undefined)
  })

  testStore(shared, 'when a session was seen moves forward alone', async (store) => {
    const key = await insertKey(store)
    const session = sampleSession(key.id, NOW + 900)
    const granted = await insertGrant(store, NOW + 900)
    await store.commit([{ kind: 'session.insert', session }])
    for (const { hash } of [session, granted]) {
      const seen = async () => (await store.findSession(hash, NOW))?.lastSeenAt
      assert.equal(await seen(), null)
      for (const [seenAt, expected] of [
        [NOW + 5, NOW + 5],
        [NOW + 3, NOW + 5],
        [NOW + 7, NOW + 7],
      ] as const) {
        await store.commit([{ kind: 'session.touch', hash, seenAt }])
        assert.equal(await seen(), expected)
      }
    }
    await store.commit([{ kind: 'session.touch', hash: randomUUID(), seenAt: NOW }])
  })

  testStore(
    shared,
    'sessions of an organization are listed in pages, those that end last first',
    async (store) => {
      const { organizationId } = await insertTenant(store)
      const key = await insertKey(store, { organizationId, userId: 'alice' })
      const other = await insertKey(store, { organizationId, userId: null })
      const keyed = [5, 3, 3, 9].map((age) => sampleSession(key.id, NOW + age))
      const others = [4].map((age) => sampleSession(other.id, NOW + age))
      await store.commit(
        [...keyed, ...others].map((session) => ({ kind: 'session.insert' as const, session })),
      )
      const alices = await insertGrant(store, NOW + 3, { organizationId })
      const bobs = await insertGrant(store, NOW + 8, { organizationId, userId: 'bob' })
      await insertGrant(store, NOW + 3)
      const inOrder = [...keyed, ...others, alices, bobs].sort(
        (one, two) => two.expiresAt - one.expiresAt || (one.hash < two.hash ? -1 : 1),
      )
      const hashes = async (more: Partial<SessionFilter> = {}, limit = 3) => {
        const found = []
        for (let page = await store.listSessions({ organizationId, now: NOW, ...more }, { limit }); ; ) {
          found.push(...page)
          if (page.length < limit) return found.map(({ hash }) => hash)
          page = await store.listSessions(
            { organizationId, now: NOW, ...more },
            { after: page.at(-1), limit },
          )
        }
      }
      const of = (wanted: readonly { readonly hash: string }[]) =>
        inOrder.filter((session) => wanted.includes(session)).map(({ hash }) => hash)
      for (const limit of [1, 2, 3, 100]) assert.deepEqual(await hashes({}, limit), of(inOrder))
      assert.deepEqual(await hashes({ holder: { userId: 'alice' } }), of([...keyed, alices]))
      assert.deepEqual(await hashes({ holder: { keyId: other.id } }), of(others))
      assert.deepEqual(await hashes({ now: NOW + 8 }), of(keyed.slice(3)))
      assert.deepEqual(await hashes({ organizationId: randomUUID() }), [])
    },
  )

  testStore(shared, 'a deleted session is over, and deleting twice is no harm', async (store) => {
    const key = await insertKey(store)
    const [gone, left] = [sampleSession(key.id, NOW + 9), sampleSession(key.id, NOW + 9)]
    await store.commit([gone, left].map((session) => ({ kind: 'session.insert', session })))
    const granted = await insertGrant(store, NOW + 9)
    for (const { hash } of [gone, granted]) {
      await store.commit([{ kind: 'session.delete', hash }])
      await store.commit([{ kind: 'session.delete', hash }])
      assert.equal(await store.findSession(hash, NOW), undefined)
    }
    assert.deepEqual((await store.findSession(left.hash, NOW))?.key, key)
  })

  testStore(shared, 'a purge removes the sessions that are over and no others', async (store) => {
    const key = await insertKey(store)
    const ages = [-20, -10, -9]
    const sessions = ages.map((age) => sampleSession(key.id, NOW + age))
    await store.commit(sessions.map((session) => ({ kind: 'session.insert', session })))
    for (const age of ages) sessions.push({ ...(await insertGrant(store, NOW + age)), keyId: '' })
    await store.commit([{ kind: 'session.purge', now: NOW - 10 }])
    const found = await Promise.all(sessions.map(({ hash }) => store.findSession(hash, NOW - 30)))
    const isLeft = found.map((session) => session !== undefined)
    assert.deepEqual(isLeft, [false, false, true, false, false, true])
  })
}
