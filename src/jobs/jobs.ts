import type { FastifyBaseLogger } from 'fastify'
import { syncRootKeys } from '../core/access/root-key.ts'
import { tendReservations } from '../core/idempotency.ts'
import { MINUTE_MS, SECOND_MS } from '../core/ports/clock.ts'
import type { Node } from '../core/ports/node.ts'
import type { Services } from '../core/services.ts'
import { collectBlobs, makeRoom } from '../core/upkeep/collect-blobs.ts'
import { expireFiles } from '../core/upkeep/expire-files.ts'
import { freeAbandoned, freeForsaken } from '../core/upkeep/free-abandoned.ts'
import { indexNames } from '../core/upkeep/index-names.ts'
import { joinSegments } from '../core/upkeep/join-segments.ts'
import { normalizeNames } from '../core/upkeep/normalize-names.ts'
import { keepUsage, tendUsage } from '../core/usage/keep-usage.ts'
import type { UsageMeter } from '../core/usage/usage-meter.ts'
import type { Job } from './runner.ts'

const JOB_PERIOD_MS = 30 * SECOND_MS
/** Nobody waits for it, and operators are told of jobs without success for ten minutes. */
const TENDING_PERIOD_MS = 5 * MINUTE_MS
/** Somebody may wait for what these jobs free. */
const FREEING_PERIOD_MS = 5 * SECOND_MS
/** Who waits for room on a full disk waits for this long after a delete. */
const ROOM_PERIOD_MS = SECOND_MS
/** A day of idempotent requests may end at once: so many answers go with one commit that others hardly wait for it. */
const PURGED_AT_ONCE = 1000

function every(everyMs: number, name: string, run: () => Promise<number>): Job {
  return { name, everyMs, run }
}

/** What the service removes when its time is over, and what it tidies up, once for all servers. */
export function jobsOf(services: Services): Job[] {
  return [
    every(JOB_PERIOD_MS, 'expire files', () => expireFiles(services)),
    every(JOB_PERIOD_MS, 'collect blobs', () => collectBlobs(services)),
    every(JOB_PERIOD_MS, 'join segments', () => joinSegments(services)),
    every(JOB_PERIOD_MS, 'purge answers, sessions and links', () => purge(services)),
    every(TENDING_PERIOD_MS, 'tend usage', () => tendUsage(services)),
  ]
}

async function purge({ metadata, clock }: Services): Promise<number> {
  const now = clock.machineNow()
  await metadata.commit([
    { kind: 'answer.purge', now, limit: PURGED_AT_ONCE },
    { kind: 'session.purge', now: clock.now() },
    { kind: 'link.purge', now: clock.now() },
  ])
  return metadata.countLapsedAnswers(now, PURGED_AT_ONCE)
}

/** What an older release left undone, once for all servers. */
export function fillingJobs(services: Services): Job[] {
  return [every(JOB_PERIOD_MS, 'normalize names', () => normalizeNames(services))]
}

/** Leaves out the first run, which would take of the start what can wait. */
function afterStart(run: () => Promise<number>): () => Promise<number> {
  let hasStarted = false
  return async () => {
    if (hasStarted) return run()
    hasStarted = true
    return 0
  }
}

/** What each server catches up with for itself. */
export function ownJobs(services: Services, usage: UsageMeter): Job[] {
  return [
    every(FREEING_PERIOD_MS, 'give back what failed requests held', () => freeForsaken(services)),
    every(FREEING_PERIOD_MS, 'tend idempotency keys of requests', () => tendReservations(services)),
    every(MINUTE_MS, 'keep usage', () => keepUsage(services, usage)),
    every(ROOM_PERIOD_MS, 'make room', () => makeRoom(services)),
    every(
      JOB_PERIOD_MS,
      'index names',
      afterStart(() => indexNames(services)),
    ),
  ]
}

/** What is there because there are several servers. What a dead one held is free as soon as it is known to be dead. */
export function nodeJobs(services: Services, node: Node, log: FastifyBaseLogger): Job[] {
  const free = async () => {
    if ((await node.buryDead()) > 0) await services.metadata.commit([{ kind: 'answer.free-abandoned' }])
    return freeAbandoned(services)
  }
  return [
    every(FREEING_PERIOD_MS, 'free what dead servers held', free),
    every(JOB_PERIOD_MS, 'forget idle rate limits', () => node.forgetIdleLimits()),
    every(FREEING_PERIOD_MS, 'agree on the root key', () => agreeOnRootKey(services, node, log)),
  ]
}

/** A value ends when no living server carries it and another is carried. A server of a release that tells none may carry any. */
async function agreeOnRootKey(services: Services, node: Node, log: FastifyBaseLogger): Promise<number> {
  const profiles = await node.listProfiles()
  if (profiles.includes(undefined)) return 0
  const carried = new Set(profiles.flatMap((profile) => profile?.rootKeyHash ?? []))
  const { made, ended } = await syncRootKeys(services, carried)
  for (const { id } of made) log.warn({ keyId: id }, 'a root key that a server carries is valid again')
  for (const { id } of ended)
    log.warn({ keyId: id }, 'no server carries this root key any more; it is no longer valid')
  return made.length + ended.length
}
