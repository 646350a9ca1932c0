import type { Generator } from './load/generator.ts'
import { MeasuredServer } from './peers/our-server.ts'
import { dropLargeFiles, type Places } from './places.ts'

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
export async function measureLoop(generator: Generator, places: Places, rounds: number): Promise<LoopResult> {
  const folder = await places.folder('disk', 'loop')
  const measured = await MeasuredServer.start(folder)
  const target = { url: measured.server.url, sizeBytes: UPLOAD_BYTES }
  const delaysMs: number[] = []
  try {
    for (let round = 0; round < rounds; round++) {
      places.settle()
      await measured.loopDelayMs()
      await generator.run({
        workload: 'ourLife',
        target,
        load: { connections: UPLOADS, seconds: 0, leastSequences: UPLOADS, checks: round === 0 ? 1 : 0 },
      })
      delaysMs.push(await measured.loopDelayMs())
      await dropLargeFiles(folder, UPLOAD_BYTES)
    }
    const peakMemoryMib = measured.server.memoryBytes('VmHWM') / 1024 / 1024
    const isMet = delaysMs.every((delay) => delay <= MOST_DELAY_MS) && peakMemoryMib <= MOST_MEMORY_MIB
    return { delaysMs, peakMemoryMib, isMet }
  } finally {
    await measured.server.end('SIGKILL')
  }
}
