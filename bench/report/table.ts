import type { LoopResult } from '../loop.ts'
import type { MatchResult } from './results.ts'

/** A match as lines of text: what each candidate did, then the ratios. */
export function printMatch({
  title,
  unit,
  where,
  connections,
  measured,
  figures,
  missing,
}: MatchResult): void {
  console.log(`\n${title} (${where}, ${connections === 1 ? '1 connection' : `${connections} connections`})`)
  const rates = Object.values(measured).map(({ label, rate, clientCores }) => [
    `  ${label}`,
    `${toCount(rate.median)} ${unit}`,
    `${toCount(rate.low)}-${toCount(rate.high)}`,
    `load took ${clientCores.toFixed(2)} cores`,
  ])
  const ratios = figures.map(({ ours, peer, ratio, least, isMet }) => [
    `  ${labelOf(ours)} of ${labelOf(peer)}`,
    ratio.median.toFixed(2),
    `${ratio.low.toFixed(2)}-${ratio.high.toFixed(2)}`,
    least === undefined ? 'told beside' : `${isMet ? 'at least' : 'NOT'} ${least.toFixed(2)}`,
  ])
  printColumns([...rates, ...ratios])
  for (const reason of missing) console.log(`  ${reason}`)

  function labelOf(key: string): string {
    return measured[key]?.label ?? key
  }
}

export function printLoop({ delaysMs, peakMemoryMib, isMet }: LoopResult): void {
  console.log('\n40 uploads of 63 MiB at once (disk)')
  console.log(
    `  loop delay, p99 of each round: ${delaysMs.map((ms) => ms.toFixed(0)).join(', ')} ms; at most 50`,
  )
  console.log(`  peak of resident memory: ${peakMemoryMib.toFixed(0)} MiB; at most 400`)
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
