import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseLifetime } from './lifetime.ts'

test('what has an end has it after a while, or at a time', () => {
  assert.deepEqual(parseLifetime('30d'), { seconds: 2_592_000 })
  assert.deepEqual(parseLifetime('45m'), { seconds: 2700 })
  assert.deepEqual(parseLifetime('2999-01-31'), { at: Date.parse('2999-01-31') })
  for (const text of ['', '0d', '30', 'd', '-1d', '2020-01-01', 'tomorrow', '1e3s', '2999-99-99'])
    assert.throws(() => parseLifetime(text), { name: 'InvalidArgumentError' }, text)
})
