import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** Of `/proc`: Linux has told hundredths of a second there since ever, whatever its own clock is (proc(5), USER_HZ). */
const TICKS_PER_SECOND = 100

/** CPU that a process and its children have taken, all threads, in seconds; NaN where there is no `/proc`. */
export function cpuSecondsOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`)
  // The name in brackets may contain anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const own = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  const children = read(`/proc/${pid}/task/${pid}/children`).trim().split(' ').filter(Boolean)
  return children.reduce((sum, child) => sum + cpuSecondsOf(Number(child)), own)
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

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
