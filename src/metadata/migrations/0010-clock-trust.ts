import { flavours } from '../sql/flavours.ts'
import type { Migration } from './migrate.ts'

/** Whether the clock of the machine is trusted, counted over restarts. */
export const clockTrust: Migration = (db, engine) => {
  const { integer } = flavours[engine].columnTypes
  return [
    db.schema
      .alterTable('installation')
      .addColumn('clockWaitMs', integer, (column) => column.notNull().defaultTo(0)),
    db.schema
      .alterTable('installation')
      .addColumn('clockTrustedTo', integer, (column) => column.notNull().defaultTo(0)),
  ]
}
