import { access, constants, mkdir, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** What an installation has in its folder. */
const FILES = ['entrepot.db', 'entrepot.db-wal', 'entrepot.db-shm', 'lock.db', 'move.db', 'ballast', 'STORE']
const FOLDERS = ['blobs', 'staging', 'spool', 'tls']

/**
 * Makes the data folder and its parents, for their owner alone. Does nothing where it exists.
 * @throws Error of the system call, or in one sentence if something else is in its place
 */
export async function makeDataFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return requireFolder(path)
    if (code === 'ENOTDIR') throw noFolder(path)
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
  await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  for (const name of names) {
    const path = join(dataDir, name)
    if (FILES.includes(name)) await unlessGone(requireUsable(path, requireFile))
    else if (FOLDERS.includes(name)) await unlessGone(requireUsable(path, requireFolder))
  }
}

async function requireUsable(path: string, requireKind: (path: string) => Promise<void>): Promise<void> {
  await requireKind(path)
  await access(path, constants.R_OK | constants.W_OK)
}

/** A running server makes and removes files. */
async function unlessGone(look: Promise<void>): Promise<void> {
  await look.catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
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
    if (code === 'ENOTDIR') throw noFolder(folder)
    throw error
  }
}

async function requireFile(path: string): Promise<void> {
  if ((await stat(path)).isDirectory())
    throw new Error(`${path} is a folder; move it away, or choose another data folder (ENTREPOT_DATA_DIR).`)
}

async function requireFolder(path: string): Promise<void> {
  if (!(await stat(path)).isDirectory()) throw noFolder(path)
}

function noFolder(path: string): Error {
  return new Error(`${path} is no folder; move it away, or choose another data folder (ENTREPOT_DATA_DIR).`)
}
