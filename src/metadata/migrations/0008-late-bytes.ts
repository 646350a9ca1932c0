import { columnTypes } from '../sql/column-types.ts'
import type { Migration } from './migrate.ts'

/** Of which blobs bytes may turn up after they were removed. Servers of the release before remove them once, as they did. */
export const lateBytes: Migration = (db, engine) => [
  db.schema
    .alterTable('unreferencedBlobs')
    .addColumn('mayComeLate', columnTypes[engine].integer, (column) => column.notNull().defaultTo(0)),
]
