const GAP = '  '
/** A field that a record has not. */
const EMPTY = '-'
/** They could move the cursor, colour the terminal or turn the text around of whoever lists names that others chose. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g

/** A text that others chose, on one line and without power over the terminal. */
export function visible(text: string): string {
  return text.replace(CONTROL, '?')
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2))
}

/** Where text may wrap: undefined where no terminal shows it. A terminal that does not tell has 80 columns. */
function terminalColumns({ isTTY, columns } = process.stdout): number | undefined {
  return isTTY ? columns || 80 : undefined
}

/** Prints a table, each column as wide as its widest cell. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const [head = [], ...body] = rows
  new TablePrinter(head).print(body)
}

/** A table that is printed part by part: a column gets wider where a later part needs it. */
export class TablePrinter {
  #head: readonly string[] | undefined
  readonly #widths: number[] = []

  constructor(head: readonly string[]) {
    this.#head = head
  }

  print(rows: readonly (readonly string[])[]): void {
    const cells = [...(this.#head ? [this.#head] : []), ...rows].map((row) => row.map(visible))
    this.#head = undefined
    for (const row of cells)
      for (const [column, cell] of row.entries())
        this.#widths[column] = Math.max(this.#widths[column] ?? 0, cell.length)
    for (const row of cells)
      print(
        row
          .map((cell, column) => cell.padEnd(this.#widths[column] ?? 0))
          .join(GAP)
          .trimEnd(),
      )
  }
}

/** A field of a listed record; a number is a time in milliseconds. */
type Field = string | number | null | { readonly slug: string } | readonly Field[]

/** A list of records: JSON with times in ISO 8601 for programs, a table of the same fields for people. */
export function printList(
  columns: readonly string[],
  records: readonly Readonly<Record<string, Field>>[],
  asJson = false,
): void {
  const showTime = (_: string, value: unknown) =>
    typeof value === 'number' ? new Date(value).toISOString() : value
  if (asJson) print(JSON.stringify(records, showTime, 2))
  else
    printFitting(
      columns,
      records.map((record) => Object.values(record).map(cellOf)),
    )
}

/** A terminal would wrap rows that are too long for it: there each record gets a line per field that it has. */
function printFitting(columns: readonly string[], rows: readonly (readonly string[])[]): void {
  const available = terminalColumns()
  const table = [columns, ...rows]
  if (available === undefined || tableWidth(table) <= available) {
    printTable(table)
    return
  }
  for (const [index, row] of rows.entries()) {
    if (index > 0) print('')
    const fields = columns.map((column, place) => [column, row[place] ?? EMPTY])
    printTable(fields.filter(([, cell]) => cell !== EMPTY) as [string, string][])
  }
}

function tableWidth(rows: readonly (readonly string[])[]): number {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1))
}

function cellOf(field: Field): string {
  if (field === null) return EMPTY
  // For people: `2026-04-08T12:00Z`.
  if (typeof field === 'number') return new Date(field).toISOString().replace(/:\d\d\.\d+Z$/, 'Z')
  if (typeof field === 'string') return field
  // Only scopes may be empty, which means all.
  return 'slug' in field ? field.slug : field.map(cellOf).join(',') || 'all'
}
