import { chmodSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { FOLDED_CONTAINS, foldedContains } from '../sql/fold-case.ts'

/** Below it, two connections that write one log at once could corrupt it (sqlite.org/wal.html#walresetbug). */
const OLDEST_SOUND_VERSION = [3, 51, 3] as const
/** How long a connection waits for another process's transaction. */
const BUSY_TIMEOUT_MS = 5000
/** Of each connection; what an insert touches of the indexes should fit. */
const CACHE_KIB = 32 * 1024
/** The log is cut back to this after a checkpoint, however long a burst has made it. */
const LOG_SIZE_LIMIT_BYTES = 64 * 1024 * 1024

/** @throws Error if this Node carries an SQLite that must not be trusted with data */
export function refuseUnsoundSqlite(version: string | undefined = process.versions.sqlite): void {
  const parts = (version ?? '').split('.').map(Number)
  const differing = OLDEST_SOUND_VERSION.findIndex((least, index) => parts[index] !== least)
  if (differing < 0 || (parts[differing] ?? 0) > (OLDEST_SOUND_VERSION[differing] ?? 0)) return
  throw new Error(
    `SQLite ${version} can corrupt its log; this Node needs SQLite ${OLDEST_SOUND_VERSION.join('.')} or newer.`,
  )
}

/** Makes an empty database file that only its owner can read, whatever the umask; the log inherits its mode. */
export function createPrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  try {
    // Never opened if it exists: closing any descriptor would drop the locks that this process holds on the file.
    closeSync(openSync(path, 'wx', 0o600))
    const folder = openSync(dirname(path), 'r')
    fsyncSync(folder)
    closeSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  chmodSync(path, 0o600)
}

/** What was read back from a writing connection. */
export interface Durability {
  readonly journalMode: string
  /** 2 is FULL: a commit is on the disk when COMMIT returns. */
  readonly synchronous: number
}

export interface WritingConnection extends Durability {
  readonly db: DatabaseSync
}

/** @throws Error if the file system does not let SQLite be durable */
export function openWritingConnection(path: string): WritingConnection {
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA mmap_size = 0;
    PRAGMA cache_size = -${CACHE_KIB};
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA journal_size_limit = ${LOG_SIZE_LIMIT_BYTES};
  `)
  const journalMode = db.prepare('PRAGMA journal_mode').get()?.journal_mode as string
  const synchronous = db.prepare('PRAGMA synchronous').get()?.synchronous as number
  if (journalMode !== 'wal' || synchronous !== 2) {
    db.close()
    throw new Error(
      `SQLite keeps journal_mode=${journalMode} and synchronous=${synchronous} where it must keep wal and 2. ` +
        'The data folder has to be on a local disk.',
    )
  }
  return { db, journalMode, synchronous }
}

/**
 * How a file is opened to be looked at once. SQLite would make a log to read it, which a reader cannot remove; without a log
 * nobody has it open, and it is all there is.
 */
export function untouched(path: string): URL {
  const url = pathToFileURL(path)
  const hasLog = existsSync(`${path}-wal`) || existsSync(`${path}-journal`)
  if (!hasLog) url.searchParams.set('immutable', '1')
  return url
}

export function openReadingConnection(path: string | URL): DatabaseSync {
  const db = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
  db.function(FOLDED_CONTAINS, { deterministic: true }, foldedContains)
  db.exec(`PRAGMA mmap_size = 0; PRAGMA cache_size = -${CACHE_KIB}`)
  return db
}
