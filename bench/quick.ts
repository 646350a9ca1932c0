/**
 * Fails if this server has become much slower beside what `npm ci` brings:
 *
 *   npm run bench:quick              compares with bench/baseline.json, in a minute at most
 *   npm run bench:quick -- --write   writes the ratios of this machine there
 *
 * A machine that is busy makes ratios worse for a while, not better: the best of three counts, and a match is played again
 * only while one of its ratios is too low. Everything is in memory where there is room, so that no disk decides.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { type Candidate, type Match, matches, type Pairing } from './matches.ts'
import type { MatchResult } from './report/results.ts'
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
  const seconds = Math.min(match.seconds, TURN_SECONDS)
  const short = { seconds, warmUpSeconds: WARM_UP_SECONDS, rounds: ROUNDS, where: 'tmpfs' } as const
  return { ...match, ...short, candidates, pairings: pairings.map(withoutBound) }
}

function withoutBound({ ours, peer }: Pairing): Pairing {
  return { ours, peer }
}

const { values: options } = parseArgs({ options: { write: { type: 'boolean', default: false } } })
const baseline: Baseline = options.write ? {} : JSON.parse(await readFile(BASELINE, 'utf8'))

await Session.run(async (session) => {
  const best: Record<string, Ratios> = {}
  for (const [id, match] of Object.entries(quickMatches)) {
    for (let pass = 0; pass < PASSES; pass++) {
      const result = await session.play(id, match)
      const told = ratiosOf(result)
      for (const [key, ratios] of Object.entries(told)) best[key] = better(ratios, best[key])
      if (!options.write && Object.keys(told).every((key) => isGood(key, best[key]))) break
    }
  }
  if (options.write) await writeFile(BASELINE, `${JSON.stringify(best, rounded, 2)}\n`)
  else judge(best)
})

function ratiosOf({ id, figures, othersShare = 0 }: MatchResult): Record<string, Ratios> {
  const isQuiet = othersShare <= BUSY_SHARE
  return Object.fromEntries(
    figures.map(({ ours, peer, ratio, cpuRatio }) => [
      `${id} ${ours}/${peer}`,
      { ...(isQuiet ? { rate: ratio.median } : {}), ...(cpuRatio === undefined ? {} : { cpu: cpuRatio }) },
    ]),
  )
}

function better(one: Ratios, other: Ratios = {}): Ratios {
  const most = (name: keyof Ratios) => Math.max(one[name] ?? 0, other[name] ?? 0)
  return Object.fromEntries(
    (['rate', 'cpu'] as const).map((name) => [name, most(name)]).filter(([, value]) => value),
  )
}

/** What could not be measured here is not judged. */
function isGood(key: string, ratios: Ratios = {}): boolean {
  const { rate = 0, cpu = 0 } = baseline[key] ?? {}
  return (ratios.rate ?? rate) >= rate * LEAST_SHARE && (ratios.cpu ?? cpu) >= cpu * LEAST_SHARE
}

function judge(best: Readonly<Record<string, Ratios>>): void {
  const bad = Object.keys(baseline).filter((key) => best[key] === undefined || !isGood(key, best[key]))
  for (const key of bad)
    console.error(`${key}: ${JSON.stringify(best[key], rounded)}, was ${JSON.stringify(baseline[key])}`)
  console.log(bad.length === 0 ? '\nNo ratio is below its bound' : `\nBelow ${LEAST_SHARE} of what they were`)
  if (bad.length > 0) process.exitCode = 1
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(3)) : value
}
