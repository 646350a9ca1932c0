import { flavours } from '../sql/flavours.ts'
import type { Migration } from './migrate.ts'

/** What each process tells the others about itself. Processes of the release before tell nothing. */
export const nodeProfiles: Migration = (db, engine) => [
  db.schema.alterTable('nodes').addColumn('profile', flavours[engine].columnTypes.text),
]
