import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import type { AnswerSlot, Change } from '../../core/ports/changes.ts'
import type { MetadataStore } from '../../core/ports/metadata-store.ts'
import { NOW, type OpenStore, testStore } from './samples.ts'

const conflict = { name: 'StoreError', code: 'conflict' }
const slot: AnswerSlot = { organizationId: 'org-1', operation: 'create', key: 'key-1' }
const answer = { status: 201, body: '{"id":"ü"}' }
const LEASE_UNTIL = NOW + 10
const KEEP_UNTIL = NOW + 100

function claim(token: string, now = NOW, of = slot): Change {
  return { kind: 'answer.claim', slot: of, token, now, leaseUntil: now + 10 }
}
function save(token: string, of = slot): Change {
  return { kind: 'answer.save', slot: of, token, answer, keepUntil: KEEP_UNTIL }
}
function drop(token: string): Change {
  return { kind: 'answer.drop', slot, token }
}
function commit(store: MetadataStore, ...changes: Change[]): Promise<void> {
  return store.commit(changes)
}

export function describeAnswers(openStore: OpenStore): void {
  testStore(openStore, 'a free slot is claimed, runs, and then holds its answer', async (store) => {
    assert.equal(await store.findAnswer(slot, NOW), undefined)
    await commit(store, claim('a'))
    assert.equal(await store.findAnswer(slot, NOW), 'running')
    await commit(store, save('a'))
    assert.deepEqual(await store.findAnswer(slot, NOW), answer)
  })

  testStore(openStore, 'a running or answered slot cannot be claimed', async (store) => {
    await commit(store, claim('a'))
    await assert.rejects(commit(store, claim('b')), conflict)
    await assert.rejects(commit(store, claim('a')), conflict)
    await commit(store, save('a'))
    await assert.rejects(commit(store, claim('b', LEASE_UNTIL)), conflict)
    await assert.rejects(commit(store, claim('b', KEEP_UNTIL - 1)), conflict)
    assert.deepEqual(await store.findAnswer(slot, NOW), answer)
  })

  testStore(openStore, 'slots differ by organization, operation and key', async (store) => {
    await commit(store, claim('a'))
    await commit(store, claim('b', NOW, { ...slot, organizationId: 'org-2' }))
    await commit(store, claim('c', NOW, { ...slot, operation: 'delete' }))
    await commit(store, claim('d', NOW, { ...slot, key: 'key-2' }))
    assert.equal(await store.findAnswer({ ...slot, key: 'key-3' }, NOW), undefined)
  })

  testStore(
    openStore,
    'a lapsed lease frees the slot, and its old holder can save no more',
    async (store) => {
      await commit(store, claim('a'))
      assert.equal(await store.findAnswer(slot, LEASE_UNTIL - 1), 'running')
      assert.equal(await store.findAnswer(slot, LEASE_UNTIL), undefined)
      await assert.rejects(commit(store, claim('b', LEASE_UNTIL - 1)), conflict)
      await commit(store, claim('b', LEASE_UNTIL))
      await assert.rejects(commit(store, save('a')), conflict)
      await commit(store, drop('a'))
      assert.equal(await store.findAnswer(slot, LEASE_UNTIL), 'running')
      await commit(store, save('b'))
    },
  )

  testStore(openStore, 'an answer is kept until its instant; then the slot is free again', async (store) => {
    await commit(store, claim('a'), save('a'))
    assert.deepEqual(await store.findAnswer(slot, KEEP_UNTIL - 1), answer)
    assert.equal(await store.findAnswer(slot, KEEP_UNTIL), undefined)
    await commit(store, claim('b', KEEP_UNTIL))
    assert.equal(await store.findAnswer(slot, KEEP_UNTIL), 'running')
  })

  testStore(openStore, 'an answer is saved once, and only by the reservation', async (store) => {
    await assert.rejects(commit(store, save('a')), conflict)
    await commit(store, claim('a'))
    await assert.rejects(commit(store, save('b')), conflict)
    await commit(store, save('a'))
    await assert.rejects(commit(store, save('a')), conflict)
  })

  testStore(
    openStore,
    'a dropped reservation frees the slot; a saved answer is not dropped',
    async (store) => {
      await commit(store, claim('a'))
      await commit(store, drop('b'))
      assert.equal(await store.findAnswer(slot, NOW), 'running')
      await commit(store, drop('a'))
      await commit(store, drop('a'))
      assert.equal(await store.findAnswer(slot, NOW), undefined)
      await commit(store, claim('c'), save('c'), drop('c'))
      assert.deepEqual(await store.findAnswer(slot, NOW), answer)
    },
  )

  testStore(openStore, 'a purge removes what is over and nothing else', async (store) => {
    const other = { ...slot, key: 'key-2' }
    await commit(store, claim('a'), save('a'), claim('b', NOW, other))
    await commit(store, { kind: 'answer.purge', now: LEASE_UNTIL, limit: 10 })
    assert.equal(await store.findAnswer(other, NOW), undefined)
    assert.deepEqual(await store.findAnswer(slot, NOW), answer)
    await commit(store, { kind: 'answer.purge', now: KEEP_UNTIL, limit: 10 })
    assert.equal(await store.findAnswer(slot, NOW), undefined)
  })

  testStore(openStore, 'a purge removes as many as it may, those that ended first', async (store) => {
    const slots = [0, 1, 2, 3, 4].map((number) => ({ ...slot, key: `key ${number}` }))
    await commit(store, ...slots.map((one, number) => claim('a', NOW + number, one)))
    assert.equal(await store.countLapsedAnswers(LEASE_UNTIL + 3, 10), 4)
    assert.equal(await store.countLapsedAnswers(LEASE_UNTIL + 3, 2), 2)
    await commit(store, { kind: 'answer.purge', now: LEASE_UNTIL + 3, limit: 3 })
    assert.equal(await store.countLapsedAnswers(LEASE_UNTIL + 9, 10), 2)
    const left = await Promise.all(slots.map((one) => store.findAnswer(one, NOW)))
    assert.deepEqual(left, [undefined, undefined, undefined, 'running', 'running'])
  })

  testStore(openStore, 'the end of leases frees reserved slots and keeps answers', async (store) => {
    const other = { ...slot, key: 'key-2' }
    await commit(store, claim('a'), save('a'), claim('b', NOW, other))
    await commit(store, { kind: 'leases.end', now: NOW })
    assert.deepEqual(await store.findAnswer(slot, NOW), answer)
    assert.equal(await store.findAnswer(other, NOW), undefined)
    await assert.rejects(commit(store, save('b', other)), conflict)
  })

  testStore(
    openStore,
    'a slot may be of any length, and keeps apart from others of that length',
    async (store) => {
      // Random, so that nothing compresses. The lengths are those around which an index of PostgreSQL is full.
      for (const keyLength of [1, 126, 127, 255])
        for (let length = 2635 - keyLength; length <= 2655 - keyLength; length++) {
          const operation = randomBytes(length).toString('hex').slice(0, length)
          const long = { organizationId: randomUUID(), operation, key: 'k'.repeat(keyLength) }
          await commit(store, claim('a', NOW, long))
          assert.equal(await store.findAnswer(long, NOW), 'running')
        }
      const long = { ...slot, operation: randomBytes(5000).toString('hex') }
      await commit(store, claim('a', NOW, long))
      for (const other of [
        { key: 'key-2' },
        { organizationId: 'org-2' },
        { operation: `${long.operation} ` },
      ])
        assert.equal(await store.findAnswer({ ...long, ...other }, NOW), undefined)
      await assert.rejects(commit(store, claim('b', NOW, long)), conflict)
      await commit(store, save('a', long))
      assert.deepEqual(await store.findAnswer(long, NOW), answer)
    },
  )

  testStore(openStore, 'of many claims at once exactly one wins', async (store) => {
    const claims = Array.from({ length: 20 }, (_, i) => commit(store, claim(`token-${i}`)))
    const results = await Promise.allSettled(claims)
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
  })
}
