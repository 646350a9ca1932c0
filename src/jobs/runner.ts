import timers from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { type WatchCall, watched } from '../core/watch-call.ts'

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
 * @returns stops: no run begins after this; resolves when those in progress have ended
 */
export function runJobs(
  jobs: readonly Job[],
  log: FastifyBaseLogger,
  watch: WatchCall = () => undefined,
): () => Promise<void> {
  const stopping = new AbortController()
  const running = jobs.map((job) => repeat(job, log, watch, stopping.signal))
  return async () => {
    stopping.abort()
    await Promise.all(running)
  }
}

async function repeat(
  { name, everyMs, run }: Job,
  log: FastifyBaseLogger,
  watch: WatchCall,
  signal: AbortSignal,
): Promise<void> {
  const toldEvery = Math.ceil(TOLD_EVERY_MS / everyMs)
  const pause = (ms: number) =>
    timers.setTimeout(ms, undefined, { signal, ref: false }).catch(() => undefined)
  const runUntilDone = async () => {
    let done = 0
    do {
      done = await run()
      if (done > 0) log.info({ job: name, done }, 'job ran')
    } while (done > 0 && !signal.aborted)
  }
  let failures = 0
  for (await pause(0); !signal.aborted; await pause(everyMs)) {
    try {
      await watched(watch, name, runUntilDone(), () => 'failed')
      failures = 0
    } catch (error) {
      if (failures++ % toldEvery === 0)
        log.error({ err: error, job: name }, 'job failed; it will be tried again')
    }
  }
}
