import { access, constants, mkdir, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const { R_OK, W_OK, X_OK } = constants
/** What an installation has in its folder. */
const FILES = [
  'entrepot.db',
  'entrepot.db-wal',
  'entrepot.db-shm',
  'names.db',
  'names.db-wal',
  'names.db-shm',
  'lock.db',
  'move.db',
  'backup.db',
  'ballast',
  'STORE',
]
const FOLDERS = ['blobs', 'staging', 'spool', 'restore', 'tls']

/**
 * Makes the data folder and its parents, for their owner alone. Does nothing where it exists.
 * @throws Error of the system call, or in one sentence if something else is in its place
 */
export async function makeDataFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return
    if (code === 'EEXIST' || code === 'ENOTDIR') throw misplaced(path, 'no')
    // Node's own recursive mkdir never ends on a file system where nothing can be made (/proc).
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    await makeDataFolder(dirname(path))
    await mkdir(path, { mode: 0o700 })
  }
}

/**
 * Tells early, and by its path, what this process may not read and write; SQLite would only say that it cannot open a file.
 * Does nothing where there is no folder. Writes nothing.
 * @throws Error of the system call, or in one sentence if a file is where a folder belongs, or the other way round
 */
export async function requireUsableDataFolder(dataDir: string): Promise<void> {
  const names = await namesIn(dataDir)
  if (names === undefined) return
  await access(dataDir, R_OK | W_OK | X_OK)
  for (const name of names.filter((name) => FILES.includes(name) || FOLDERS.includes(name))) {
    await requireUsable(join(dataDir, name), FOLDERS.includes(name)).catch((error) => {
      // A running server makes and removes files.
      if (error.code !== 'ENOENT') throw error
    })
  }
}

async function requireUsable(path: string, isFolder: boolean): Promise<void> {
  if ((await stat(path)).isDirectory() !== isFolder) throw misplaced(path, isFolder ? 'no' : 'a')
  await access(path, R_OK | W_OK)
}

/**
 * Names of what is in a folder; undefined if there is none.
 * @throws Error of the system call, or in one sentence if it is no folder
 */
export async function namesIn(folder: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw code === 'ENOTDIR' ? misplaced(folder, 'no') : error
  }
}

function misplaced(path: string, article: 'a' | 'no'): Error {
  return new Error(
    `${path} is ${article} folder; move it away, or choose another data folder (ENTREPOT_DATA_DIR).`,
  )
}
