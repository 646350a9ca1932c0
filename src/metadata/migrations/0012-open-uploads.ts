import { flavours } from '../sql/flavours.ts'
import type { Migration } from './migrate.ts'

/** Uploads that their PUT alone stores, and how many bytes it may bring. Servers of the release before take no PUT for them. */
export const openUploads: Migration = (db, engine) => [
  db.schema.alterTable('files').addColumn('uploadMaxBytes', flavours[engine].columnTypes.integer),
]
