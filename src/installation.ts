import { readdir } from 'node:fs/promises'
import type { Config } from './config.ts'
import { hasPostgresSchema } from './metadata/postgres.ts'
import { hasSqliteSchema } from './metadata/sqlite.ts'

const HOW_TO_MAKE_ONE =
  'Correct ENTREPOT_DATA_DIR or ENTREPOT_DATABASE_URL; `entrepot serve` makes a new one, and so do `migrate`, `key create` and `org create` with --init.'

/**
 * For commands that need an installation and make none. Writes nothing.
 * @throws Error that says where was looked, and what is there instead
 */
export async function requireInstallation(config: Config): Promise<void> {
  if (await hasRows(config)) return
  const place = config.databaseUrl === undefined ? config.dataDir : rowsPlace(config)
  throw new Error(`There is no installation in ${place}: ${await whatIsThere(config)}. ${HOW_TO_MAKE_ONE}`)
}

/** Whether the database has our tables, of whatever release. Writes nothing. */
export function hasRows({ dataDir, databaseUrl }: Config): Promise<boolean> {
  return databaseUrl === undefined ? hasSqliteSchema(dataDir) : hasPostgresSchema(databaseUrl.reveal())
}

/**
 * For whoever may make an installation: bytes without their rows are half of one, and a new database would not be theirs.
 * @throws Error in one sentence
 */
export async function refuseHalf(config: Config): Promise<void> {
  if (config.databaseUrl !== undefined || (await hasRows(config))) return
  const names = await namesIn(config.dataDir)
  if (Array.isArray(names) && names.includes('STORE'))
    throw new Error(
      `${config.dataDir} belongs to an installation whose database is elsewhere; set ENTREPOT_DATABASE_URL, or put its entrepot.db back.`,
    )
}

/** In words, without user and password. */
export function rowsPlace({ databaseUrl, dataDir }: Config): string {
  if (databaseUrl === undefined) return `SQLite in ${dataDir}`
  const { host, pathname } = new URL(databaseUrl.reveal())
  return `PostgreSQL ${host}${pathname}`
}

async function whatIsThere({ dataDir, databaseUrl }: Config): Promise<string> {
  if (databaseUrl !== undefined) return 'it has none of its tables'
  const names = await namesIn(dataDir)
  if (typeof names === 'string') return names
  if (names.includes('entrepot.db')) return 'its entrepot.db is no database of Entrepot'
  if (names.includes('STORE')) return 'it belongs to one whose database is elsewhere'
  return names.length === 0 ? 'the folder is empty' : 'the folder holds other things'
}

/** Or why there are none. */
async function namesIn(folder: string): Promise<string[] | string> {
  try {
    return await readdir(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return 'there is no such folder'
    if (code === 'ENOTDIR') return 'it is no folder'
    throw error
  }
}
