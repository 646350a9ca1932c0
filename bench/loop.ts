import type { Running } from './peers/peers.ts'
import { dropLargeFiles } from './places.ts'
import type { Started } from './play.ts'
import { peakMemoryBytes } from './proc.ts'
import type { Session } from './session.ts'

const UPLOADS = 40
const UPLOAD_BYTES = 63 * 1024 * 1024
export const MOST_DELAY_MS = 50
export const MOST_MEMORY_MIB = 400

/** What many uploads at once cost everybody else. */
export interface LoopResult {
  /** 99th percentile of each round. */
  readonly delaysMs: readonly number[]
  readonly peakMemoryMib: number
  readonly isMet: boolean
}

/** Uploads that begin at once, each on a connection of its own, to a server that tells how its loop fares. */
export async function measureLoop(
  { generator, players, places }: Session,
  rounds: number,
): Promise<LoopResult> {
  const { running, folder } = (await players.start('oursMetered', 'disk')) as Started
  const target = { url: running.url, sizeBytes: UPLOAD_BYTES }
  const load = { connections: UPLOADS, seconds: 0, leastSequences: UPLOADS, checks: 1 }
  const delaysMs: number[] = []
  for (let round = 0; round < rounds; round++) {
    places.settle()
    await loopDelayMs(running)
    await generator.run({ workload: 'ourLife', target, load })
    delaysMs.push(await loopDelayMs(running))
    await dropLargeFiles(folder, UPLOAD_BYTES)
  }
  const peakMemoryMib = peakMemoryBytes(running.pid) / 1024 / 1024
  const isMet = delaysMs.every((delay) => delay <= MOST_DELAY_MS) && peakMemoryMib <= MOST_MEMORY_MIB
  return { delaysMs, peakMemoryMib, isMet }
}

/** The 99th percentile of the loop's delay since it was asked for last. */
async function loopDelayMs({ metricsUrl = '' }: Running): Promise<number> {
  const text = await (await fetch(metricsUrl)).text()
  const seconds = /^entrepot_nodejs_eventloop_lag_p99_seconds (\S+)/m.exec(text)?.[1]
  return Number(seconds) * 1000
}
