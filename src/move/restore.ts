import { copyFile, mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesPlace, bytesPlaceInWords, tellFolder } from '../app/bytes-place.ts'
import { makeDataFolder, namesIn } from '../app/data-folder.ts'
import { hasRows, refuseForeignDatabase, rowsPlace } from '../app/installation.ts'
import { openBlobs, openMetadata, openSession } from '../app/open-stores.ts'
import type { Config } from '../config/config.ts'
import { closingAfter } from '../core/closing.ts'
import { FairBudget } from '../core/limits/fair-budget.ts'
import type { BlobStore } from '../core/ports/blob-store.ts'
import type { DatabaseSession } from '../metadata/migrations/migrate.ts'
import { lockMove } from '../metadata/sqlite/data-folder-lock.ts'
import { isDamage } from '../metadata/sqlite/errors.ts'
import { type CopyProgress, folderConfig, schema } from './backup.ts'
import { type BackupManifest, readBackupFolder } from './backup-folder.ts'
import { BlobCopier, type BlobPass } from './copy-blobs.ts'
import { type CopiedRows, copyRows } from './copy-rows.ts'
import { hasOrganizations, stateOf } from './move-state.ts'
import { databaseBytes, requireRoom } from './room.ts'
import { noteMove } from './shut.ts'

export interface Restore {
  /** Where the backup is. Nothing is written to it. */
  readonly folder: string
  /** An installation that is to be. */
  readonly target: Config
  /** Restores also if bytes of files are not in the backup as recorded: their rows then come without them. */
  readonly acceptsDamaged: boolean
}

/** With the rows if there is an installation now. */
export interface RestoreReport extends BlobPass {
  readonly manifest: BackupManifest
  readonly rows?: CopiedRows
}

/** The rows as this release has them, read from a copy: opening them may change their schema. */
const WORK = 'restore'
/** What a killed restore leaves there. */
const WORK_FILES = ['entrepot.db', 'entrepot.db-wal', 'entrepot.db-shm', 'entrepot.db-journal', 'ballast']

/**
 * Makes an installation of a backup, of whatever kind, with an id of its own. Its bytes come first, each compared with its
 * SHA-256, then all rows in one transaction, each table compared with the digest that the backup has of it. Can be killed at
 * any moment and run again; no server starts on the target before.
 * @throws Error in one sentence if there is no complete backup, or the target holds anything else
 */
export async function restoreBackup(restore: Restore, progress: CopyProgress): Promise<RestoreReport> {
  const { folder, target } = restore
  if (target.emulator !== 'off')
    throw new Error(
      'A backup holds data that count, and an emulator’s are for tests; unset ENTREPOT_EMULATOR to restore it.',
    )
  const manifest = await readBackupFolder(folder)
  await requireUnused(folder)
  await refuseForeignDatabase(target)
  await makeDataFolder(target.dataDir)
  const opened = new AsyncDisposableStack()
  return closingAfter(
    () => opened.disposeAsync(),
    async () => {
      const lock = lockMove(target.dataDir)
      opened.defer(() => lock.release())
      await requireOwnWork(target)
      const { blobs: to } = await openBlobs(target, new FairBudget(target.memoryBytes))
      const session = await reserveTarget(target, to, manifest)
      opened.defer(() => session.close())
      const work = await copyDatabase(restore)
      opened.defer(() => rm(work.dataDir, { recursive: true, force: true }))
      const pass = await toldOfBackup(folder, () => copyBytes(restore, work, to, progress))
      if (pass.damaged.length > 0 && !restore.acceptsDamaged) return { ...pass, manifest }
      await tellFolder(target, (await stateOf(session)).storeId)
      const copying = () => copyAllRows(restore, work, session, manifest, progress)
      return { ...pass, manifest, rows: await toldOfBackup(folder, copying) }
    },
  )
}

/** A server that runs on it changes it. */
async function requireUnused(folder: string): Promise<void> {
  const log = await stat(join(folder, 'entrepot.db-wal')).catch(() => undefined)
  if (log !== undefined && log.size > 0)
    throw new Error(`A server runs, or ran, on ${folder}; it is an installation now and no backup any more.`)
}

/** The folder is removed, and may be somebody else's, or the backup itself. */
async function requireOwnWork(target: Config): Promise<void> {
  const path = join(target.dataDir, WORK)
  const names = (await namesIn(path)) ?? []
  if (names.every((name) => WORK_FILES.includes(name))) return
  throw new Error(`${path} is needed by the restore and holds something else; move it away.`)
}

