import assert from 'node:assert/strict'
import test from 'node:test'
import { isLong } from '../../../test/rounds.ts'
import { SeededRandom } from '../../../test/seeded-random.ts'
import { ServiceError } from '../../core/errors.ts'
import { chunked, readWhole } from './multipart.harness.ts'
import { parseWhole, type WholePart } from './multipart.reference.ts'
import {
  defaultMultipartLimits,
  type MultipartLimits,
  type MultipartOptions,
  type PartRole,
} from './multipart.ts'

/** Replays one failure: every case is a function of its seed, and the first case takes this one. */
const seedVariable = 'ENTREPOT_FUZZ_SEED'
const seconds = Number(process.env.ENTREPOT_FUZZ_SECONDS ?? (isLong ? 10 : 1))
const firstSeed = Number(process.env[seedVariable] ?? Math.floor(Math.random() * 2 ** 31))
/** Bodies up to this size are also cut in two at every offset. */
const SMALL_BYTES = 400

const codes = new Set(['request-malformed', 'body-too-large'])
const boundaryCharacters = "0123456789ABCXYZabcxyz'()+_,-./:=?"
const names = [
  'a',
  'file',
  '',
  'ä 文件 😀',
  '__proto__',
  'a;b=c',
  '\\',
  '\\\\',
  'a\\\\b',
  '%22%0d%41',
  "it's",
  '=?utf-8?B?0L4=?= =?UTF-8?q?=D0?=',
  '=?utf-8?q?=BE_a=0A?=b',
  '=?gbk?B?saiw5g==?=.=?x?b?=?=',
  '=?utf-8?b??= =?utf-8?b?A?= =?utf-8?b?A?=',
  '=?iso-2022-jp?b?GyhC?=a=?utf-8?q?b?=',
  'caf\xe9\x81',
]
const contents = ['\r', '\n', '\r\n', '\r\n-', '\r\n--', '-', '\0', 'x', 'é', '\r\n\r\n', '\xff']
const headers = [
  'Content-Type: text/plain',
  'content-type:',
  'Content-Transfer-Encoding: binary',
  'Content-Transfer-Encoding: base64',
  'X-Other:\t1 ',
  'X',
  ' folded',
  'Content-Type: a/b;\tc="\u0434"',
  'Content-Disposition: form-data; name=a',
  'X: 1\rX: 2',
  'X: 1\nX: 2',
]
const parameters = [
  ';',
  '; x=1',
  '; filename=""',
  '; filename="a\\"b"',
  '; filename=a.txt',
  "; filename*=UTF-8''%e2%82%ac",
  "; filename*=utf-8'en'%ff",
  "; filename*=iso-8859-1''%ff%80%81",
  '; filename="a\nb"',
  '; name=b',
  '; filename*0=a',
  '; filename="\u0085"',
  ' ; FILENAME="C:\\x\\"',
  '; filename',
  '; filename=',
  '; filename = \u0434 a.b\t',
  '; filename="say "hi";"',
  '; filename=5" a',
  "; filename*=utf-8''a b",
  "; filename*=utf-8''\u0434",
  '; filename*=',
  '; "x=y"; =; é = "',
  '; Name ="a"',
]

/** As the LlamaCloud dialect reads its forms. */
const roleOf = (name: string, hasFilename: boolean): PartRole =>
  name === 'file' ? 'file' : hasFilename || name !== 'a' ? 'ignored' : 'field'
const browserBoundary = '----formdata-undici-012345678901'

interface Case {
  readonly contentType: string
  readonly body: Buffer
  readonly limits: MultipartLimits
  readonly roleOf: typeof roleOf | undefined
  readonly cuts: readonly (readonly number[])[]
}

test('agrees with the reference on random, hostile and mutated bodies', async (context) => {
  context.diagnostic(`first seed ${firstSeed}; ${seedVariable} and ENTREPOT_FUZZ_SECONDS set seed and time`)
  const end = performance.now() + seconds * 1000
  let cases = 0
  let accepted = 0
  do {
    const seed = firstSeed + cases
    if (await agrees(seed, makeCase(new SeededRandom(seed)))) accepted++
    cases++
  } while (performance.now() < end)
  context.diagnostic(`${cases} cases, ${accepted} accepted`)
})

/** Whether both took the body; throws when they differ. */
async function agrees(seed: number, { contentType, body, limits, roleOf, cuts }: Case): Promise<boolean> {
  const expected = parseWhole(contentType, body, limits, roleOf)
  const options = roleOf === undefined ? limits : { ...limits, roleOf }
  for (const offsets of cuts) {
    const replay = () =>
      `${seedVariable}=${seed} cut at [${offsets.slice(0, 20)}] ${contentType} ${JSON.stringify(body.toString('latin1').slice(0, 2000))}`
    const actual = await parseOrRefuse(contentType, body, options, offsets, replay)
    assert.deepEqual(actual, expected, replay())
  }
  return expected !== undefined
}

