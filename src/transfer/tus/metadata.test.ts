import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printMetadata, readMetadata } from './metadata.ts'

const NOW = Date.parse('2026-04-08T12:00:00.000Z')

const base64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64')
const header = (values: Readonly<Record<string, string>>) =>
  Object.entries(values)
    .map(([key, value]) => `${key} ${base64(value)}`)
    .join(',')

function read(values: Readonly<Record<string, string>>) {
  return readMetadata(header(values), NOW)
}

test('an upload without metadata has no name, an unknown type, and does not end', () => {
  for (const none of [undefined, '', ' '])
    assert.deepEqual(readMetadata(none, NOW), {
      name: '',
      mimeType: 'application/octet-stream',
      purpose: null,
      externalId: null,
      labels: {},
      expiry: { policy: 'never' },
      project: undefined,
    })
})

test('all known keys are read, and others ignored', () => {
  const told = read({
    filename: 'Отчёт 1.pdf',
    filetype: 'application/x-own',
    purpose: 'user_data',
    externalId: 'crm/17',
    labels: '{"a":"1","b":"two\\nlines"}',
    expiresInSeconds: '60',
    project: 'default',
    relativePath: 'null',
  })
  assert.deepEqual(told, {
    name: 'Отчёт 1.pdf',
    mimeType: 'application/x-own',
    purpose: 'user_data',
    externalId: 'crm/17',
    labels: { a: '1', b: 'two\nlines' },
    expiry: { policy: 'at', at: NOW + 60_000 },
    project: 'default',
  })
})

test('a type that says nothing gives way to the name', () => {
  assert.equal(read({ filename: 'a.pdf', filetype: 'application/octet-stream' }).mimeType, 'application/pdf')
  assert.equal(read({ filename: 'a.pdf' }).mimeType, 'application/pdf')
})

test('a value may be left out, with its space or without', () => {
  for (const text of ['filename,purpose', 'filename ,purpose ', ' filename , purpose'])
    assert.equal(readMetadata(text, NOW).name, '')
})

test('what is malformed is refused', () => {
  const bad = [
    'filename a b',
    'filename YQ==,,purpose YQ==',
    ',filename YQ==',
    'filename YQ==,filename YQ==',
    'filename Y*==',
    `filename ${base64(Uint8Array.of(0xff, 0xfe))}`,
    header({ filename: 'a\r\nb' }),
    header({ filename: 'x'.repeat(1025) }),
    header({ filetype: 'text/plain\r\nx: y' }),
    header({ purpose: 'a\0' }),
    header({ externalId: 'x'.repeat(1025) }),
    header({ labels: '[]' }),
    header({ labels: '{' }),
    header({ labels: '{"":"a"}' }),
    header({ labels: '{"a":1}' }),
    header({ labels: '{"a\\n":"1"}' }),
    header({ labels: JSON.stringify(Object.fromEntries(Array.from({ length: 65 }, (_, i) => [i, '']))) }),
    header({ expiresInSeconds: '0' }),
    header({ expiresInSeconds: '-1' }),
    header({ expiresInSeconds: '1e3' }),
    header({ expiresInSeconds: '9999999999' }),
  ]
  for (const text of bad) assert.throws(() => readMetadata(text, NOW), { code: 'field-invalid' }, text)
})

test('what is kept of a file is told in the same form', () => {
  const given = { filename: 'Ä.bin', purpose: 'p', externalId: 'e', labels: '{"__proto__":"x"}' }
  const told = read(given)
  assert.equal(printMetadata(told as never), header(given))
  assert.equal(printMetadata(read({}) as never), undefined)
})
