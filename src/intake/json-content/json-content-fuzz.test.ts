import assert from 'node:assert/strict'
import test from 'node:test'
import { isLong } from '../../../test/rounds.ts'
import { SeededRandom } from '../../../test/seeded-random.ts'
import { ServiceError } from '../../core/errors.ts'
import { type Limits, readWhole, type WholeBody, wideLimits } from './json-content.harness.ts'
import { parseWhole } from './json-content.reference.ts'

/** Replays one failure: every case is a function of its seed, and the first case takes this one. */
const seedVariable = 'ENTREPOT_FUZZ_SEED'
const seconds = Number(process.env.ENTREPOT_FUZZ_SECONDS ?? (isLong ? 10 : 1))
const firstSeed = Number(process.env[seedVariable] ?? Math.floor(Math.random() * 2 ** 31))
/** Bodies up to this size are also cut in two at every offset. */
const SMALL_BYTES = 400

const codes = new Set(['body-not-json', 'body-too-large', 'field-invalid', 'bytes-too-many'])
const names = [
  'content',
  'folderId',
  'Content',
  '',
  '__proto__',
  'constructor',
  '0',
  'ä 😀',
  'a"\\\n',
  '\u2028',
]
const scalars = [
  ...['null', 'true', '0', '-0', '1.5e3', '1e-400', '9007199254740993', '""', '"\\\\"', '"content"', '"ä😀"'],
  ...['"\\"content\\":\\"QUJD\\""', '"\\ud83d\\ude00"', '"{[,:]}"'],
]
const badScalars = ['1e400', '-1e999', '"\\ud83d"', '01', 'nul', '', "'a'", '"\t"', '"\\x"', '1 2', '"a" "b"']
const inserts = [
  ...[
    '"',
    '\\',
    '\\/',
    '\\u002f',
    '\\u002',
    '\\u00e9',
    '\\n',
    '=',
    '==',
    '+',
    '-',
    '/',
    '_',
    'A',
    ' ',
    '\n',
    '\0',
  ],
  ...['{', '}', '[', ']', ',', ':', '{}', 'é', '\ufeff', '"content":"QQ"', '"content":null,', '1', 'null'],
]

interface Case {
  readonly body: Buffer
  readonly limits: Limits
  readonly cuts: readonly (readonly number[])[]
}

test('agrees with the reference on random, hostile and mutated bodies', async (context) => {
  context.diagnostic(`first seed ${firstSeed}; ${seedVariable} and ENTREPOT_FUZZ_SECONDS set seed and time`)
  const end = performance.now() + seconds * 1000
  const counts = { cases: 0, accepted: 0, withContent: 0 }
  do {
    const seed = firstSeed + counts.cases
    const result = await agreed(seed, makeCase(new SeededRandom(seed)))
    counts.cases++
    if (result !== undefined) counts.accepted++
    if (result?.content !== undefined) counts.withContent++
  } while (performance.now() < end)
  context.diagnostic(JSON.stringify(counts))
})

/** What both made of the body; throws when they differ. */
async function agreed(seed: number, { body, limits, cuts }: Case): Promise<WholeBody | undefined> {
  const expected = parseWhole(body, limits)
  for (const offsets of cuts) {
    const replay = () =>
      `${seedVariable}=${seed} cut at [${offsets.slice(0, 20)}] ${JSON.stringify(limits)} ${JSON.stringify(body.toString('latin1').slice(0, 2000))}`
    assert.deepStrictEqual(await readOrRefuse(body, offsets, limits, replay), expected, replay())
  }
  return expected
}

async function readOrRefuse(
  body: Buffer,
  offsets: readonly number[],
  limits: Limits,
  replay: () => string,
): Promise<WholeBody | undefined> {
  try {
    return await readWhole(body, offsets, limits)
  } catch (error) {
    if (error instanceof ServiceError && codes.has(error.code)) return undefined
    throw new Error(replay(), { cause: error })
  }
}

