/** A line of the table. */
export interface Figure {
  readonly name: string
  readonly unit: string
  readonly samples: readonly number[]
  /** Measurements of the yardstick, each made beside the sample of the same place. */
  readonly of?: readonly number[]
  /** Least share of the yardstick that is good enough. */
  readonly target?: number
}

export function medianOf(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

export function printTable(figures: readonly Figure[]): void {
  const rows = [['', 'median', 'range', 'ratio', 'target', 'met'], ...figures.map(toRow)]
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  for (const row of rows) {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0
      return column === 0 ? cell.padEnd(width) : cell.padStart(width)
    })
    console.log(cells.join('  ').trimEnd())
  }
}

function toRow({ name, unit, samples, of, target }: Figure): string[] {
  const median = medianOf(samples)
  const range = `${toCount(Math.min(...samples))}-${toCount(Math.max(...samples))}`
  const shown = [name, `${toCount(median)} ${unit}`, range]
  if (of === undefined || target === undefined) return [...shown, '', '', '']
  const ratio = medianOf(samples.map((sample, round) => sample / (of[round] ?? Number.NaN)))
  return [...shown, ratio.toFixed(2), target.toFixed(2), ratio >= target ? 'yes' : 'NO']
}

function toCount(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
