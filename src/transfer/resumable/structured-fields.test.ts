import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseBoolean, parseInteger, printBoolean } from './structured-fields.ts'

test('a Boolean is ?0 or ?1, with parameters or without', () => {
  assert.deepEqual(
    ['?1', '?0', ' ?1 ', '?1;a', '?0; a=1;b="x y"; c=?1;d=:aGk=:;e=t/x;f=1.5'].map(parseBoolean),
    [true, false, true, true, false],
  )
  for (const text of [
    '',
    '1',
    '0',
    'true',
    '?2',
    '?10',
    '? 1',
    '?1,',
    '?1, ?1',
    '?1;',
    '?1;A',
    '?1;a=',
    '?1 ;a',
    '\t?1',
  ])
    assert.equal(parseBoolean(text), undefined, text)
  assert.deepEqual([true, false].map(printBoolean), ['?1', '?0'])
})

test('an Integer has up to fifteen digits', () => {
  assert.deepEqual(
    ['0', '007', '-5', ' 12 ', '12;a=b', '999999999999999'].map(parseInteger),
    [0, 7, -5, 12, 12, 999_999_999_999_999],
  )
  const wrong = [
    '',
    '+1',
    '1.0',
    '1e3',
    '0x10',
    '1 2',
    '1, 1',
    '٣',
    '9007199254740993',
    'NaN',
    '"1"',
    '-',
    '--1',
    '1;',
  ]
  for (const text of wrong) assert.equal(parseInteger(text), undefined, text)
})
