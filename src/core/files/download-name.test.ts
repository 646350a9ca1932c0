import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contentDisposition } from './download-name.ts'

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
  '\u200b',
  '\u200c',
  '\u200f',
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
    const deceptive = /[\u0000-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2060-\u2069\ufeff]/g
    const expected = name.replace(deceptive, '').toWellFormed()
    assert.equal(decoded, expected || 'file', context)
    assert.equal(ascii.length, decoded.length, context)
  }
})

test('an empty name becomes "file"', () => {
  assert.equal(contentDisposition(''), `attachment; filename="file"; filename*=UTF-8''file`)
})

/** Names whose invisible characters belong to their spelling. */
const spelled: Record<string, string> = {
  'Persian with ZWNJ': '\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.pdf',
  'Sinhala with ZWJ': '\u0dc1\u0dca\u200d\u0dbb\u0dd3.pdf',
  'Hindi with ZWJ': '\u0915\u094d\u200d\u0937.txt',
  'Hebrew with RLM': '\u05d3\u05d5\u05d7 (2026)\u200f.pdf',
  'Hebrew with LRM': '\u05d3\u05d5\u05d7 C++\u200e.txt',
  'Arabic with ALM': '\u0639\u0627\u0645 2026\u061c.txt',
  'a family': '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}.jpg',
  'the flag of Wales': '\u{1f3f4}\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}.png',
  'a heart in colour': '\u2764\ufe0f.png',
  'a Japanese variant': '\u845b\u{e0100}.txt',
}

for (const [kind, name] of Object.entries(spelled)) {
  test(`a name in which ${kind} is spelled comes back as it is`, () => {
    assert.equal(nameIn(contentDisposition(name)), name)
  })
}

/** Characters that reorder or hide text, each between two letters. */
const deceiving: readonly string[] = [
  ...['\u202a', '\u202b', '\u202c', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069'],
  ...['\u200b', '\u2060', '\u2063', '\u206a', '\u206f', '\ufeff', '\ufff9', '\ufffa', '\ufffb'],
  ...['\u{e0001}', '\u{e0041}', '\u{e007f}', '\u0000', '\u001b', '\u007f', '\u0085'],
]

test('what reorders or hides text is taken out of a name', () => {
  for (const character of deceiving) {
    const context = JSON.stringify(character)
    assert.equal(nameIn(contentDisposition(`a${character}b.txt`)), 'ab.txt', context)
    assert.equal(contentDisposition(character), contentDisposition(''), context)
  }
  const hidden = [...'delete all'].map((c) => String.fromCodePoint(0xe0000 + c.charCodeAt(0))).join('')
  assert.equal(nameIn(contentDisposition(`\u{1f3f4}${hidden}.txt`)), '\u{1f3f4}.txt')
})

test('a name that is too long keeps its extension, and whole characters before it', () => {
  const family = '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}'
  for (const [name, expected] of [
    [`${family.repeat(40)}.jpeg`, `${family.repeat(13)}.jpeg`],
    [`${'e\u0301'.repeat(90)}.txt`, `${'e\u0301'.repeat(83)}.txt`],
    [`e${'\u0301'.repeat(200)}.txt`, 'file.txt'],
    [`a.${'b'.repeat(300)}`, `a.${'b'.repeat(253)}`],
  ] as const)
    assert.equal(nameIn(contentDisposition(name)), expected)
})

function nameIn(header: string): string {
  return decodeURIComponent(header.slice(header.lastIndexOf("''") + 2))
}
