import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeptListings } from './kept-listings.ts'

function start(nextEnd = Number.POSITIVE_INFINITY) {
  const kept = new KeptListings()
  let asked = 0
  const reads = { find: async () => ++asked, findNextEnd: async () => nextEnd }
  return {
    kept,
    find: (version: unknown, visibleAt = 0, name = 'a') => kept.find(version, name, visibleAt, reads),
  }
}

test('a listing is not read again until something is committed', async () => {
  const { find } = start()
  assert.deepEqual([await find(1), await find(1, 9), await find(2), await find(2)], [1, 1, 2, 2])
  assert.equal(await find(2, 0, 'b'), 3)
})

test('a listing is read again once a file of its project ends, and for an earlier time', async () => {
  const { find } = start(10)
  assert.deepEqual([await find(1, 5), await find(1, 9), await find(1, 10)], [1, 1, 2])
  const later = start(10)
  assert.deepEqual([await later.find(1, 5), await later.find(1, 4), await later.find(1, 5)], [1, 2, 2])
})

test('where commits are not seen in time nothing is kept', async () => {
  const { find } = start()
  assert.deepEqual([await find(undefined), await find(undefined)], [1, 2])
})

test('a read that fails is tried again', async () => {
  const { kept, find } = start()
  const broken = () => Promise.reject(new Error('broken'))
  await assert.rejects(kept.find(1, 'a', 0, { find: broken, findNextEnd: async () => 10 }), /broken/)
  assert.equal(await find(1), 1)
  await kept.find(1, 'b', 0, { find: async () => 0, findNextEnd: broken })
  assert.equal(await find(1, 0, 'b'), 2)
})

test('no more is kept than its bound', async () => {
  const { find } = start()
  for (let round = 1; round <= 33; round++) assert.equal(await find(1, 0, String(round)), round)
  assert.equal(await find(1, 0, '33'), 33)
  assert.equal(await find(1, 0, '1'), 34)
})
