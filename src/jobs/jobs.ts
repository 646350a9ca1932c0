import type { FastifyBaseLogger } from 'fastify'
import { syncRootKeys } from '../core/access/root-key.ts'
import { tendReservations } from '../core/idempotency.ts'
import { SECOND_MS } from '../core/ports/clock.ts'
import type { Node } from '../core/ports/node.ts'
import type { Services } from '../core/services.ts'
import { collectBlobs, makeRoom } from '../core/upkeep/collect-blobs.ts'
import { expireFiles } from '../core/upkeep/expire-files.ts'
import { freeAbandoned, freeForsaken } from '../core/upkeep/free-abandoned.ts'
import { normalizeNames } from '../core/upkeep/normalize-names.ts'
import type { Job } from './runner.ts'

const JOB_PERIOD_MS = 30 * SECOND_MS
/** Somebody may wait for what these jobs free. */
const FREEING_PERIOD_MS = 5 * SECOND_MS
/** Who waits for room on a full disk waits for this long after a delete. */
const ROOM_PERIOD_MS = SECOND_MS

/** What the service removes when its time is over, once for all servers. */
export function jobsOf(services: Services): Job[] {
  return [
    { name: 'expire files', everyMs: JOB_PERIOD_MS, run: () => expireFiles(services) },
    { name: 'collect blobs', everyMs: JOB_PERIOD_MS, run: () => collectBlobs(services) },
    {
      name: 'purge answers and sessions',
      everyMs: JOB_PERIOD_MS,
      run: () => purge(services),
    },
  ]
}

/** A day of idempotent requests may end at once: so many answers go with one commit that others hardly wait for it. */
const PURGED_AT_ONCE = 1000

async function purge({ metadata, clock }: Services): Promise<number> {
  const now = clock.machineNow()
  await metadata.commit([
    { kind: 'answer.purge', now, limit: PURGED_AT_ONCE },
    { kind: 'session.purge', now: clock.now() },
  ])
  return metadata.countLapsedAnswers(now, PURGED_AT_ONCE)
}

/** What an older release left undone, once for all servers. */
export function fillingJobs(services: Services): Job[] {
  return [{ name: 'normalize names', everyMs: JOB_PERIOD_MS, run: () => normalizeNames(services) }]
}

/** What each server catches up with for itself. */
export function ownJobs(services: Services): Job[] {
  return [
    {
      name: 'give back what failed requests held',
      everyMs: FREEING_PERIOD_MS,
      run: () => freeForsaken(services),
    },
    {
      name: 'tend idempotency keys of requests',
      everyMs: FREEING_PERIOD_MS,
      run: () => tendReservations(services),
    },
    { name: 'make room', everyMs: ROOM_PERIOD_MS, run: () => makeRoom(services) },
  ]
}

/** What is there because there are several servers. What a dead one held is free as soon as it is known to be dead. */
export function nodeJobs(services: Services, node: Node, log: FastifyBaseLogger): Job[] {
  const run = async () => {
    if ((await node.buryDead()) > 0) await services.metadata.commit([{ kind: 'answer.free-abandoned' }])
    return freeAbandoned(services)
  }
  return [
    { name: 'free what dead servers held', everyMs: FREEING_PERIOD_MS, run },
    { name: 'forget idle rate limits', everyMs: JOB_PERIOD_MS, run: () => node.forgetIdleLimits() },
    {
      name: 'agree on the root key',
      everyMs: FREEING_PERIOD_MS,
      run: () => agreeOnRootKey(services, node, log),
    },
  ]
}

/** A value ends when no living server carries it and another is carried. Who is of a release that does not tell may carry any. */
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
