import type { Match } from '../matches.ts'
import { peers } from '../peers/peers.ts'
import type { Played } from '../play.ts'
import { type Spread, spreadOf } from './statistics.ts'

/** One candidate of a match. */
export interface Measured {
  readonly label: string
  readonly isOurs: boolean
  readonly rate: Spread
  readonly rates: readonly number[]
  /** Cores that the load generator took; the server had the rest of the machine. */
  readonly clientCores: number
}

/** How one of ours compares with one of its peers. */
export interface Figure {
  readonly ours: string
  readonly peer: string
  /** Of the ratios of each round. */
  readonly ratio: Spread
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
}

export function resultOf(id: string, match: Match, { samples, missing }: Played): MatchResult {
  const { title, unit, where, connections, pairings } = match
  const measured: Record<string, Measured> = {}
  for (const [key, { candidate, rates, clientCores }] of Object.entries(samples)) {
    const { server, label = peers[server].label } = candidate
    const isOurs = server.startsWith('ours')
    measured[key] = { label, isOurs, rate: spreadOf(rates), rates, clientCores: spreadOf(clientCores).median }
  }
  const figures = pairings.flatMap(({ ours, peer, least }): Figure[] => {
    const [mine, theirs] = [samples[ours], samples[peer]]
    if (mine === undefined || theirs === undefined) return []
    const ratio = spreadOf(mine.rates.map((rate, round) => rate / (theirs.rates[round] ?? Number.NaN)))
    return [{ ours, peer, ratio, ...(least === undefined ? {} : { least, isMet: ratio.median >= least }) }]
  })
  return { id, title, unit, where, connections, measured, figures, missing: Object.values(missing) }
}
