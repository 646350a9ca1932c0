import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSize, showSize } from './size.ts'

test('a size is a number of bytes, or has a unit of 1000 or 1024, in any case', () => {
  const sizes = { '0': 0, '512': 512, '7B': 7, '10MB': 10_000_000, '5GiB': 5_368_709_120, '64kib': 65_536 }
  for (const [text, bytes] of Object.entries(sizes)) assert.equal(parseSize(text), bytes, text)
  assert.equal(parseSize('1.5 GiB'), 1_610_612_736)
  assert.equal(parseSize('1.1GB'), 1_100_000_000)
})

test('what is no size, or could be two, is none', () => {
  for (const text of [
    '',
    'MB',
    '10M',
    '1.5',
    '0.1B',
    '-1',
    '1e3',
    '1,5GB',
    '5 GB/s',
    '9999999TB',
    'constructor',
  ])
    assert.equal(parseSize(text), undefined, text)
})

test('people are shown three figures at most, and the unit', () => {
  const shown = { 0: '0 B', 1023: '1023 B', 1536: '1.5 KiB', 10485760: '10.0 MiB', 5368709120: '5.0 GiB' }
  for (const [bytes, text] of Object.entries(shown)) assert.equal(showSize(Number(bytes)), text)
  assert.equal(showSize(200 * 1024 * 1024), '200 MiB')
})