/** Keeps servers from starting on the target, and makes its bytes those of its database. */
async function reserveTarget(
  target: Config,
  to: BlobStore,
  manifest: BackupManifest,
): Promise<DatabaseSession> {
  const owner = await to.owner()
  if (owner !== undefined && !(await hasRows(target))) throw inUse(bytesPlaceInWords(target))
  const session = await openSession(target)
  try {
    const place = `the backup ${manifest.id} of ${manifest.madeAt}`
    const { storeId, ...there } = await stateOf(session)
    const isMine = there.stage === 'filling' && there.place === place
    if (there.stage === 'filling' && !isMine)
      throw new Error(
        `${rowsPlace(target)} waits for the rest of ${there.place}; restore that, or name another place.`,
      )
    if (!isMine && (there.stage !== undefined || (await hasOrganizations(session))))
      throw inUse(rowsPlace(target))
    if (owner === undefined && !(await isEmpty(to))) throw inUse(bytesPlaceInWords(target))
    await noteMove(session, { stage: 'filling', place })
    if ((await to.claim(storeId)) !== storeId) throw inUse(bytesPlaceInWords(target))
    return session
  } catch (error) {
    await session.close()
    throw error
  }
}

function inUse(place: string): Error {
  return new Error(
    `There is an installation, or a part of one, in ${place} already; a backup is restored to an empty place only, in which no server has started yet.`,
  )
}

async function isEmpty(blobs: BlobStore): Promise<boolean> {
  for await (const _ of blobs.list()) return false
  return true
}

/** @returns an installation with the rows of the backup alone */
async function copyDatabase({ folder, target }: Restore): Promise<Config> {
  const work = folderConfig(target, join(target.dataDir, WORK))
  await rm(work.dataDir, { recursive: true, force: true })
  const from = join(folder, 'entrepot.db')
  await requireRoom(target.dataDir, (await stat(from)).size)
  await mkdir(work.dataDir, { mode: 0o700 })
  await copyFile(from, join(work.dataDir, 'entrepot.db'))
  return work
}

/** What SQLite says of a damaged database names no file, or the copy, which is gone by then. */
async function toldOfBackup<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isDamage(error)) throw error
    const path = join(folder, 'entrepot.db')
    throw new Error(`${path} is damaged; restore another backup to another place.`, { cause: error })
  }
}

async function copyBytes(
  { folder, target }: Restore,
  work: Config,
  to: BlobStore,
  progress: CopyProgress,
): Promise<BlobPass> {
  const metadata = await openMetadata(work, () => undefined)
  return closingAfter(
    () => metadata.close(),
    async () => {
      const { blobs: from } = await openBlobs(
        folderConfig(target, folder),
        new FairBudget(target.memoryBytes),
      )
      const copier = await BlobCopier.start({ metadata, from, to })
      const missingBytes = await copier.missingBytes()
      if (!(await to.hasRoomFor(missingBytes)))
        throw new Error(
          `There is no room for ${missingBytes} bytes in ${bytesPlaceInWords(target)}; make room, or name another place.`,
        )
      progress.willCopy(missingBytes)
      const pass = await copier.pass((bytes) => progress.onBytes(bytes))
      await copier.removeStrangers()
      return pass
    },
  )
}

async function copyAllRows(
  { folder, target }: Restore,
  work: Config,
  to: DatabaseSession,
  manifest: BackupManifest,
  progress: CopyProgress,
): Promise<CopiedRows> {
  const from = await openSession(work)
  return closingAfter(from.close, async () => {
    // All rows come in one transaction, and so are in the log of SQLite first.
    if (target.databaseUrl === undefined) await requireRoom(target.dataDir, 2 * (await databaseBytes(from)))
    return copyRows(from, to, {
      installation: { moveStage: 'settled', movePlace: bytesPlace(target) },
      endsLeases: true,
      onRows: (bytes) => progress.onRows(bytes),
      judge: (copied) => requireWritten(folder, manifest, copied),
    })
  })
}

/** @throws Error if they are not the rows that were written; of another schema they have other columns */
function requireWritten(folder: string, manifest: BackupManifest, copied: CopiedRows): void {
  for (const [table, { rows, sha256 }] of Object.entries(manifest.tables)) {
    const found = copied[table as keyof CopiedRows]
    const isSame = found?.rows === rows && (manifest.schema !== schema || found.sha256 === sha256)
    if (!isSame)
      throw new Error(
        `The rows of ${table} in ${folder} are not those that were written; a server ran on it, or its disk is broken. Restore another backup to another place.`,
      )
  }
}