async function parseOrRefuse(
  contentType: string,
  body: Buffer,
  options: MultipartOptions,
  offsets: readonly number[],
  replay: () => string,
): Promise<WholePart[] | undefined> {
  try {
    return await readWhole(contentType, chunked(body, offsets), options)
  } catch (error) {
    if (error instanceof ServiceError && codes.has(error.code)) return undefined
    throw new Error(replay(), { cause: error })
  }
}

function makeCase(dice: SeededRandom): Case {
  const boundary = dice.chance(0.2)
    ? browserBoundary
    : dice.text(boundaryCharacters, dice.chance(0.5) ? 3 : 70)
  const quote = dice.chance(0.5) ? '"' : ''
  const parts = dice.many(4, () => makePart(dice, boundary))
  const before = dice.chance(0.2) ? dice.pick(['\r\n', ' \t\r\n\r\n', '\n', '\n ', ' ', 'x\r\n']) : ''
  const after = dice.pick(['', '\r\n', '\r\n\r\n', dice.chance(0.2) ? '\r\nx' : ''])
  let body: Buffer = Buffer.concat([Buffer.from(before), ...parts, Buffer.from(`--${boundary}--${after}`)])
  while (dice.chance(0.3)) body = mutate(dice, body, boundary)
  return {
    contentType: `multipart/form-data; boundary=${quote}${boundary}${quote}${dice.chance(0.1) ? '; charset=gbk' : ''}`,
    body,
    limits: makeLimits(dice),
    roleOf: dice.chance(0.3) ? roleOf : undefined,
    cuts: makeCuts(dice, body.length),
  }
}

function makePart(dice: SeededRandom, boundary: string): Buffer {
  const lines = [`Content-Disposition: form-data; name="${dice.pick(names).replaceAll('"', '%22')}"`]
  if (dice.chance(0.5)) lines[0] += `; filename="${dice.pick(names)}"`
  while (dice.chance(0.15)) lines[0] += dice.pick(parameters)
  while (dice.chance(0.15)) lines.splice(dice.below(2), 0, dice.pick(headers))
  const content = dice.chance(0.02) ? dice.bytes(dice.below(200_000)) : makeContent(dice, boundary)
  return Buffer.concat([
    Buffer.from(
      `--${boundary}${dice.chance(0.1) ? dice.pick([' ', '\t ', ' --']) : ''}\r\n${lines.join('\r\n')}\r\n\r\n`,
      dice.chance(0.1) ? 'latin1' : 'utf8',
    ),
    content,
    Buffer.from('\r\n'),
  ])
}

/** Made of line ends and of what looks like the boundary for a while. */
function makeContent(dice: SeededRandom, boundary: string): Buffer {
  const delimiter = `\r\n--${boundary}`
  const pieces = dice.many(12, () =>
    dice.chance(0.5) ? delimiter.slice(dice.below(4), dice.below(delimiter.length)) : dice.pick(contents),
  )
  return Buffer.from(pieces.join(''), dice.chance(0.9) ? 'utf8' : 'latin1')
}

function mutate(dice: SeededRandom, body: Buffer, boundary: string): Buffer {
  const start = dice.below(body.length)
  const end = Math.min(body.length, start + dice.below(dice.chance(0.5) ? 4 : 200))
  const [head, middle, tail] = [body.subarray(0, start), body.subarray(start, end), body.subarray(end)]
  const inserts = [
    Buffer.from(dice.pick([...contents, `--${boundary}`, `\r\n--${boundary}--`])),
    dice.bytes(3),
  ]
  const versions = [
    () => [head, tail],
    () => [head],
    () => [head, middle, middle, tail],
    () => [head, dice.pick(inserts), tail],
    () => [head, Buffer.from([(body[start] ?? 0) ^ (1 << dice.below(8))]), body.subarray(start + 1)],
  ]
  return Buffer.concat(dice.pick(versions)())
}

/** Half of the time some limit is low enough to matter, and often two files are allowed. */
function makeLimits(dice: SeededRandom): MultipartLimits {
  const limits = { ...defaultMultipartLimits, files: 1 + dice.below(3) }
  if (dice.chance(0.5)) return limits
  const low = { parts: 2, headerBytes: 90, headerLines: 2, fieldBytes: 20, bodyBytes: 300, preambleBytes: 1 }
  const key = dice.pick(Object.keys(low) as (keyof typeof low)[])
  return { ...limits, [key]: low[key] }
}

function makeCuts(dice: SeededRandom, length: number): number[][] {
  const random = dice.many(20, () => dice.below(length + 1)).sort((a, b) => a - b)
  if (length > SMALL_BYTES) return [[], random]
  const everywhere = Array.from({ length }, (_, offset) => offset)
  return [[], random, everywhere, ...(dice.chance(0.2) ? everywhere.map((offset) => [offset]) : [])]
}
