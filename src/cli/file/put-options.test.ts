import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appendLabel, metadataOf } from './put-options.ts'

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
