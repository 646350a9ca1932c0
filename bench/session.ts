import { availableParallelism, cpus } from 'node:os'
import { Generator } from './load/generator.ts'
import type { Match } from './matches.ts'
import { Places } from './places.ts'
import { Players } from './play.ts'
import { type MatchResult, resultOf } from './report/results.ts'
import { printMatch } from './report/table.ts'

/** What every run needs; ended, it leaves no process and no file. */
export class Session {
  readonly generator = new Generator()
  readonly places: Places
  readonly players: Players

  private constructor(places: Places) {
    this.places = places
    this.players = new Players(this.generator, places)
  }

  /** Runs `use`, then ends what it started, whatever became of it, SIGINT and SIGTERM included. */
  static async run(use: (session: Session) => Promise<void>): Promise<void> {
    const session = new Session(await Places.open())
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => void session.#end().finally(() => process.exit(1)))
    console.log([describeMachine(), ...session.notes].join('\n'))
    try {
      await use(session)
    } finally {
      await session.#end()
    }
  }

  async #end(): Promise<void> {
    this.generator.end()
    await this.players.end()
    await this.places.remove()
  }

  get notes(): string[] {
    return this.places.hasTmpfs ? [] : ['No room in /dev/shm: what should be in memory is on the disk']
  }

  async play(id: string, match: Match, rounds = match.rounds): Promise<MatchResult> {
    const result = resultOf(id, match, await this.players.play({ ...match, rounds }))
    printMatch(result)
    return result
  }
}

export function describeMachine(): string {
  const { node, sqlite } = process.versions
  return `${cpus()[0]?.model ?? 'unknown CPU'}, ${availableParallelism()} cores, Node ${node}, SQLite ${sqlite}`
}

/** Today in UTC, as names of results have it. */
export function today(): string {
  return new Date().toISOString().slice(0, 10)
}
