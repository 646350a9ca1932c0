import { uptime } from 'node:os'
import type { FastifyBaseLogger } from 'fastify'
import { type Clock, HOUR_MS, SECOND_MS } from '../core/ports/clock.ts'
import type { MetadataStore } from '../core/ports/metadata-store.ts'
import { type ClockDoubt, ClockWatch } from '../core/time/clock-watch.ts'
import type { FollowedClock } from '../core/time/followed-clock.ts'
import type { Job } from '../jobs/runner.ts'

/** A clock of a machine that is off by more than this is worth a warning, and so is another such change. */
const WORTH_TELLING_MS = SECOND_MS

/**
 * For how long the machine has slept since it was started, plus a constant. On Linux and macOS the uptime counts sleep, and
 * the even clock of the process does not; elsewhere the two may agree, and then nothing tells sleep from a clock that was set.
 */
function sleptMs(): number {
  return uptime() * SECOND_MS - performance.now()
}

/** Watches the clock of a machine that serves alone. Doubts are told at `warn`, with what to do. */
export function watchOwnClock(
  stores: { readonly metadata: MetadataStore; readonly clock: Clock },
  accepts: boolean,
  log: FastifyBaseLogger,
): Promise<ClockWatch> {
  const held =
    'what has ended is not removed; set the clock right, then wait or start once with --accept-clock'
  const options = {
    ...stores,
    sleptMs,
    onDoubt: (doubt: ClockDoubt | undefined, waitMs: number) =>
      log.warn({ ...told(doubt), waitHours: hours(waitMs) }, `the clock of this machine is doubted: ${held}`),
    onTrust: () => log.warn('the clock of this machine is trusted again: what has ended is removed'),
  }
  return ClockWatch.start(options, accepts)
}

function told(doubt: ClockDoubt | undefined): Readonly<Record<string, unknown>> {
  if (doubt === undefined) return { reason: 'doubted before this start' }
  return { reason: doubt.reason, bySeconds: Math.round(doubt.byMs / SECOND_MS) }
}

function hours(ms: number): number {
  return Math.ceil((ms / HOUR_MS) * 10) / 10
}

/** Compares the clock of this machine with that of the database, and warns when it is off, or off by more or less than told. */
export function compareClocks(clock: FollowedClock, log: FastifyBaseLogger): Job {
  let toldMs = 0
  const run = async () => {
    const aheadMs = Math.round(clock.machineAheadMs())
    if (Math.abs(aheadMs - toldMs) <= WORTH_TELLING_MS) return 0
    const isOff = Math.abs(aheadMs) > WORTH_TELLING_MS
    toldMs = isOff ? aheadMs : 0
    if (isOff)
      log.warn(
        { aheadMs },
        'the clock of this machine differs from that of the database, which is the one that counts',
      )
    else log.warn({ aheadMs }, 'the clock of this machine agrees with that of the database again')
    return 0
  }
  return { name: 'compare clocks', everyMs: SECOND_MS, run }
}
