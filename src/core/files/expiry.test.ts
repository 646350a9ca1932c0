import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DAY_MS } from '../ports/clock.ts'
import { type ExpiryRule, startExpiry } from './create-file.ts'
import { touchExpiry } from './expiry.ts'
import { type FileRecord, type FileState, isGone, nextStates, stateAt } from './file.ts'

const CREATED = 1_700_000_000_000

const rules: readonly (readonly [ExpiryRule, number, number | null, number | null])[] = [
  // The rule, its days, when the file ends, and when it ends after activity a day later.
  [{ policy: 'never' }, 0, null, null],
  [{ policy: 'at', at: CREATED + 5 }, 0, CREATED + 5, CREATED + 5],
  [{ policy: 'since-created', ttlDays: 7 }, 7, CREATED + 7 * DAY_MS, CREATED + 7 * DAY_MS],
  [{ policy: 'since-last-active', ttlDays: 7 }, 7, CREATED + 7 * DAY_MS, CREATED + 8 * DAY_MS],
]

for (const [rule, ttlDays, expiresAt, afterActivity] of rules) {
  test(`a file under ${rule.policy} ends when its rule says, and activity moves only a sliding end`, () => {
    const fields = startExpiry(rule, CREATED)
    assert.deepEqual(fields, { expiryPolicy: rule.policy, ttlDays, lastActiveAt: CREATED, expiresAt })
    const touched = touchExpiry(fields, CREATED + DAY_MS)
    assert.equal(touched.expiresAt, afterActivity)
    assert.equal(touched.expiryPolicy, rule.policy)
    assert.equal(touched.lastActiveAt, rule.policy === 'since-last-active' ? CREATED + DAY_MS : CREATED)
  })
}

function fileIn(state: FileState, ends: Partial<FileRecord>): FileRecord {
  return { state, uploadExpiresAt: null, expiresAt: null, ...ends } as FileRecord
}

test('an upload is expired from the very instant of its end, whatever the row says', () => {
  const upload = fileIn('pending', { uploadExpiresAt: 100 })
  assert.equal(stateAt(upload, 99), 'pending')
  assert.equal(stateAt(upload, 100), 'expired')
  assert.equal(isGone(upload, 100), false)
  assert.equal(stateAt(fileIn('pending', {}), Number.MAX_SAFE_INTEGER), 'pending')
})

test('a stored file is gone from the very instant of its end', () => {
  const file = fileIn('stored', { uploadExpiresAt: 1, expiresAt: 100 })
  assert.equal(stateAt(file, 99), 'stored')
  assert.equal(isGone(file, 99), false)
  assert.equal(stateAt(file, 100), 'deleted')
  assert.equal(isGone(file, 100), true)
})

test('time moves a file only where the table of states has a way, and never back', () => {
  const states = Object.keys(nextStates) as FileState[]
  for (const state of states) {
    const file = fileIn(state, { uploadExpiresAt: 100, expiresAt: 200 })
    let current: FileState = stateAt(file, 0)
    for (const now of [0, 99, 100, 199, 200, 1e15]) {
      const next = stateAt(file, now)
      if (next !== current)
        assert.ok((nextStates[current] as readonly FileState[]).includes(next), `${current} to ${next}`)
      current = next
    }
  }
})

test('nothing leads out of deleted, and every state but deleted leads somewhere', () => {
  assert.deepEqual(nextStates.deleted, [])
  for (const [state, next] of Object.entries(nextStates)) {
    if (state !== 'deleted') assert.ok(next.length > 0)
    assert.ok(!(next as readonly string[]).includes(state))
    assert.ok(!(next as readonly string[]).includes('pending'))
  }
})
