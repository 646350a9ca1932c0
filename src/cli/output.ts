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
  const widthOf = (column: number) => Math.max(...cells.map((row) => row[column]?.length ?? 0))
  for (const row of cells)
    print(
      row
        .map((cell, column) => cell.padEnd(widthOf(column)))
        .join(GAP)
        .trimEnd(),
    )
}

/** A list of records: a table for people, JSON with times in ISO 8601 for programs. */
export function printList<T>(
  records: readonly T[],
  columns: Readonly<Record<string, (record: T) => string>>,
  asJson = false,
): void {
  const showTime = (key: string, value: unknown) =>
    key.endsWith('At') && typeof value === 'number' ? new Date(value).toISOString() : value
  if (asJson) print(JSON.stringify(records, showTime, 2))
  else
    printTable([
      Object.keys(columns),
      ...records.map((record) => Object.values(columns).map((cellOf) => cellOf(record))),
    ])
}

/** For people: `2026-04-08T12:00Z`; a dash where there is none. */
export function shortTime(ms: number | null): string {
  return ms === null ? '-' : new Date(ms).toISOString().replace(/:\d\d\.\d+Z$/, 'Z')
}
