import { uptime } from 'node:os'
import type { FastifyBaseLogger } from 'fastify'
import { type Clock, HOUR_MS, SECOND_MS } from '../core/ports/clock.ts'
import type { Services } from '../core/services.ts'
import { ClockWatch } from '../core/time/clock-watch.ts'
import type { FollowedClock } from '../core/time/followed-clock.ts'
import type { UsageMeter } from '../core/usage/usage-meter.ts'
import type { WatchCall } from '../core/watch-call.ts'
import type { JobBoard } from '../jobs/job-board.ts'
import { fillingJobs, jobsOf, nodeJobs, ownJobs } from '../jobs/jobs.ts'
import { type Job, runJobs } from '../jobs/runner.ts'
import type { RenewedTls } from '../ops/tls.ts'
import type { Peers } from './open-services.ts'

/** A clock of a machine that is off by more than this is worth a warning, and so is another such change. */
const WORTH_TELLING_MS = SECOND_MS

/** Whether the clock may decide what to remove. */
export type MayRemove = Pick<ClockWatch, 'mayRemove'>

export interface Background {
  readonly services: Services
  readonly usage: UsageMeter
  readonly tls: RenewedTls | undefined
  readonly logger: FastifyBaseLogger
  readonly peers: Peers
  /** By which certificates end. */
  readonly trueClock: Clock
  /** Told of each run of a job. */
  readonly watch: WatchCall
  readonly board: JobBoard
}

/**
 * Starts what a server does beside answering. What concerns all servers runs on one of them.
 * @returns how to end it
 */
export function startJobs({
  services,
  usage,
  tls,
  logger,
  peers,
  trueClock,
  watch,
  board,
}: Background): () => Promise<void> {
  const own = [...ownJobs(services, usage), ...(tls ? [renewCertificate(tls, trueClock)] : [])]
  const common = [...jobsOf(services), ...fillingJobs(services)]
  if ('lead' in peers) {
    const mine = [compareClocks(peers.clock, logger), ...own]
    const ofLeader = [...common, ...nodeJobs(services, peers, logger)]
    board.list(mine, 'each-server')
    board.list(ofLeader, 'one-server')
    peers.lead(() => {
      logger.info('this server runs the jobs')
      return runJobs(ofLeader, logger, watch, board)
    })
    return runJobs(mine, logger, watch, board)
  }
  const trusted = [...onceTrusted(peers, jobsOf(services)), ...fillingJobs(services)]
  const all = [watchClock(peers), ...trusted, ...own]
  board.list(all, 'each-server')
  const stop = runJobs(all, logger, watch, board)
  return async () => {
    await stop()
    // A step that nobody has noticed could not be told from a right clock at the next start.
    await peers.mayRemove()
  }
}

/** The same jobs, which have nothing to do while the clock is doubted. */
export function onceTrusted(watch: MayRemove, jobs: readonly Job[]): Job[] {
  return jobs.map((job) => ({ ...job, run: async () => ((await watch.mayRemove()) ? job.run() : 0) }))
}

/** Other jobs look before they remove something; this one, so that a crash leaves no step unnoticed. */
function watchClock(watch: MayRemove): Job {
  const run = async () => {
    await watch.mayRemove()
    return 0
  }
  return { name: 'watch the clock', everyMs: SECOND_MS, run }
}

/** Certificates are replaced while a server runs: ours before they end, those of others whenever they like. */
function renewCertificate(tls: RenewedTls, clock: Clock): Job {
  const run = async () => ((await tls.renew(clock.now())) ? 1 : 0)
  return { name: 'renew certificate', everyMs: HOUR_MS, run }
}

/** Warns when the clock of this machine is off that of the database, and when it is off by more or less than told. */
function compareClocks(clock: FollowedClock, log: FastifyBaseLogger): Job {
  let toldMs = 0
  const run = async () => {
    const aheadMs = Math.round(clock.machineAheadMs())
    if (Math.abs(aheadMs - toldMs) <= WORTH_TELLING_MS) return 0
    const isOff = Math.abs(aheadMs) > WORTH_TELLING_MS
    toldMs = isOff ? aheadMs : 0
    const text = isOff
      ? 'the clock of this machine differs from that of the database, which is the one that counts'
      : 'the clock of this machine agrees with that of the database again'
    log.warn({ aheadMs }, text)
    return 0
  }
  return { name: 'compare clocks', everyMs: SECOND_MS, run }
}

/** Watches the clock of a machine that serves alone. Doubts are told at `warn`, with what to do. */
export function watchOwnClock(
  stores: Pick<Services, 'metadata' | 'clock'>,
  accepts: boolean,
  log: FastifyBaseLogger,
): Promise<ClockWatch> {
  const options = {
    ...stores,
    // On Linux and macOS the uptime counts sleep; elsewhere nothing tells sleep from a clock that was set.
    sleptMs: () => uptime() * SECOND_MS - performance.now(),
    onDoubt: (doubt: { reason: string; byMs: number } | undefined, waitMs: number) => {
      const why = doubt && { reason: doubt.reason, bySeconds: Math.round(doubt.byMs / SECOND_MS) }
      const waitHours = Math.ceil((waitMs / HOUR_MS) * 10) / 10
      log.warn(
        { ...(why ?? { reason: 'doubted before this start' }), waitHours },
        'the clock of this machine is doubted: what has ended is not removed; set the clock right, then wait or start once with --accept-clock',
      )
    },
    onTrust: () => log.warn('the clock of this machine is trusted again: what has ended is removed'),
  }
  return ClockWatch.start(options, accepts)
}
