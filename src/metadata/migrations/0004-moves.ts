import { flavours } from '../sql/flavours.ts'
import type { Migration } from './migrate.ts'

/** Where a move of the installation stands, and to or at which place; both null where there was none. */
export const moves: Migration = (db, engine) => [
  db.schema.alterTable('installation').addColumn('moveStage', flavours[engine].columnTypes.text),
  db.schema.alterTable('installation').addColumn('movePlace', flavours[engine].columnTypes.text),
]
