import { flavours } from '../sql/flavours.ts'
import type { Migration } from './migrate.ts'

/** Of which blobs bytes may turn up after they were removed. Servers of the release before remove them once, as they did. */
export const lateBytes: Migration = (db, engine) => [
  db.schema
    .alterTable('unreferencedBlobs')
    .addColumn('mayComeLate', flavours[engine].columnTypes.integer, (column) =>
      column.notNull().defaultTo(0),
    ),
]
