const GAP = '  '
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
  else printTable([columns, ...records.map((record) => Object.values(record).map(cellOf))])
}

function cellOf(field: Field): string {
  if (field === null) return '-'
  // For people: `2026-04-08T12:00Z`.
  if (typeof field === 'number') return new Date(field).toISOString().replace(/:\d\d\.\d+Z$/, 'Z')
  if (typeof field === 'string') return field
  // Only scopes may be empty, which means all.
  return 'slug' in field ? field.slug : field.map(cellOf).join(',') || 'all'
}
