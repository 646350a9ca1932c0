import type { SqlValue } from '../sql/tables.ts'

export interface NamedStatement {
  readonly name: string
  readonly text: string
  readonly values: SqlValue[]
  readonly rowMode: 'array'
}

/** Gives each statement a name, under which a connection prepares it once. */
export class PostgresStatements {
  readonly #names = new Map<string, string>()

  named(sql: string, values: readonly SqlValue[]): NamedStatement {
    let name = this.#names.get(sql)
    if (name === undefined) {
      name = `q${this.#names.size}`
      this.#names.set(sql, name)
    }
    return { name, text: sql, values: values as SqlValue[], rowMode: 'array' }
  }
}
