import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contentDisposition } from './content-disposition.ts'

const PIECES = [
  'a',
  'Z',
  '.pdf',
  ' ',
  '"',
  '\\',
  '/',
  ';',
  '=',
  '%',
  "'",
  '*',
  '()',
  '\r\n',
  '\0',
  '\u0085',
  '\u061c',
  '\u202e',
  '\u2066',
  '\ufeff',
  'é',
  'e\u0301',
  '📁',
  '\ud83d',
  '\udcc1',
  '\u2028',
  '한',
]

/** A generator of numbers that a seed repeats (mulberry32). */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

test('any name becomes one header of two parameters, and the second tells it whole', () => {
  const seed = Math.floor(Math.random() * 2 ** 32)
  const next = random(seed)
  for (let round = 0; round < 10_000; round++) {
    const length = Math.floor(next() * 12)
    const name = Array.from({ length }, () => PIECES[Math.floor(next() * PIECES.length)]).join('')
    const header = contentDisposition(name)
    const context = `seed ${seed}, name ${JSON.stringify(name)}`
    const [, ascii, encoded] =
      /^attachment; filename="([^"\\]*)"; filename\*=UTF-8''([\w.~!*'()%-]*)$/.exec(header) ?? []
    assert.ok(ascii && encoded, context)
    assert.match(header, /^[\x20-\x7e]*$/, context)
    assert.doesNotMatch(encoded, /['()*]/, context)
    const decoded = decodeURIComponent(encoded)
    const deceptive = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g
    const expected = name.replace(deceptive, '').toWellFormed()
    assert.equal(decoded, expected || 'file', context)
    assert.equal(ascii.length, decoded.length, context)
  }
})

test('an empty name becomes "file"', () => {
  assert.equal(contentDisposition(''), `attachment; filename="file"; filename*=UTF-8''file`)
})
