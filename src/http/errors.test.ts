import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreError, type StoreErrorCode } from '../core/errors.ts'
import { toServiceError } from './errors.ts'

const bounds: readonly (readonly [StoreErrorCode, number, number])[] = [
  ['conflict', 1, 3],
  ['unavailable', 2, 6],
  ['timeout', 2, 6],
  ['read-only', 10, 30],
]
for (const [code, least, most] of bounds)
  test(`requests that meet a store that is ${code} together are told to come back apart`, () => {
    const told = new Map<number, number>()
    for (let i = 0; i < 2000; i++) {
      const { retryAfterSeconds = 0 } = toServiceError(new StoreError(code, 'away'))
      told.set(retryAfterSeconds, (told.get(retryAfterSeconds) ?? 0) + 1)
    }
    assert.deepEqual([Math.min(...told.keys()), Math.max(...told.keys())], [least, most])
    const even = 2000 / (most - least + 1)
    for (const [seconds, clients] of told)
      assert.ok(clients > even / 2 && clients < even * 2, `${clients} after ${seconds} s`)
  })

test('what trying again does not change comes without a time to do so', () => {
  for (const code of ['missing', 'full', 'refused'] as const)
    assert.equal(toServiceError(new StoreError(code, 'no')).retryAfterSeconds, undefined)
})
