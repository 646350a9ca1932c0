import { sql } from 'kysely'

/** The two kinds of column that there are. Texts compare by code point, which is what SQLite does by itself. */
export const columnTypes = {
  sqlite: { integer: 'integer', text: 'text' },
  postgres: { integer: 'bigint', text: sql`text collate "C"` },
} as const
