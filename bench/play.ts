import type { Generator } from './load/generator.ts'
import type { Candidate, Match } from './matches.ts'
import { type PeerName, peers, type Running } from './peers/peers.ts'
import { dropLargeFiles, type Places } from './places.ts'

/** Until hot code is compiled, which takes some ten thousand requests. */
const WARM_UP_SECONDS = 2
/** Of each turn, how many stored files are fetched and compared; of large ones, that many once, in the warm-up. */
const CHECKS = 3

/** What was measured of one candidate. */
export interface Samples {
  readonly candidate: Candidate
  /** In the unit of the match; in the same place of each list: what was measured in the same round. */
  readonly rates: number[]
  /** Cores that the generator took meanwhile. */
  readonly clientCores: number[]
}

export interface Played {
  readonly samples: Readonly<Record<string, Samples>>
  /** Candidates that were not there, with the reason. */
  readonly missing: Readonly<Record<string, string>>
}

interface Started {
  readonly running: Running
  readonly folder: string
}

/** Plays matches with servers that are started when they are needed first. */
export class Players {
  readonly #generator: Generator
  readonly #places: Places
  readonly #started = new Map<string, Started | undefined>()

  constructor(generator: Generator, places: Places) {
    this.#generator = generator
    this.#places = places
  }

  /** @throws Error if any answer was no success, or any bytes were not those which were sent */
  async play(match: Match): Promise<Played> {
    const samples: Record<string, Samples> = {}
    const missing: Record<string, string> = {}
    for (const [key, candidate] of Object.entries(match.candidates)) {
      const why = await this.#whyMissing(candidate, match)
      if (why !== undefined) missing[key] = why
      else samples[key] = { candidate, rates: [], clientCores: [] }
    }
    const playing = Object.values(samples)
    for (const { candidate } of playing) await this.#turn(candidate, match, true)
    for (let round = 0; round < match.rounds; round++) {
      // Nobody comes always after the same neighbour's turn.
      for (const { candidate, rates, clientCores } of rotated(playing, round)) {
        const { rate, cores } = await this.#turn(candidate, match, false)
        rates.push(rate)
        clientCores.push(cores)
      }
    }
    return { samples, missing }
  }

  async end(): Promise<void> {
    for (const started of this.#started.values()) await started?.running.end()
  }

  async #turn(
    candidate: Candidate,
    match: Match,
    isWarmUp: boolean,
  ): Promise<{ rate: number; cores: number }> {
    const { running, folder } = (await this.#server(candidate.server, match.where)) as Started
    const { sizeBytes, chunkBytes } = candidate
    const isWhole = match.seconds === 0
    if (match.where === 'disk') this.#places.settle()
    const { sequences, seconds, clientCpuSeconds } = await this.#generator.run({
      workload: candidate.does,
      target: { url: running.url, sizeBytes, ...(chunkBytes ? { chunkBytes } : {}) },
      load: {
        connections: match.connections,
        seconds: isWarmUp && !isWhole ? WARM_UP_SECONDS : match.seconds,
        checks: isWhole && !isWarmUp ? 0 : CHECKS,
      },
    })
    if (isWhole && !READS.has(candidate.does)) await dropLargeFiles(folder)
    const perSequence = match.unit === 'MB/s' ? sizeBytes / 1e6 : 1
    return { rate: (sequences * perSequence) / seconds, cores: clientCpuSeconds / seconds }
  }

  async #whyMissing(candidate: Candidate, { where }: Match): Promise<string | undefined> {
    const started = await this.#server(candidate.server, where)
    const { label, hint } = { hint: '', ...peers[candidate.server] }
    if (started === undefined) return `${label} is not there: ${hint}`
    if (candidate.needs === undefined) return undefined
    const { status } = await fetch(started.running.url + candidate.needs, { method: 'OPTIONS' })
    return status === 404 ? `${label} has no ${candidate.needs}` : undefined
  }

  async #server(name: PeerName, where: Match['where']): Promise<Started | undefined> {
    const key = `${name} ${where}`
    if (!this.#started.has(key)) {
      const folder = await this.#places.folder(where, name)
      const running = await peers[name].start(folder)
      this.#started.set(key, running && { running, folder })
    }
    return this.#started.get(key)
  }
}

/** They read again and again what they stored before the first turn. */
const READS: ReadonlySet<string> = new Set(['ourDownload', 'plainGet'])

function rotated<T>(list: readonly T[], by: number): T[] {
  const first = by % list.length
  return [...list.slice(first), ...list.slice(0, first)]
}