function makeCase(dice: SeededRandom): Case {
  const members = dice.many(
    6,
    () => `${makeString(dice, dice.pick(names))}${colon(dice)}${makeValue(dice, 3)}`,
  )
  if (dice.chance(0.85)) members.splice(dice.below(members.length + 1), 0, makeContentMember(dice))
  const before = dice.chance(0.05) ? dice.pick([' ', '\r\n\t', '\ufeff', '[']) : ''
  const after = dice.chance(0.1) ? dice.pick([' ', '\r\n\t', '\0', '}', '{}', 'null']) : ''
  let body: Buffer = Buffer.from(`${before}{${members.join(dice.chance(0.2) ? ' ,\n' : ',')}}${after}`)
  while (dice.chance(0.25)) body = mutate(dice, body)
  return { body, limits: makeLimits(dice), cuts: makeCuts(dice, body.length) }
}

function makeContentMember(dice: SeededRandom): string {
  return `${makeString(dice, 'content')}${colon(dice)}${makeContent(dice)}`
}

function makeContent(dice: SeededRandom): string {
  const large = dice.chance(0.02)
  const bytes = dice.bytes(dice.below(large ? 200_000 : 40))
  let text = bytes.toString(dice.pick(['base64', 'base64url']))
  if (dice.chance(0.2)) text = text.replace(/=+$/, '')
  if (dice.chance(0.3)) text = text.replaceAll('/', '\\/')
  if (dice.chance(0.1)) text = text.slice(0, dice.below(text.length + 1))
  if (dice.chance(0.1)) text = insert(dice, text, dice.pick(inserts))
  if (dice.chance(0.2) && !large)
    text = text.replace(/\w|[+=]/g, (each) => (dice.chance(0.3) ? unicode(each) : each))
  return `"${text}"`
}

/** Some of its characters escaped. */
function makeString(dice: SeededRandom, value: string): string {
  const escapes = dice.chance(0.2)
  const text = Array.from(value, (each) =>
    escapes && each.length === 1 && dice.chance(0.4) ? unicode(each) : JSON.stringify(each).slice(1, -1),
  )
  return `"${text.join('')}"`
}

function unicode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

function makeValue(dice: SeededRandom, depth: number): string {
  if (dice.chance(0.005)) return '['.repeat(99) + (dice.chance(0.5) ? '[]' : '') + ']'.repeat(99)
  if (dice.chance(0.02)) return dice.pick(badScalars)
  if (depth === 0 || dice.chance(0.5)) return dice.pick(scalars)
  if (dice.chance(0.5)) return `[${dice.many(4, () => makeValue(dice, depth - 1)).join(',')}]`
  const members = dice.many(4, () => `${makeString(dice, dice.pick(names))}:${makeValue(dice, depth - 1)}`)
  if (dice.chance(0.3)) members.push(makeContentMember(dice))
  return `{${members.join(', ')}}`
}

function colon(dice: SeededRandom): string {
  return dice.chance(0.8) ? ':' : '\t: '
}

function insert(dice: SeededRandom, text: string, inserted: string): string {
  const at = dice.below(text.length + 1)
  return text.slice(0, at) + inserted + text.slice(at)
}

function mutate(dice: SeededRandom, body: Buffer): Buffer {
  const start = dice.below(body.length)
  const end = Math.min(body.length, start + dice.below(dice.chance(0.5) ? 4 : 100))
  const [head, middle, tail] = [body.subarray(0, start), body.subarray(start, end), body.subarray(end)]
  const versions = [
    () => [head, tail],
    () => [head],
    () => [head, middle, middle, tail],
    () => [head, Buffer.from(dice.pick(inserts)), body.subarray(start)],
    () => [head, dice.bytes(2), tail],
    () => [head, Buffer.from([(body[start] ?? 0) ^ (1 << dice.below(8))]), body.subarray(start + 1)],
  ]
  return Buffer.concat(dice.pick(versions)())
}

/** Often some limit is low enough to matter. */
function makeLimits(dice: SeededRandom): Limits {
  if (dice.chance(0.7)) return wideLimits
  const low = { maxContentBytes: dice.below(40), maxOtherBytes: dice.below(200) }
  const key = dice.pick(Object.keys(low) as (keyof Limits)[])
  return { ...wideLimits, [key]: low[key] }
}

function makeCuts(dice: SeededRandom, length: number): number[][] {
  const random = dice.many(20, () => dice.below(length + 1)).sort((a, b) => a - b)
  if (length > SMALL_BYTES) return [[], random]
  const everywhere = Array.from({ length }, (_, offset) => offset)
  return [[], random, everywhere, ...(dice.chance(0.2) ? everywhere.map((offset) => [offset]) : [])]
}
