import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appendLabel, metadataOf, parseLifetime } from './put-options.ts'

test('a file ends after a while, or at a time', () => {
  assert.deepEqual(parseLifetime('30d'), { seconds: 2_592_000 })
  assert.deepEqual(parseLifetime('45m'), { seconds: 2700 })
  assert.deepEqual(parseLifetime('2999-01-31'), { at: Date.parse('2999-01-31') })
  for (const text of ['', '0d', '30', 'd', '-1d', '2020-01-01', 'tomorrow', '1e3s', '2999-99-99'])
    assert.throws(() => parseLifetime(text), { name: 'InvalidArgumentError' }, text)
})

test('labels are pairs, and may have any name', () => {
  const labels = appendLabel('__proto__=1', appendLabel('a=b=c'))
  assert.equal(JSON.stringify(labels), '{"a":"b=c","__proto__":"1"}')
  for (const text of ['', 'a', '=b']) assert.throws(() => appendLabel(text), { name: 'InvalidArgumentError' })
})

test('what is not asked for is not sent', () => {
  assert.deepEqual(metadataOf('a', {}), { filename: 'a' })
  const all = metadataOf('a', { purpose: 'p', project: 'q', label: { a: 'b' }, expires: { seconds: 60 } })
  assert.deepEqual(all, {
    filename: 'a',
    project: 'q',
    purpose: 'p',
    labels: '{"a":"b"}',
    expiresInSeconds: '60',
  })
})
