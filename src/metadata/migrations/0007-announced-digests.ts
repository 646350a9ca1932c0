import { columnTypes } from '../sql/column-types.ts'
import type { Migration } from './migrate.ts'

/** What clients announce of the bytes that they will put. */
export const announcedDigests: Migration = (db, engine) => [
  db.schema.alterTable('files').addColumn('expectedSha256', columnTypes[engine].text),
]
