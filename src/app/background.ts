import type { FastifyBaseLogger } from 'fastify'
import { type Clock, HOUR_MS, SECOND_MS } from '../core/ports/clock.ts'
import type { Services } from '../core/services.ts'
import type { ClockWatch } from '../core/time/clock-watch.ts'
import { fillingJobs, jobsOf, nodeJobs, ownJobs } from '../jobs/jobs.ts'
import { type Job, JobRunner, runIf } from '../jobs/runner.ts'
import type { RenewedTls } from '../ops/tls.ts'
import type { Peers } from './open-services.ts'
import { compareClocks } from './time.ts'

export interface Background {
  readonly services: Services
  readonly tls: RenewedTls | undefined
  readonly logger: FastifyBaseLogger
  readonly peers: Peers
  /** By which certificates end. */
  readonly trueClock: Clock
}

/**
 * Starts what a server does beside answering. What concerns all servers runs on one of them.
 * @returns how to end it
 */
export function startJobs({ services, tls, logger, peers, trueClock }: Background): () => Promise<void> {
  const start = (jobs: readonly Job[]) => {
    const runner = new JobRunner(jobs, logger)
    runner.start()
    return () => runner.stop()
  }
  const own = [...ownJobs(services), ...tlsJobs(tls, trueClock)]
  if (!('lead' in peers)) {
    const mayRemove = () => peers.mayRemove()
    const guarded = runIf(mayRemove, jobsOf(services))
    const stop = start([watchClock(peers), ...guarded, ...fillingJobs(services), ...own])
    return async () => {
      await stop()
      // A step that nobody has noticed could not be told from a right clock at the next start.
      await peers.mayRemove()
    }
  }
  peers.lead(() => {
    logger.info('this server runs the jobs')
    return start([...jobsOf(services), ...fillingJobs(services), ...nodeJobs(services, peers, logger)])
  })
  return start([compareClocks(peers.clock, logger), ...own])
}

/** Other jobs look before they remove something; this one, so that a crash leaves no step unnoticed. */
function watchClock(watch: ClockWatch): Job {
  const run = async () => {
    await watch.mayRemove()
    return 0
  }
  return { name: 'watch the clock', everyMs: SECOND_MS, run }
}

/** Certificates are replaced while a server runs: those that we made before they end, those of others whenever they like. */
function tlsJobs(tls: RenewedTls | undefined, clock: Clock): Job[] {
  if (tls === undefined) return []
  const run = async () => ((await tls.renew(clock.now())) ? 1 : 0)
  return [{ name: 'renew certificate', everyMs: HOUR_MS, run }]
}
