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
import { FINAL_SIGMA, FOLDED_CONTAINS, SIGMA } from './fold-case.ts'
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
  /** Whether rows have numbers, in the order of their commits, by which an index beside the database tells of them. */
  readonly numbersRows: boolean
  /** How many bytes the text of a column has in UTF-8. */
  byteLength(column: string): Expression<number>
  /** Whether a text is one of those in `json`, which stands for an argument that is an array. */
  isOneOf(text: Expression<unknown>, json: string): Expression<SqlBool>
  /** What of the text of a column stands before the first `mark`; all of it if there is none. */
  before(column: string, mark: string): RawBuilder<string>
  /** Whether the name of a file has a text in it, in whatever case. `part` stands for an argument that `foldCase` made. */
  nameContains(part: string): Expression<SqlBool>
}

/** By which PostgreSQL knows the case of letters beyond ASCII, the best first; without them, what the database was made with. */
export const caseCollations = ['pg_unicode_fast', 'pg_c_utf8', 'und-x-icu'] as const
export type CaseCollation = (typeof caseCollations)[number] | 'default'

/** The index of the parts of names on PostgreSQL, which an operator makes as docs/scaling.md has it. */
export const NAME_PARTS = 'files_by_name_part'

/** PostgreSQL refuses entries of an index above some 2,700 bytes; a character may have four. */
export const INDEXED_CHARACTERS = 512

const neverOpened = () => Promise.reject(new Error('Kysely only compiles'))
const plugins = [new CamelCasePlugin()]

export const flavours: Readonly<Record<EngineName, SqlFlavour>> = {
  sqlite: {
    builder: new Kysely({ dialect: new SqliteDialect({ database: neverOpened }), plugins }),
    columnTypes: { integer: 'integer', text: 'text', bytes: 'blob' },
    indexedCharacters: undefined,
    numbersRows: true,
    // Backups read the schema with the machine's `sqlite3`, which knows no `octet_length` before 3.43.
    byteLength: (column) => sql`length(cast(${sql.ref(column)} as blob))`,
    isOneOf: (text, json) => sql`${text} in (select value from json_each(${json}))`,
    before: (column, mark) =>
      sql`substr(${sql.ref(column)}, 1, instr(${sql.ref(column)} || ${sql.lit(mark)}, ${sql.lit(mark)}) - 1)`,
    // SQLite itself knows the case of ASCII alone, and is faster with it.
    nameContains: (part) => sql`case when ${sql.ref('normalName')} is null
      then instr(lower(name), ${part}) > 0 else ${sql.raw(FOLDED_CONTAINS)}(${sql.ref('normalName')}, ${part}) end`,
  },
  postgres: postgresFlavour('default'),
}

/**
 * @param caseCollation by which PostgreSQL knows lower case, by name
 * @param hasNameParts whether there is the index `NAME_PARTS`
 */
export function postgresFlavour(caseCollation: CaseCollation, hasNameParts = false): SqlFlavour {
  const lower = (text: Expression<unknown>) =>
    sql`replace(lower(${text} collate ${sql.raw(`"${caseCollation}"`)}), ${sql.lit(FINAL_SIGMA)}, ${sql.lit(SIGMA)})`
  return {
    builder: new Kysely({ dialect: new PostgresDialect({ pool: neverOpened }), plugins }),
    columnTypes: { integer: 'bigint', text: sql`text collate "C"`, bytes: 'bytea' },
    indexedCharacters: INDEXED_CHARACTERS,
    numbersRows: false,
    byteLength: (column) => sql`octet_length(${sql.ref(column)})`,
    // As an array they count as few to the planner, which is what they are; as a subquery as a hundred.
    isOneOf: (text, json) => sql`${text} = any (array(select json_array_elements_text(${json}::json)))`,
    before: (column, mark) => sql`split_part(${sql.ref(column)}, ${sql.lit(mark)}, 1)`,
    nameContains: (part) => {
      const name = lower(sql`coalesce(${sql.ref('normalName')}, name)`)
      const folded = lower(sql`cast(${part} as text)`)
      // Of a pattern PostgreSQL estimates how many names have it. That estimate makes it use the index, and without the index
      // read all files of a project where it needs few.
      if (hasNameParts) return sql`${name} like '%' || ${literally(folded)} || '%'`
      return sql`strpos(${name}, ${folded}) > 0`
    },
  }
}

/** A pattern of `like` that a text alone meets. */
function literally(text: Expression<unknown>): Expression<string> {
  return sql`replace(replace(replace(${text}, E'\\\\', E'\\\\\\\\'), '%', E'\\\\%'), '_', E'\\\\_')`
}
