import type { SqlRow } from '../engine.ts'
import type { Arg } from './prepare.ts'
import type { Stored } from './tables.ts'

/** How a field is kept in its column: as it is, as JSON text, or as 0 and 1. */
type Form<T> = T extends boolean ? 'flag' : T extends string | number | null ? 'plain' : 'json'

/** The fields of a record in column order, and the way back from a row to the record. */
export interface RecordShape<R> {
  readonly fields: readonly (keyof R & string)[]
  fromRow(row: SqlRow): R
}

/** Names every field of `R` with its form; the compiler refuses a missing field or a wrong form. */
export function recordShape<R extends object>(
  forms: {
    [K in keyof R]-?: [R[K]] extends [boolean] ? 'flag' : Form<R[K]>
  },
): RecordShape<R> {
  const fields = Object.keys(forms) as (keyof R & string)[]
  const formOf = fields.map((field) => forms[field] as string)
  // Copies of one object share its hidden class, so whoever reads the records stays fast.
  const blank: Record<string, unknown> = Object.fromEntries(fields.map((field) => [field, null]))
  return {
    fields,
    fromRow(row) {
      const record = { ...blank }
      for (let i = 0; i < fields.length; i++) {
        const value = row[i]
        const form = formOf[i]
        record[fields[i] as string] =
          form === 'plain' ? value : form === 'flag' ? value === 1 : JSON.parse(value as string)
      }
      return record as R
    },
  }
}

/** Columns, each filled by the argument of the same name. */
export function allOf<R>(fields: readonly (keyof R & string)[], arg: Arg<R>): Stored<R> {
  return Object.fromEntries(fields.map((field) => [field, arg(field)])) as Stored<R>
}
