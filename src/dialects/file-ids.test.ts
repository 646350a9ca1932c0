import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { newFileId } from '../core/files/create-file.ts'
import { FILE_ID_PATTERN, fileIdForms, parseFileId } from './all.ts'
import { fileIds as lightfieldIds } from './lightfield/ids.ts'
import { fileIds as llamacloudIds } from './llamacloud/ids.ts'

const shapes = {
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  lightfield: /^fil_[0-9a-z]{25}$/,
  gemini: /^files\/[0-9a-f]{32}$/,
  mistral: /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  llamacloud: /^dfl-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  anthropic: /^file_[0-9a-f]{32}$/,
  yandex: /^fvt[0-9a-v]{26}$/,
  openai: /^file-[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/,
} as const

const forms = [...fileIdForms]

function uuidOf(bytes: Buffer): string {
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

test('an id that is new has the shape of each form and is read back from it', () => {
  const times = [0, 1, Date.now(), 2 ** 48 - 1]
  for (let round = 0; round < 2_000; round++) {
    const now = times[round % times.length] ?? 0
    const id = newFileId(now)
    assert.equal(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16), now)
    for (const [name, form] of forms) {
      const printed = form.print(id)
      assert.match(printed, shapes[name as keyof typeof shapes])
      // The pattern leaves out the times after the year 10800.
      if (now < 2 ** 48 - 1) assert.match(printed, new RegExp(FILE_ID_PATTERN))
      assert.equal(parseFileId(printed), id, printed)
      assert.equal(form.print(id), printed)
    }
  }
})

test('any 128 bits are read back from each form', () => {
  const edges = ['00'.repeat(16), 'ff'.repeat(16), `${'00'.repeat(15)}01`, `80${'00'.repeat(15)}`]
  const samples = edges.map((hex) => Buffer.from(hex, 'hex'))
  for (let round = 0; round < 2_000; round++) samples.push(randomBytes(16))
  for (const [name, form] of forms) {
    const printed = samples.map((bytes) => form.print(uuidOf(bytes)))
    // Forms remember what they printed last.
    for (let round = 0; round < 20_000; round++) form.print(uuidOf(randomBytes(16)))
    for (const [i, bytes] of samples.entries())
      assert.equal(parseFileId(printed[i] ?? ''), uuidOf(bytes), `${uuidOf(bytes)} as ${name}`)
  }
})

test('ids are read in capitals where they are hex, and only as printed elsewhere', () => {
  const id = newFileId(Date.now())
  assert.equal(parseFileId(id.toUpperCase()), id)
  assert.equal(parseFileId(llamacloudIds.print(id).toUpperCase()), id)
  assert.equal(parseFileId(lightfieldIds.print(id).replace('fil_', 'FIL_')), undefined)
})

test('what no form prints is no id', () => {
  const id = newFileId(Date.now())
  const all = forms.map(([, form]) => form.print(id))
  const bent = all.flatMap((text) => [
    `${text}0`,
    text.slice(0, -1),
    ` ${text}`,
    `${text}\n`,
    `${text.slice(0, -1)}!`,
    `${text.slice(0, -1)}é`,
    text.replace(/.$/, '\u0660'),
  ])
  const others = [
    '',
    'id',
    'fil_',
    'dfl-',
    'fvt',
    '0',
    '{}',
    id.replaceAll('-', ''),
    `{${id}}`,
    `urn:uuid:${id}`,
  ]
  // 128 bits end at f5lxx1zz5pnorynqglhzmsp33 in base 36, and at 7vvv… in base 32: more digits than that are too many.
  const tooLarge = [
    `fil_${'z'.repeat(25)}`,
    'fil_f5lxx1zz5pnorynqglhzmsp34',
    `fvt${'v'.repeat(26)}`,
    `fvt8${'0'.repeat(25)}`,
  ]
  for (const text of [...bent, ...others, ...tooLarge])
    assert.equal(parseFileId(text), undefined, JSON.stringify(text))
  assert.equal(parseFileId('fil_f5lxx1zz5pnorynqglhzmsp33'), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
})

test('ids of later milliseconds sort after earlier ones in each form', () => {
  for (const [, form] of forms) {
    const printed = [1, 2, 1_000, 1_712_000_000_000, 1_712_000_000_001].map((now) =>
      form.print(newFileId(now)),
    )
    assert.deepEqual([...printed].sort(), printed)
  }
})

test('a hundred thousand ids of one millisecond are all different', () => {
  const ids = new Set(Array.from({ length: 100_000 }, () => newFileId(1)))
  assert.equal(ids.size, 100_000)
})
