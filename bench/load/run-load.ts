import { Connection } from './connection.ts'
import { isPattern } from './pattern.ts'
import type { Target, Workload } from './workload.ts'

export interface Load {
  readonly connections: number
  /** Until then each connection begins another sequence. */
  readonly seconds: number
  /** Of the whole load, however long they take. */
  readonly leastSequences: number
  /** Of how many sequences the bytes are fetched and compared afterwards. */
  readonly checks: number
}

export interface LoadResult {
  /** Whole sequences. */
  readonly sequences: number
  readonly seconds: number
  /** What the generator itself took of a core meanwhile. */
  readonly clientCpuSeconds: number
}

/** Each connection reads up to that much at once. */
const READ_BYTES = 64 * 1024
const LONE_READ_BYTES = 1024 * 1024

/** @throws Error on any answer that is no success, and on bytes that are not those which were sent */
export async function runLoad(workload: Workload, target: Target, load: Load): Promise<LoadResult> {
  const { url, sizeBytes } = target
  const readBytes = load.connections > 1 ? READ_BYTES : LONE_READ_BYTES
  const connections = await Promise.all(
    Array.from({ length: load.connections }, () => Connection.open(url, readBytes)),
  )
  const stored: string[] = []
  let turn = 0
  const cpu = process.cpuUsage()
  const begin = performance.now()
  const end = begin + load.seconds * 1000
  const repeat = async (connection: Connection) => {
    do stored.push(await workload.run(connection, turn++))
    while (performance.now() < end || turn < load.leastSequences)
  }
  try {
    await Promise.all(connections.map(repeat))
  } finally {
    for (const connection of connections) connection.close()
  }
  const seconds = (performance.now() - begin) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const { locate } = workload
  if (locate !== undefined)
    for (const one of evenly(stored, load.checks)) await expectStored(await locate(one), sizeBytes)
  return { sequences: stored.length, seconds, clientCpuSeconds: (user + system) / 1e6 }
}

/** That many of them, the last one included. */
function evenly(stored: readonly string[], count: number): string[] {
  const step = stored.length / Math.min(count, stored.length)
  return Array.from({ length: Math.min(count, stored.length) }, (_, index) =>
    String(stored[Math.ceil((index + 1) * step) - 1]),
  )
}

/** Fetches what was stored and compares it with what was sent. */
async function expectStored(url: string, sizeBytes: number): Promise<void> {
  const response = await fetch(url)
  if (!response.ok || response.body === null) throw new Error(`${response.status} from ${url}`)
  let bytes = 0
  for await (const chunk of response.body) {
    if (!isPattern(chunk, bytes)) throw new Error(`${url} gives other bytes than those which were sent`)
    bytes += chunk.length
  }
  if (bytes !== sizeBytes) throw new Error(`${url} gives ${bytes} bytes, not ${sizeBytes}`)
}
