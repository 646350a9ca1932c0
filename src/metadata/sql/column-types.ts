import { sql } from 'kysely'

/** PostgreSQL refuses entries of an index above some 2,700 bytes; a character may have four. */
export const INDEXED_CHARACTERS = 512

/**
 * How many bytes a text has in UTF-8. Backups read the schema with the machine's `sqlite3`, which knows no `octet_length` before
 * 3.43.
 */
export const byteLength = {
  sqlite: (column: string) => sql<number>`length(cast(${sql.ref(column)} as blob))`,
  postgres: (column: string) => sql<number>`octet_length(${sql.ref(column)})`,
} as const

/** The two kinds of column that there are. Texts compare by code point, which is what SQLite does by itself. */
export const columnTypes = {
  sqlite: { integer: 'integer', text: 'text' },
  postgres: { integer: 'bigint', text: sql`text collate "C"` },
} as const
