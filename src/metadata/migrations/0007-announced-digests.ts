import { flavours } from '../sql/flavours.ts'
import type { Migration } from './migrate.ts'

/** What clients announce of the bytes that they will put. */
export const announcedDigests: Migration = (db, engine) => [
  db.schema.alterTable('files').addColumn('expectedSha256', flavours[engine].columnTypes.text),
]
