/** A job, and how its last run on this server went. Times are milliseconds since the epoch. */
export interface JobState {
  readonly name: string
  readonly everyMs: number
  /** Each server has it, or one for all. */
  readonly runsOn: 'each-server' | 'one-server'
  /** Whether it is this server that has it now. */
  readonly runsHere: boolean
  readonly isRunning: boolean
  readonly startedAt: number | null
  /** Of the last run that is over; null: none is. */
  readonly endedAt: number | null
  readonly outcome: 'ok' | 'failed' | null
  /** How much there was to do in it. */
  readonly done: number | null
  /** Why it failed, in the words of the error. */
  readonly error: string | null
  /** Since this server started. */
  readonly runs: number
  readonly failures: number
}
