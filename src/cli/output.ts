const GAP = '  '
/** They could move the cursor or colour the terminal of whoever lists names that others chose. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2))
}

/** Prints a table, each column as wide as its widest cell. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const cells = rows.map((row) => row.map((cell) => cell.replace(CONTROL, '?')))
  const widths = cells.reduce<number[]>(
    (widest, row) => row.map((cell, column) => Math.max(cell.length, widest[column] ?? 0)),
    [],
  )
  for (const row of cells) {
    print(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join(GAP)
        .trimEnd(),
    )
  }
}

/** For people: `2026-04-08T12:00Z`; a dash where there is none. */
export function shortTime(ms: number | null): string {
  return ms === null ? '-' : new Date(ms).toISOString().replace(/:\d\d\.\d+Z$/, 'Z')
}

/** For programs: ISO 8601 with milliseconds. */
export function longTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}
