import type { LoopResult } from '../loop.ts'
import type { Match } from '../matches.ts'
import { type Peer, peers } from '../peers/peers.ts'
import type { Played, Samples, Turn } from '../play.ts'
import { type Spread, spreadOf } from './statistics.ts'

/** One candidate of a match. */
export interface Measured {
  readonly label: string
  readonly isOurs: boolean
  readonly rate: Spread
  readonly rates: readonly number[]
  /** CPU of the server for one sequence; absent where the system does not tell. */
  readonly cpuMicroseconds?: Spread
  /** Cores that the load generator took; the server had the rest of the machine. */
  readonly clientCores: number
}

/** How one of ours compares with one of its peers. */
export interface Figure {
  readonly ours: string
  readonly peer: string
  /** Of the ratios of each round. */
  readonly ratio: Spread
  /** How much more CPU a sequence takes of the peer; absent where the system does not tell. */
  readonly cpuRatio?: number
  readonly least?: number
  readonly isMet?: boolean
}

export interface MatchResult {
  readonly id: string
  readonly title: string
  readonly unit: string
  readonly where: string
  readonly connections: number
  readonly measured: Readonly<Record<string, Measured>>
  readonly figures: readonly Figure[]
  readonly missing: readonly string[]
  /** Median share of the machine that other programs took; absent where the system does not tell. */
  readonly othersShare?: number
}

export function resultOf(id: string, match: Match, { samples, missing }: Played): MatchResult {
  const { title, unit, where, connections, pairings } = match
  const measured: Record<string, Measured> = {}
  for (const [key, of] of Object.entries(samples)) measured[key] = measuredOf(of)
  const figures = pairings.flatMap(({ ours, peer, least }): Figure[] => {
    const [mine, theirs] = [samples[ours], samples[peer]]
    if (mine === undefined || theirs === undefined) return []
    const { ratio, cpuRatio } = ratiosOf(mine.turns, theirs.turns)
    const told = cpuRatio === undefined ? {} : { cpuRatio }
    return [
      { ours, peer, ratio, ...told, ...(least === undefined ? {} : { least, isMet: ratio.median >= least }) },
    ]
  })
  const shares = Object.values(samples).flatMap(({ turns }) => turns.map(({ othersShare }) => othersShare))
  const othersShare = toldMedian(shares)
  const told = othersShare === undefined ? {} : { othersShare }
  return { id, title, unit, where, connections, measured, figures, missing: Object.values(missing), ...told }
}

function measuredOf({ candidate, turns }: Samples): Measured {
  const { label, isOurs = false }: Peer = peers[candidate.server]
  const rates = turns.map(({ rate }) => rate)
  const cpu = spreadOf(turns.map(({ serverCpuSeconds }) => serverCpuSeconds * 1e6))
  return {
    label: candidate.label ?? label,
    isOurs,
    rate: spreadOf(rates),
    rates,
    ...(Number.isNaN(cpu.median) ? {} : { cpuMicroseconds: cpu }),
    clientCores: spreadOf(turns.map(({ clientCores }) => clientCores)).median,
  }
}

function ratiosOf(mine: readonly Turn[], theirs: readonly Turn[]): Pick<Figure, 'ratio' | 'cpuRatio'> {
  const pairs = mine.flatMap((turn, round) => {
    const other = theirs[round]
    return other === undefined ? [] : [{ turn, other }]
  })
  const ratio = spreadOf(pairs.map(({ turn, other }) => turn.rate / other.rate))
  const cpuOf = (turns: readonly Turn[]) =>
    spreadOf(turns.map(({ serverCpuSeconds }) => serverCpuSeconds)).median
  const cpuRatio = cpuOf(theirs) / cpuOf(mine)
  return { ratio, ...(Number.isFinite(cpuRatio) ? { cpuRatio } : {}) }
}

function toldMedian(values: readonly number[]): number | undefined {
  const { median } = spreadOf(values)
  return Number.isFinite(median) ? median : undefined
}

/** One run. */
export interface Report {
  /** UTC, as in 2026-12-31. */
  readonly date: string
  readonly machine: string
  readonly notes: readonly string[]
  readonly matches: readonly MatchResult[]
  readonly loop?: LoopResult
}
