import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeptRecords } from './kept-records.ts'

function start() {
  const kept = new KeptRecords<number>()
  let asked = 0
  const find = (version: number, name = 'a') => kept.find(version, name, async () => ++asked)
  return { kept, find }
}

test('what was found is not asked for again until something is committed', async () => {
  const { find } = start()
  assert.equal(await find(1), 1)
  assert.equal(await find(1), 1)
  assert.equal(await find(2), 2)
})

test('a look-up that fails is tried again', async () => {
  const { kept, find } = start()
  const failing = kept.find(1, 'a', () => Promise.reject(new Error('broken')))
  await assert.rejects(failing, /broken/)
  assert.equal(await find(1), 1)
})

test('no more is kept than its bound', async () => {
  const { find } = start()
  for (let round = 1; round <= 5000; round++) assert.equal(await find(1, String(round)), round)
  assert.equal(await find(1, '5000'), 5000)
  assert.equal(await find(1, '1'), 5001)
})
