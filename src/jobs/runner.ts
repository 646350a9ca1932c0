import timers from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { type WatchCall, watched } from '../core/watch-call.ts'
import type { JobBoard } from './job-board.ts'

/** Something that is done again and again; resolves to how much there was to do. */
export interface Job {
  readonly name: string
  readonly everyMs: number
  readonly run: () => Promise<number>
}

/** A job that goes on failing is not told more often: the log may be on the disk that is full. */
const TOLD_EVERY_MS = 30_000

/**
 * Runs each job at its pace, never twice at once. A run that found work is repeated at once, until there is none.
 * @param watch told of each run with all its repetitions; `ok` or `failed`
 * @param board where the state of each job is kept
 * @returns stops: no run begins after this; resolves when those in progress have ended
 */
export function runJobs(
  jobs: readonly Job[],
  log: FastifyBaseLogger,
  watch: WatchCall = () => undefined,
  board?: JobBoard,
): () => Promise<void> {
  const stopping = new AbortController()
  const place = (runsHere: boolean) => {
    for (const { name } of jobs) board?.place(name, runsHere)
  }
  place(true)
  const running = jobs.map((job) => repeat(job, { log, watch, board }, stopping.signal))
  return async () => {
    stopping.abort()
    await Promise.all(running)
    place(false)
  }
}

interface Told {
  readonly log: FastifyBaseLogger
  readonly watch: WatchCall
  readonly board: JobBoard | undefined
}

async function repeat(
  { name, everyMs, run }: Job,
  { log, watch, board }: Told,
  signal: AbortSignal,
): Promise<void> {
  const toldEvery = Math.ceil(TOLD_EVERY_MS / everyMs)
  const pause = (ms: number) =>
    timers.setTimeout(ms, undefined, { signal, ref: false }).catch(() => undefined)
  let all = 0
  const runUntilDone = async () => {
    let done = 0
    do {
      done = await run()
      all += done
      if (done > 0) log.info({ job: name, done }, 'job ran')
    } while (done > 0 && !signal.aborted)
  }
  let failures = 0
  for (await pause(0); !signal.aborted; await pause(everyMs)) {
    all = 0
    board?.begins(name)
    try {
      await watched(watch, name, runUntilDone(), () => 'failed')
      board?.ends(name, all, undefined)
      failures = 0
    } catch (error) {
      board?.ends(name, all, error)
      if (failures++ % toldEvery === 0)
        log.error({ err: error, job: name }, 'job failed; it will be tried again')
    }
  }
}
