/**
 * Fails if this server has become much slower beside what `npm ci` brings:
 *
 *   npm run bench:quick              compares with bench/baseline.json, in a minute at most
 *   npm run bench:quick -- --write   writes the ratios of this machine there
 *
 * Rates and CPU are compared; rates only while no other program takes much of the machine. The best of three counts, and a
 * match is played again only while one of its ratios is too low. Everything is in memory where there is room, so that no disk decides.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { type Candidate, type Match, matches, type Pairing } from './matches.ts'
import type { MatchResult } from './report/results.ts'
import { spreadOf } from './report/statistics.ts'
import { BUSY_SHARE } from './report/table.ts'
import { Session } from './session.ts'

const BASELINE = new URL('baseline.json', import.meta.url)
/** Of a committed ratio. */
const LEAST_SHARE = 0.7
const PASSES = 3
const ROUNDS = 3
const TURN_SECONDS = 0.3
const WARM_UP_SECONDS = 1
const MIB = 1024 * 1024

/** How this server compares with a peer. */
interface Ratios {
  /** Of what both do in a second; absent if other programs took too much of the machine to tell. */
  readonly rate?: number
  /** Of the CPU that both take, the peer's by ours. */
  readonly cpu?: number
}

const kinds = ['rate', 'cpu'] as const

/** By `match ours/peer`. */
type Baseline = Readonly<Record<string, Ratios>>

const quickMatches: Readonly<Record<string, Match>> = {
  small: quick('small', ['life', 'form', 'json', 'tusServer']),
  create: quick('create', ['ours', 'noop']),
  retrieve: quick('retrieve', ['ours', 'noop']),
  download: quick('download', ['ours', 'plain']),
  list: quick('list', ['ours', 'noop'], { files: 10_000 }),
  put: quick('put', ['ours', 'form', 'plainDurable'], { sizeBytes: 96 * MIB }),
  base64: quick('base64', ['json', 'put'], { sizeBytes: 48 * MIB }),
  get: quick('get', ['ours', 'plain'], { sizeBytes: 96 * MIB }),
  tus: quick('tus', ['ours', 'tusServer']),
}

/** A match with some of its candidates and short turns. */
function quick(id: string, keys: readonly string[], changes: Partial<Candidate> = {}): Match {
  const match = matches[id] as Match
  const candidates = Object.fromEntries(
    keys.map((key) => [key, { ...(match.candidates[key] as Candidate), ...changes }]),
  )
  const pairings = match.pairings.filter(({ ours, peer }) => keys.includes(ours) && keys.includes(peer))
  const short = {
    seconds: TURN_SECONDS,
    warmUpSeconds: WARM_UP_SECONDS,
    rounds: ROUNDS,
    where: 'tmpfs',
  } as const
  return { ...match, ...short, candidates, pairings: pairings.map(withoutBound) }
}

function withoutBound({ ours, peer }: Pairing): Pairing {
  return { ours, peer }
}

const { values: options } = parseArgs({ options: { write: { type: 'boolean', default: false } } })
const baseline: Baseline = options.write ? {} : JSON.parse(await readFile(BASELINE, 'utf8'))

await Session.run(async (session) => {
  const passes: Record<string, Ratios[]> = {}
  for (const [id, match] of Object.entries(quickMatches)) {
    for (let pass = 0; pass < PASSES; pass++) {
      const told = Object.entries(ratiosOf(await session.play(id, match)))
      for (const [key, ratios] of told) passes[key] = [...(passes[key] ?? []), ratios]
      if (!options.write && told.every(([key]) => isGood(key, passes[key]))) break
      // How well hot code is compiled is decided once in the life of a process.
      await session.players.end()
    }
  }
  if (options.write) await write(passes)
  else judge(passes)
})

/** What could not be measured is absent. */
function ratiosOf({ id, figures, othersShare = 0 }: MatchResult): Record<string, Ratios> {
  const isQuiet = othersShare <= BUSY_SHARE
  return Object.fromEntries(
    figures.map(({ ours, peer, ratio, cpuRatio }) => [
      `${id} ${ours}/${peer}`,
      { ...(isQuiet ? { rate: ratio.median } : {}), ...(cpuRatio === undefined ? {} : { cpu: cpuRatio }) },
    ]),
  )
}

/** By the best of its passes. What could not be measured, here or for the baseline, is not judged. */
function isGood(key: string, passes: readonly Ratios[] = []): boolean {
  return kinds.every((kind) => {
    const told = valuesOf(passes, kind)
    return told.length === 0 || Math.max(...told) >= (baseline[key]?.[kind] ?? 0) * LEAST_SHARE
  })
}

function valuesOf(passes: readonly Ratios[], kind: keyof Ratios): number[] {
  return passes.map((ratios) => ratios[kind]).filter((value) => value !== undefined)
}

function judge(passes: Readonly<Record<string, Ratios[]>>): void {
  const bad = Object.keys(baseline).filter((key) => passes[key] === undefined || !isGood(key, passes[key]))
  for (const key of bad)
    console.error(`${key}: was ${JSON.stringify(baseline[key])}, now ${JSON.stringify(passes[key], rounded)}`)
  console.log(bad.length === 0 ? '\nNo ratio is below its bound' : `\nBelow ${LEAST_SHARE} of what they were`)
  if (bad.length > 0) process.exitCode = 1
}

/** The median of the passes, since the best would be hard to reach again. */
async function write(passes: Readonly<Record<string, Ratios[]>>): Promise<void> {
  const medians = Object.entries(passes).map(([key, all]) => {
    const told = kinds.filter((kind) => valuesOf(all, kind).length > 0)
    return [key, Object.fromEntries(told.map((kind) => [kind, spreadOf(valuesOf(all, kind)).median]))]
  })
  await writeFile(BASELINE, `${JSON.stringify(Object.fromEntries(medians), rounded, 2)}\n`)
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(3)) : value
}
