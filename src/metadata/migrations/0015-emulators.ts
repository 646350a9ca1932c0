import { flavours } from '../sql/flavours.ts'
import type { Migration } from './migrate.ts'

/** Whether an installation is an emulator's, which is for ever, and what time it is there. */
export const emulators: Migration = ({ schema }, engine) => {
  const { integer } = flavours[engine].columnTypes
  return [
    // Null: people's time is the machine's, in an installation for data that counts.
    schema.alterTable('installation').addColumn('emulatorOffsetMs', integer),
    schema.alterTable('installation').addColumn('emulatorFrozenAt', integer),
  ]
}
