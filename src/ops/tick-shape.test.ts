import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keepTickShape } from './tick-shape.ts'

test('Node still makes an object for each tick, and one of them is kept', () => {
  assert.ok(keepTickShape())
})
