import type { Generator } from './load/generator.ts'
import type { Load } from './load/run-load.ts'
import type { Candidate, Match } from './matches.ts'
import { type Peer, type PeerName, peers, type Running } from './peers/peers.ts'
import { dropLargeFiles, type Places } from './places.ts'
import { CORES, cpuSecondsOf, machineCpuSeconds } from './proc.ts'

/** Until hot code is compiled, which takes some thousand requests. */
const WARM_UP_SECONDS = 2
const WARM_UP_SEQUENCES = 4000
/** Of each turn, how many stored files are fetched and compared; of large ones one, in the warm-up. */
const CHECKS = 3
/** Files from this size on leave the disk after each turn. */
const LARGE_BYTES = 1024 * 1024

/** What was measured in one turn. */
export interface Turn {
  /** In the unit of the match. */
  readonly rate: number
  /** CPU that the server took for one sequence, or one request where the candidate tells their number, in seconds; NaN where the system does not tell. */
  readonly serverCpuSeconds: number
  /** Cores that the generator took meanwhile. */
  readonly clientCores: number
  /** Share of the machine that programs took which have no part in this; NaN where the system does not tell. */
  readonly othersShare: number
}

/** What was measured of one candidate; turns in the same place were taken in the same round. */
export interface Samples {
  readonly candidate: Candidate
  readonly turns: Turn[]
}

export interface Played {
  readonly samples: Readonly<Record<string, Samples>>
  /** Candidates that were not there, with the reason. */
  readonly missing: Readonly<Record<string, string>>
}

/** A server and the folder that it keeps everything in. */
export interface Started {
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
      else samples[key] = { candidate, turns: [] }
    }
    const playing = Object.values(samples)
    for (const { candidate } of playing) await this.#turn(candidate, match, true)
    for (let round = 0; round < match.rounds; round++) {
      // Nobody comes always after the same neighbour's turn.
      for (const { candidate, turns } of rotated(playing, round))
        turns.push(await this.#turn(candidate, match, false))
    }
    return { samples, missing }
  }

  /** Ends all servers; those that are asked for afterwards start anew. */
  async end(): Promise<void> {
    const started = [...this.#started.values()]
    this.#started.clear()
    for (const server of started) await server?.running.end()
  }

  async #turn(candidate: Candidate, match: Match, isWarmUp: boolean): Promise<Turn> {
    const { running, folder } = (await this.#server(candidate, match)) as Started
    const { sizeBytes, chunkBytes, requests = 1 } = candidate
    if (match.where === 'disk') this.#places.settle()
    const before = this.#cpu(running)
    const { sequences, seconds, clientCpuSeconds } = await this.#generator.run({
      workload: candidate.does,
      target: { url: running.url, sizeBytes, ...(chunkBytes ? { chunkBytes } : {}) },
      load: isWarmUp ? warmUpOf(candidate, match) : loadOf(candidate, match),
    })
    const after = this.#cpu(running)
    const serverCpuSeconds = (after.server - before.server) / (sequences * requests)
    const othersShare = (after.others - before.others) / (after.machine - before.machine)
    if (isLarge(candidate) && !READS.has(candidate.does)) await dropLargeFiles(folder, LARGE_BYTES)
    const perSequence = match.unit === 'MB/s' ? sizeBytes / 1e6 : requests
    const rate = (sequences * perSequence) / seconds
    return { rate, serverCpuSeconds, clientCores: clientCpuSeconds / seconds, othersShare }
  }

  /** Seconds of CPU up to now: of a server, of those that have no part in this, and what the machine has in all. */
  #cpu({ pid }: Running): Readonly<Record<'server' | 'others' | 'machine', number>> {
    const server = cpuSecondsOf(pid)
    const others = machineCpuSeconds() - server - cpuSecondsOf(this.#generator.pid)
    return { server, others, machine: (performance.now() / 1000) * CORES }
  }

  async #whyMissing(candidate: Candidate, match: Match): Promise<string | undefined> {
    const started = await this.#server(candidate, match)
    const { label, hint = '' }: Peer = peers[candidate.server]
    return started === undefined ? `${label} is not there: ${hint}` : undefined
  }

  async #server({ server, files }: Candidate, { where }: Match): Promise<Started | undefined> {
    return this.start(server, where, files)
  }

  /** The server of that name, started when it is asked for first. @returns undefined if this machine does not have it */
  async start(name: PeerName, where: Match['where'], files = 0): Promise<Started | undefined> {
    const key = `${name} ${files} ${where}`
    if (!this.#started.has(key)) {
      const folder = await this.#places.folder(where, name)
      const running = await peers[name].start(folder, files)
      this.#started.set(key, running && { running, folder })
    }
    return this.#started.get(key)
  }
}

function loadOf(candidate: Candidate, match: Match): Load {
  const connections = candidate.connections ?? match.connections
  const checks = isLarge(candidate) ? 0 : CHECKS
  return { connections, seconds: match.seconds, leastSequences: connections, checks }
}

function warmUpOf(candidate: Candidate, match: Match): Load {
  const { connections, seconds: turnSeconds } = loadOf(candidate, match)
  if (isLarge(candidate)) return { connections, seconds: turnSeconds, leastSequences: connections, checks: 1 }
  const { warmUpSeconds: seconds = WARM_UP_SECONDS } = match
  return { connections, seconds, leastSequences: WARM_UP_SEQUENCES, checks: CHECKS }
}

function isLarge({ sizeBytes }: Candidate): boolean {
  return sizeBytes >= LARGE_BYTES
}

/** They read again and again what they stored before the first turn. */
const READS: ReadonlySet<string> = new Set(['ourDownload', 'plainGet'])

function rotated<T>(list: readonly T[], by: number): T[] {
  const first = by % list.length
  return [...list.slice(first), ...list.slice(0, first)]
}
