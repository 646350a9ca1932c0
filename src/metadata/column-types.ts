import { sql } from 'kysely'

/** PostgreSQL refuses entries of an index above some 2,700 bytes; a character may have four. */
export const INDEXED_CHARACTERS = 512

/** The two kinds of column that there are. Texts compare by code point, which is what SQLite does by itself. */
export const columnTypes = {
  sqlite: { integer: 'integer', text: 'text' },
  postgres: { integer: 'bigint', text: sql`text collate "C"` },
} as const
