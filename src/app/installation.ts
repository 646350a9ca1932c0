import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import type { DatabaseContent } from '../metadata/migrations/migrate.ts'
import { sqliteContent } from '../metadata/sqlite/sqlite.ts'
import { namesIn, requireUsableDataFolder } from './data-folder.ts'

const HOW_TO_MAKE_ONE =
  'Correct ENTREPOT_DATA_DIR or ENTREPOT_DATABASE_URL; `entrepot serve` makes a new one, and so do `migrate`, `key create` and `org create` with --init.'

/**
 * For commands that need an installation and make none. Writes nothing.
 * @throws Error that says where was looked, and what is there instead
 */
export async function requireInstallation(config: Config): Promise<void> {
  await requireUsableDataFolder(config.dataDir)
  if (await hasRows(config)) return
  const place = config.databaseUrl === undefined ? config.dataDir : rowsPlace(config)
  throw new Error(`There is no installation in ${place}: ${await whatIsThere(config)}. ${HOW_TO_MAKE_ONE}`)
}

/** Whether the database has our tables, of whatever release. Writes nothing. */
export async function hasRows(config: Config): Promise<boolean> {
  return (await contentOf(config)) === 'ours'
}

async function contentOf({ dataDir, databaseUrl }: Config): Promise<DatabaseContent> {
  if (databaseUrl === undefined) return sqliteContent(dataDir)
  const { postgresContent } = await import('../metadata/postgres/database-content.ts')
  return postgresContent(databaseUrl.reveal())
}

/**
 * For whoever opens an installation and makes it if there is none. Writes nothing, so that a mistake leaves nothing behind.
 * @returns whether there is one already
 * @throws Error in one sentence if none can be made here
 */
export async function findInstallation(config: Config): Promise<boolean> {
  await requireUsableDataFolder(config.dataDir)
  const found = await refuseForeignDatabase(config)
  const names = (await namesIn(config.dataDir)) ?? []
  // Bytes without their rows are half an installation, and a new database would not be theirs.
  if (!found && config.databaseUrl === undefined && names.includes('STORE'))
    throw new Error(
      `${config.dataDir} belongs to an installation whose database is elsewhere; set ENTREPOT_DATABASE_URL, or put its entrepot.db back.`,
    )
  return found
}

/**
 * Our tables do not go among those of another program. Writes nothing.
 * @returns whether the database has our tables
 * @throws Error in one sentence if it has only others
 */
export async function refuseForeignDatabase(config: Config): Promise<boolean> {
  const content = await contentOf(config)
  if (content !== 'foreign') return content === 'ours'
  throw new Error(
    config.databaseUrl === undefined
      ? `${join(config.dataDir, 'entrepot.db')} is no database of Entrepot; choose another data folder, or move that file away.`
      : `${rowsPlace(config)} holds tables of another program and none of Entrepot; name an empty database.`,
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
  if (names === undefined) return 'there is no such folder'
  if (names.includes('entrepot.db')) return 'its entrepot.db is no database of Entrepot'
  if (names.includes('STORE')) return 'it belongs to one whose database is elsewhere'
  return names.length === 0 ? 'the folder is empty' : 'the folder holds other things'
}
