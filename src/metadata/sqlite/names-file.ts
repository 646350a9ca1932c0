import { dirname, join } from 'node:path'

/** In the data folder. Everything in it comes from the database, so removing it costs only time. */
export const NAMES_FILE = 'names.db'

export function namesPathOf(databasePath: string): string {
  return join(dirname(databasePath), NAMES_FILE)
}
