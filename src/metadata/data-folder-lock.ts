import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createPrivateFile } from './sqlite-connection.ts'

const LOCK_FILE = 'lock.db'
const SQLITE_BUSY = 5

export interface DataFolderLock {
  release(): void
}

/**
 * Makes this process the only server of the data folder, until it releases the lock or ends in whatever way. It is
 * SQLite's own file lock, which the kernel drops with the process; tools that only use the database do not need it.
 * @throws Error if another server holds it
 */
export function lockDataFolder(dataDir: string): DataFolderLock {
  const path = join(dataDir, LOCK_FILE)
  createPrivateFile(path)
  const db = new DatabaseSync(path, { timeout: 0 })
  try {
    db.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    db.close()
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error
    throw new Error(`Another server uses the data folder ${dataDir}. Stop it, or choose another folder.`)
  }
  return {
    release() {
      if (db.isOpen) db.close()
    },
  }
}
