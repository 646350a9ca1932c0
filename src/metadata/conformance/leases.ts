import assert from 'node:assert/strict'
import type { AnswerSlot, Change } from '../../core/ports/changes.ts'
import type { MetadataStore } from '../../core/ports/metadata-store.ts'
import { NOW, newKey, type OpenStore, sampleFile, testStore } from './samples.ts'

const refused = { name: 'StoreError', code: 'refused' }
const conflict = { name: 'StoreError', code: 'conflict' }

/** Breaks a rule of the schema, so that the commit fails without being a conflict. */
const impossible: Change = {
  kind: 'file.insert',
  file: { ...sampleFile(), mimeType: null as unknown as string },
}

function intend(key: string): Change {
  return { kind: 'blob.intend', blob: { key, collectAfter: NOW + 10 } }
}
function release(key: string): Change {
  return { kind: 'blob.release', blob: { key, collectAfter: NOW, mayComeLate: true } }
}
async function forsaken(store: MetadataStore, limit = 100): Promise<string[]> {
  return (await store.listForsakenBlobs(limit)).map(({ key }) => key).sort()
}

/** What this process holds is told from what others hold, where there may be others. */
function testOneOfSeveral(
  openStore: OpenStore,
  behaviour: string,
  run: (store: MetadataStore) => Promise<void>,
): void {
  testStore(openStore, behaviour, async (store) => {
    const node = await store.join?.()
    await run(store).finally(() => node?.leave())
  })
}

export function describeLeases(openStore: OpenStore): void {
  testOneOfSeveral(openStore, 'a blob whose release failed is forsaken, others are not', async (store) => {
    const [working, claimed, released, lost, other] = Array.from({ length: 5 }, newKey) as [
      string,
      string,
      string,
      string,
      string,
    ]
    await store.commit([working, claimed, released, lost, other].map(intend))
    await store.commit([{ kind: 'blob.claim', key: claimed }])
    await store.commit([release(released)])
    assert.deepEqual(await forsaken(store), [])
    for (const key of [lost, other]) await assert.rejects(store.commit([release(key), impossible]), refused)
    assert.deepEqual(await forsaken(store), [lost, other].sort())
    assert.equal((await forsaken(store, 1)).length, 1)
    await store.commit([release(lost), { kind: 'blob.collect', key: lost }])
    assert.deepEqual(await forsaken(store), [other])
  })

  testOneOfSeveral(openStore, 'a blob is not forsaken while a request can still use it', async (store) => {
    const [key, lost] = [newKey(), newKey()]
    await store.commit([intend(key), intend(lost)])
    await assert.rejects(store.commit([release(lost), impossible]), refused)
    await assert.rejects(store.commit([{ kind: 'blob.claim', key }, impossible]), refused)
    await store.commit([{ kind: 'blob.claim', key }, intend(key)])
    assert.deepEqual(await forsaken(store), [lost])
    await store.commit([{ kind: 'blob.claim', key }])
  })

  testOneOfSeveral(openStore, 'a slot is held until its answer is saved or it is dropped', async (store) => {
    const slotOf = (key: string): AnswerSlot => ({ organizationId: 'o', operation: 'create', key })
    const claim = (key: string): Change => {
      return { kind: 'answer.claim', slot: slotOf(key), token: key, now: NOW, leaseUntil: NOW + 10 }
    }
    const drop = (key: string): Change => ({ kind: 'answer.drop', slot: slotOf(key), token: key })
    const answer = { status: 200, body: '' }
    const held = (key: string, isForsaken: boolean) => {
      return { slot: slotOf(key), token: key, leaseUntil: NOW + 10, isForsaken }
    }
    await store.commit(['runs', 'saved', 'dropped', 'lost'].map(claim))
    await store.commit([
      { kind: 'answer.save', slot: slotOf('saved'), token: 'saved', answer, keepUntil: NOW + 10 },
    ])
    await store.commit([drop('dropped')])
    await assert.rejects(store.commit([claim('saved')]), conflict)
    await assert.rejects(store.commit([claim('unknown'), impossible]), refused)
    await assert.rejects(store.commit([drop('lost'), impossible]), refused)
    assert.deepEqual(
      store.heldAnswers().toSorted((a, b) => a.token.localeCompare(b.token)),
      [held('lost', true), held('runs', false), held('unknown', true)],
    )
    await store.commit(['lost', 'unknown', 'runs'].map(drop))
    assert.deepEqual(store.heldAnswers(), [])
  })

  testStore(openStore, 'a lease is renewed by its holder alone, and an answer has none', async (store) => {
    const slot = { organizationId: 'o', operation: 'create', key: 'k' }
    const renew = (token: string, leaseUntil: number): Change => {
      return { kind: 'answer.renew', slot, token, leaseUntil }
    }
    await store.commit([{ kind: 'answer.claim', slot, token: 'a', now: NOW, leaseUntil: NOW + 10 }])
    await store.commit([renew('b', NOW + 100)])
    assert.equal(await store.findAnswer(slot, NOW + 10), undefined)
    await store.commit([renew('a', NOW + 20)])
    assert.equal(await store.findAnswer(slot, NOW + 19), 'running')
    assert.equal(store.heldAnswers()[0]?.leaseUntil, NOW + 20)
    await store.commit([{ kind: 'answer.claim', slot, token: 'b', now: NOW + 20, leaseUntil: NOW + 30 }])
    await store.commit([renew('a', NOW + 100)])
    assert.equal(await store.findAnswer(slot, NOW + 30), undefined)
    const answer = { status: 200, body: '' }
    await store.commit([{ kind: 'answer.save', slot, token: 'b', answer, keepUntil: NOW + 40 }])
    await store.commit([renew('b', NOW + 100)])
    assert.equal(await store.findAnswer(slot, NOW + 40), undefined)
  })
}
