import { open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeDataFolder, namesIn } from '../app/data-folder.ts'
import { syncFolder } from '../blobs/disk/disk.ts'
import type { DamagedFile } from '../core/upkeep/referenced-blobs.ts'
import { type DataFolderLock, tryLockDataFolder } from '../metadata/sqlite/data-folder-lock.ts'
import type { CopiedRows } from './copy-rows.ts'

/** The first thing in the folder of a backup, and written anew as its last. */
const MANIFEST = 'BACKUP'
const NEW_MANIFEST = `${MANIFEST}.new`
const LOCK = 'lock.db'
/** A disk of its own has the first one in its root; a crash leaves the others. */
const MAY_BE_THERE = ['lost+found', NEW_MANIFEST, LOCK]
/** What an interrupted backup begins anew. */
const BEGUN_ANEW = ['entrepot.db', 'entrepot.db-wal', 'entrepot.db-shm', 'entrepot.db-journal', 'STORE']

/** What a complete backup holds. */
export interface BackupManifest {
  readonly state: 'complete'
  /** Of the installation that the folder is: every copy has an id of its own, so that no bytes of two ever mix. */
  readonly id: string
  /** Of the rows. ISO 8601. */
  readonly madeAt: string
  /** Where they and the bytes were, in words. */
  readonly rowsFrom: string
  readonly bytesFrom: string
  /** Version of the schema of its database. */
  readonly schema: number
  /** As they were sent; none where a later schema has other columns. */
  readonly tables: CopiedRows
  readonly blobs: number
  readonly bytesOfBlobs: number
  /** Files whose bytes the source did not have as recorded, and which are not in it. */
  readonly damaged: readonly DamagedFile[]
}

/**
 * Makes the folder that a backup goes to, empty but for the blobs that an interrupted backup had copied into it.
 * @returns the lock that keeps others from it
 * @throws Error in one sentence if it holds anything else, or another process works on it
 */
export async function beginBackupFolder(folder: string): Promise<DataFolderLock> {
  await makeDataFolder(folder)
  const names = ((await namesIn(folder)) ?? []).filter((name) => !MAY_BE_THERE.includes(name))
  const manifest = await readManifest(folder)
  if (manifest?.state === 'complete')
    throw new Error(`${folder} holds the complete backup of ${manifest.madeAt}; name an empty folder.`)
  if (manifest === undefined && names.length > 0)
    throw new Error(`${folder} is not empty; name an empty folder, or one that does not exist yet.`)
  const lock = tryLockDataFolder(folder)
  if (lock === undefined) throw new Error(`Another process makes a backup in ${folder}.`)
  await writeManifest(folder, { state: 'unfinished' })
  for (const name of BEGUN_ANEW) await rm(join(folder, name), { force: true })
  return lock
}

/** From now on it is a backup. */
export async function completeBackupFolder(folder: string, manifest: BackupManifest): Promise<void> {
  // Only a server needs them.
  for (const name of ['ballast', LOCK]) await rm(join(folder, name), { force: true })
  await writeManifest(folder, manifest)
}

/** @throws Error in one sentence if the folder holds no complete backup */
export async function readBackupFolder(folder: string): Promise<BackupManifest> {
  if ((await namesIn(folder)) === undefined) throw new Error(`There is no folder ${folder}.`)
  const manifest = await readManifest(folder)
  if (manifest === undefined)
    throw new Error(
      `${folder} holds no backup: it has no file ${MANIFEST}, which \`entrepot backup\` writes.`,
    )
  if (manifest.state !== 'complete')
    throw new Error(`The backup in ${folder} was interrupted; make it again, or restore another one.`)
  return manifest
}

type Manifest = BackupManifest | { readonly state: 'unfinished' }

async function readManifest(folder: string): Promise<Manifest | undefined> {
  const path = join(folder, MANIFEST)
  try {
    const read: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (isManifest(read)) return read
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    if (!(error instanceof SyntaxError)) throw error
  }
  throw new Error(`${path} cannot be read: it is not what was written.`)
}

/** Whether it has what others rely on: a damaged one is neither a backup nor one to be made anew. */
function isManifest(read: unknown): read is Manifest {
  if (typeof read !== 'object' || read === null) return false
  const { state, id, madeAt, tables } = read as Partial<Record<keyof BackupManifest, unknown>>
  if (state === 'unfinished') return true
  const isNamed = typeof id === 'string' && typeof madeAt === 'string'
  return state === 'complete' && isNamed && typeof tables === 'object' && tables !== null
}

/** Whole or not at all, and durably. */
async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const [path, temporary] = [join(folder, MANIFEST), join(folder, NEW_MANIFEST)]
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(`${JSON.stringify(manifest, undefined, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  await syncFolder(folder)
}
