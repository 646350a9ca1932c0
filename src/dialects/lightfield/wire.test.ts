import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { printIsoTime } from './wire.ts'

test('prints every time as Date does', () => {
  const edges = [
    0,
    1,
    999,
    1000,
    59_999,
    60_000,
    3_599_999,
    86_399_999,
    86_400_000,
    Date.parse('2024-02-29T23:59:59.999Z'),
  ]
  const random = Array.from({ length: 10_000 }, () => randomInt(0, 2 ** 45))
  for (const ms of [...edges, ...random]) assert.equal(printIsoTime(ms), new Date(ms).toISOString())
})
