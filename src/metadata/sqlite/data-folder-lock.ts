import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { CollectionHold } from '../../core/ports/metadata-store.ts'
import { createPrivateFile } from './connection.ts'

const SQLITE_BUSY = 5
/** Whoever looks for holders has the file for a moment. */
const HOLD_TIMEOUT_MS = 5000

export interface DataFolderLock {
  release(): void
}

/**
 * Makes this process the only server of the data folder, until it releases the lock or ends in whatever way. It is
 * SQLite's own file lock, which the kernel drops with the process; tools that only use the database do not need it.
 * @throws Error if another server holds it
 */
export function lockDataFolder(dataDir: string): DataFolderLock {
  const lock = tryLockDataFolder(dataDir)
  if (lock === undefined)
    throw new Error(`Another server uses the data folder ${dataDir}. Stop it, or choose another folder.`)
  return lock
}

/** Undefined if another server holds the lock. */
export function tryLockDataFolder(dataDir: string): DataFolderLock | undefined {
  return tryLock(join(dataDir, 'lock.db'))
}

/** The same for moves out of a data folder, beside its server. @throws Error if there is one already */
export function lockMove(dataDir: string): DataFolderLock {
  const lock = tryLock(join(dataDir, 'move.db'))
  if (lock === undefined) throw new Error(`The installation in ${dataDir} is being moved by another process.`)
  return lock
}

/** A shared lock on a file of its own, which the kernel drops with the process. @throws Error if it cannot be taken */
export function holdCollection(dataDir: string): CollectionHold {
  const path = holdPath(dataDir)
  createPrivateFile(path)
  const db = new DatabaseSync(path, { timeout: HOLD_TIMEOUT_MS })
  try {
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN; SELECT * FROM sqlite_schema')
  } catch (error) {
    db.close()
    throw new Error(`The lock ${path} cannot be taken: ${(error as Error).message}.`, { cause: error })
  }
  return { requireHeld: () => undefined, release: async () => db.close() }
}

export function isCollectionHeld(dataDir: string): boolean {
  if (!existsSync(holdPath(dataDir))) return false
  const lock = tryLock(holdPath(dataDir))
  lock?.release()
  return lock === undefined
}

function holdPath(dataDir: string): string {
  return join(dataDir, 'backup.db')
}

function tryLock(path: string): DataFolderLock | undefined {
  createPrivateFile(path)
  const db = new DatabaseSync(path, { timeout: 0 })
  try {
    // Nothing is ever written, and on a full disk there would be no room for a journal.
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    db.close()
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined
    throw new Error(`The lock ${path} cannot be taken: ${(error as Error).message}.`, { cause: error })
  }
  return {
    release() {
      if (db.isOpen) db.close()
    },
  }
}
