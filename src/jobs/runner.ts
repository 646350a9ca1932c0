import type { FastifyBaseLogger } from 'fastify'

/** Something that is done again and again; resolves to how much there was to do. */
export interface Job {
  readonly name: string
  readonly everyMs: number
  readonly run: () => Promise<number>
}

/** The same jobs, which have nothing to do while they may not run. */
export function runIf(mayRun: () => Promise<boolean>, jobs: readonly Job[]): Job[] {
  return jobs.map((job) => ({ ...job, run: async () => ((await mayRun()) ? job.run() : 0) }))
}

/** A job that goes on failing is not told more often: the log may be on the disk that is full. */
const TOLD_EVERY_MS = 30_000

/** Runs each job at its pace, never twice at once. A run that found work is repeated at once, until there is none. */
export class JobRunner {
  readonly #jobs: readonly Job[]
  readonly #log: FastifyBaseLogger
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #running = new Set<Promise<void>>()
  /** How often each job failed since it last succeeded. */
  readonly #failures = new Map<Job, number>()
  #stopped = false

  constructor(jobs: readonly Job[], log: FastifyBaseLogger) {
    this.#jobs = jobs
    this.#log = log
  }

  start(): void {
    for (const job of this.#jobs) this.#plan(job, 0)
  }

  /** No run begins after this; resolves when those in progress have ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const timer of this.#timers) clearTimeout(timer)
    await Promise.all(this.#running)
  }

  #plan(job: Job, delayMs: number): void {
    if (this.#stopped) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      const run = this.#run(job).finally(() => {
        this.#running.delete(run)
        this.#plan(job, job.everyMs)
      })
      this.#running.add(run)
    }, delayMs)
    timer.unref()
    this.#timers.add(timer)
  }

  async #run(job: Job): Promise<void> {
    const { name, run } = job
    try {
      let done = 0
      do {
        done = await run()
        if (done > 0) this.#log.info({ job: name, done }, 'job ran')
      } while (done > 0 && !this.#stopped)
      this.#failures.delete(job)
    } catch (error) {
      const before = this.#failures.get(job) ?? 0
      this.#failures.set(job, before + 1)
      if (before % Math.ceil(TOLD_EVERY_MS / job.everyMs) === 0)
        this.#log.error({ err: error, job: name }, 'job failed; it will be tried again')
    }
  }
}
