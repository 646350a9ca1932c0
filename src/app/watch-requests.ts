import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { SECOND_MS } from '../core/ports/clock.ts'
import type { Services } from '../core/services.ts'
import { keepUsage } from '../core/usage/keep-usage.ts'
import { UsageMeter } from '../core/usage/usage-meter.ts'
import { RequestTail } from '../core/watch/request-tail.ts'
import { FinishedRequests } from '../ops/finished-requests.ts'
import type { GracefulStop } from './graceful-stop.ts'

/** A stop does not wait longer for a database that does not answer: a minute of counts is lost then. */
const LAST_KEEP_MS = 3 * SECOND_MS

export interface WatchedRequests {
  readonly usage: UsageMeter
  readonly tail: RequestTail
  readonly finished: FinishedRequests
}

/** Who is told of requests that end. What was counted last is kept at the end. */
export function watchRequests(
  services: Services,
  stop: GracefulStop,
  logger: FastifyBaseLogger,
): WatchedRequests {
  const { metadata, clock } = services
  const usage = new UsageMeter(clock)
  const tail = new RequestTail()
  metadata.onCommit((changes) => usage.commit(changes))
  stop.addStore('the usage', async () => {
    const kept = keepUsage(services, usage).catch((err) =>
      logger.warn({ err }, 'the last usage was not kept'),
    )
    await Promise.race([kept, sleep(LAST_KEEP_MS, undefined, { ref: false })])
  })
  return { usage, tail, finished: new FinishedRequests({ usage, tail, clock }) }
}
