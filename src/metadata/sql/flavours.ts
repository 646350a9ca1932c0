import {
  CamelCasePlugin,
  type Expression,
  Kysely,
  PostgresDialect,
  type RawBuilder,
  type SqlBool,
  SqliteDialect,
  sql,
} from 'kysely'
import type { Tables } from './tables.ts'

export type EngineName = 'sqlite' | 'postgres'

/** In what the SQL of the two engines differs. */
export interface SqlFlavour {
  /** Only compiles. */
  readonly builder: Kysely<Tables>
  /** The kinds of column that there are. Texts compare by code point. */
  readonly columnTypes: {
    readonly integer: 'integer' | 'bigint'
    readonly text: 'text' | RawBuilder<unknown>
    readonly bytes: 'blob' | 'bytea'
  }
  /** How many characters of a long text an index holds; undefined: all. A bound makes queries sort and look up by them first. */
  readonly indexedCharacters: number | undefined
  /** How many bytes the text of a column has in UTF-8. */
  byteLength(column: string): Expression<number>
  /** Whether a column has one of the texts in `json`, which stands for an argument that is an array. */
  isOneOf(column: string, json: string): Expression<SqlBool>
}

/** PostgreSQL refuses entries of an index above some 2,700 bytes; a character may have four. */
export const INDEXED_CHARACTERS = 512

const neverOpened = () => Promise.reject(new Error('Kysely only compiles'))
const plugins = [new CamelCasePlugin()]

export const flavours: Readonly<Record<EngineName, SqlFlavour>> = {
  sqlite: {
    builder: new Kysely({ dialect: new SqliteDialect({ database: neverOpened }), plugins }),
    columnTypes: { integer: 'integer', text: 'text', bytes: 'blob' },
    indexedCharacters: undefined,
    // Backups read the schema with the machine's `sqlite3`, which knows no `octet_length` before 3.43.
    byteLength: (column) => sql`length(cast(${sql.ref(column)} as blob))`,
    isOneOf: (column, json) => sql`${sql.ref(column)} in (select value from json_each(${json}))`,
  },
  postgres: {
    builder: new Kysely({ dialect: new PostgresDialect({ pool: neverOpened }), plugins }),
    columnTypes: { integer: 'bigint', text: sql`text collate "C"`, bytes: 'bytea' },
    indexedCharacters: INDEXED_CHARACTERS,
    byteLength: (column) => sql`octet_length(${sql.ref(column)})`,
    // As an array they count as few to the planner, which is what they are; as a subquery as a hundred.
    isOneOf: (column, json) =>
      sql`${sql.ref(column)} = any (array(select json_array_elements_text(${json}::json)))`,
  },
}
