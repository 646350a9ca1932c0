import { type LoopResult, MOST_DELAY_MS, MOST_MEMORY_MIB } from '../loop.ts'
import type { MatchResult } from './results.ts'

/** From there on ratios of rates say little. */
export const BUSY_SHARE = 0.15

/** A match as lines of text: what each candidate did, then the ratios. */
export function printMatch(result: MatchResult): void {
  const { title, unit, where, connections, measured, figures, missing, othersShare = 0 } = result
  console.log(
    `\n${title} (${[where, ...(connections > 0 ? [manyConnections(connections)] : [])].join(', ')})`,
  )
  const rates = Object.values(measured).map(({ label, rate, cpuMicroseconds, clientCores }) => [
    `  ${label}`,
    `${toCount(rate.median)} ${unit}`,
    `${toCount(rate.low)}-${toCount(rate.high)}`,
    cpuMicroseconds === undefined ? '' : `${toCount(cpuMicroseconds.median)} µs of CPU`,
    `load took ${clientCores.toFixed(2)} cores`,
  ])
  const ratios = figures.map(({ ours, peer, ratio, cpuRatio, least, isMet }) => [
    `  ${labelOf(ours)} of ${labelOf(peer)}`,
    ratio.median.toFixed(2),
    `${ratio.low.toFixed(2)}-${ratio.high.toFixed(2)}`,
    cpuRatio === undefined ? '' : `${cpuRatio.toFixed(2)} by CPU`,
    least === undefined ? 'told beside' : `${isMet ? 'at least' : 'NOT'} ${least.toFixed(2)}`,
  ])
  printColumns([...rates, ...ratios])
  for (const reason of missing) console.log(`  ${reason}`)
  if (othersShare > BUSY_SHARE)
    console.log(
      `  Other programs took ${Math.round(othersShare * 100)} % of the machine: trust the ratio by CPU more`,
    )

  function labelOf(key: string): string {
    return measured[key]?.label ?? key
  }
}

export function manyConnections(connections: number): string {
  return connections === 1 ? '1 connection' : `${connections} connections`
}

export function printLoop({ delaysMs, peakMemoryMib, isMet }: LoopResult): void {
  console.log('\n40 uploads of 63 MiB at once (disk)')
  console.log(
    `  loop delay, p99 of each round: ${delaysMs.map((ms) => ms.toFixed(0)).join(', ')} ms; at most ${MOST_DELAY_MS}`,
  )
  console.log(`  peak of resident memory: ${peakMemoryMib.toFixed(0)} MiB; at most ${MOST_MEMORY_MIB}`)
  console.log(isMet ? '  both met' : '  NOT met')
}

export function printColumns(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
    )
    console.log(cells.join('  ').trimEnd())
  }
}

export function toCount(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
