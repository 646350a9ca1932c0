import type { Clock } from '../core/ports/clock.ts'
import type { JobState } from '../core/upkeep/job-state.ts'
import type { Job } from './runner.ts'

const MAX_ERROR_CHARACTERS = 500

const never = {
  isRunning: false,
  startedAt: null,
  endedAt: null,
  outcome: null,
  done: null,
  error: null,
  runs: 0,
  failures: 0,
} as const satisfies Partial<JobState>

/** What is known of the jobs of one server. */
export class JobBoard {
  readonly #clock: Pick<Clock, 'now'>
  /** When it was made, with its server. */
  readonly since: number
  readonly #states = new Map<string, JobState>()

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
    this.since = clock.now()
  }

  /** In the order in which they were listed. */
  states(): readonly JobState[] {
    return [...this.#states.values()]
  }

  /** Makes jobs known before any of them runs here. */
  list(jobs: readonly Job[], runsOn: JobState['runsOn']): void {
    for (const { name, everyMs } of jobs)
      this.#states.set(name, { name, everyMs, runsOn, runsHere: false, ...never })
  }

  /** From now on this server has the job, or no longer. */
  place(name: string, runsHere: boolean): void {
    this.#change(name, () => ({ runsHere }))
  }

  begins(name: string): void {
    this.#change(name, () => ({ isRunning: true, startedAt: this.#clock.now() }))
  }

  /** @param error undefined: it went well */
  ends(name: string, done: number, error: unknown): void {
    this.#change(name, ({ runs, failures }) => ({
      isRunning: false,
      endedAt: this.#clock.now(),
      outcome: error === undefined ? 'ok' : 'failed',
      done,
      error: error === undefined ? null : wordsOf(error),
      runs: runs + 1,
      failures: failures + (error === undefined ? 0 : 1),
    }))
  }

  #change(name: string, change: (state: JobState) => Partial<JobState>): void {
    const state = this.#states.get(name)
    if (state !== undefined) this.#states.set(name, { ...state, ...change(state) })
  }
}

function wordsOf(error: unknown): string {
  const words = error instanceof Error ? error.message : 'Unexpected error.'
  return words.slice(0, MAX_ERROR_CHARACTERS).toWellFormed()
}
