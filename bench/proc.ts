import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** The unit of /proc/stat (proc(5), USER_HZ). */
const TICKS_PER_SECOND = 100

/** CPU that a process and its children have taken, all their threads, in seconds; NaN where there is no `/proc`. */
export function cpuSecondsOf(pid: number): number {
  const threads = list(`/proc/${pid}/task`)
  if (threads.length === 0) return Number.NaN
  return threads.reduce((sum, thread) => sum + threadSeconds(`/proc/${pid}/task/${thread}`), 0)
}

/** The first number of schedstat is the time on a core in nanoseconds (proc(5)). */
function threadSeconds(folder: string): number {
  const own = Number(read(`${folder}/schedstat`).split(' ')[0]) / 1e9
  const children = read(`${folder}/children`).split(' ').filter(Boolean)
  return children.reduce((sum, child) => sum + (cpuSecondsOf(Number(child)) || 0), own)
}

/** CPU that the whole machine has spent, on all cores, in seconds; NaN where there is no `/proc`. */
export function machineCpuSeconds(): number {
  const [user, nice, system, , , irq, softirq, steal] =
    read('/proc/stat').split('\n', 1)[0]?.split(/ +/).slice(1) ?? []
  const busy = [user, nice, system, irq, softirq, steal].map(Number)
  return busy.reduce((sum, ticks) => sum + ticks, 0) / TICKS_PER_SECOND
}

/** Most memory that a process ever had, in bytes; NaN where there is no `/proc`. */
export function peakMemoryBytes(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1]) * 1024
}

export const CORES = availableParallelism()

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
