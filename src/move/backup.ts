import { isAbsolute, relative, resolve, sep } from 'node:path'
import { sql } from 'kysely'
import { bytesPlaceInWords } from '../app/bytes-place.ts'
import { refuseEmulators } from '../app/emulation.ts'
import { rowsPlace } from '../app/installation.ts'
import { openBlobs, openMetadata, openSession, openStores } from '../app/open-stores.ts'
import type { Config } from '../config/config.ts'
import { closingAfter } from '../core/closing.ts'
import { FairBudget } from '../core/limits/fair-budget.ts'
import type { BlobStore } from '../core/ports/blob-store.ts'
import { systemClock } from '../core/ports/clock.ts'
import { allMigrations } from '../metadata/migrations/migrate.ts'
import { type BackupManifest, beginBackupFolder, completeBackupFolder } from './backup-folder.ts'
import { BlobCopier } from './copy-blobs.ts'
import { type CopiedRows, copyRows } from './copy-rows.ts'
import { databaseBytes, requireRoom } from './room.ts'
import { noteMove } from './shut.ts'

/** Told of how far a copy of an installation has come. */
export interface CopyProgress {
  /** Of text that rows are. */
  onRows(bytes: number): void
  /** Before the first byte of a pass. */
  willCopy(bytes: number): void
  onBytes(bytes: number): void
}

/**
 * Copies the installation as it is at one moment into a data folder of its own, SQLite and blobs, while servers go on: first
 * all rows in one snapshot, then the bytes that they point at, which nobody removes meanwhile. Blobs are compared with their
 * SHA-256 as they are copied. Can be killed at any moment and run again: the rows are then taken anew, and the blobs that
 * are there already stay.
 * @returns what the folder holds; files whose bytes the source has not as recorded are in it without them
 * @throws Error in one sentence if the folder or the installation cannot be used
 */
export async function makeBackup(
  source: Config,
  folder: string,
  progress: CopyProgress,
): Promise<BackupManifest> {
  requireOutside(folder, source.dataDir)
  const opened = new AsyncDisposableStack()
  return closingAfter(
    () => opened.disposeAsync(),
    async () => {
      const { metadata, blobs } = await openStores(source, { makes: false, onFatal: () => undefined })
      opened.defer(() => metadata.close())
      await refuseEmulators(metadata, 'backed up')
      const lock = await beginBackupFolder(folder)
      opened.defer(() => lock.release())
      const hold = await metadata.holdCollection()
      opened.defer(() => hold.release())
      const clock = (await metadata.sharedClock?.()) ?? systemClock
      const madeAt = new Date(clock.now()).toISOString()
      const copy = folderConfig(source, folder)
      const tables = await copySnapshot(source, copy, progress)
      const bytes = await copyBytes(blobs, copy, progress)
      hold.requireHeld()
      const places = { rowsFrom: rowsPlace(source), bytesFrom: bytesPlaceInWords(source) }
      const manifest = { state: 'complete', madeAt, ...places, schema, tables, ...bytes } as const
      await settle(copy)
      await completeBackupFolder(folder, manifest)
      return manifest
    },
  )
}

/** What is lost with the data folder is no backup; and a server removes what it does not know in some of its folders. */
function requireOutside(folder: string, dataDir: string): void {
  const [first = ''] = relative(resolve(dataDir), resolve(folder)).split(sep)
  if (first === '' || first === '..' || isAbsolute(first)) return
  throw new Error(`${folder} is in the data folder; name one outside, best on another disk.`)
}

/** Of the database of a backup that this release makes. */
export const schema = allMigrations.length

/** An installation in this folder, SQLite and disk, with no reserve but what the disk has. */
export function folderConfig(config: Config, folder: string): Config {
  return { ...config, dataDir: folder, databaseUrl: undefined, s3: undefined, diskReserveBytes: 0 }
}

async function copySnapshot(source: Config, copy: Config, progress: CopyProgress): Promise<CopiedRows> {
  const from = await openSession(source)
  return closingAfter(from.close, async () => {
    await requireRoom(copy.dataDir, await databaseBytes(from))
    const to = await openSession(copy)
    return closingAfter(to.close, async () => {
      const filling = { stage: 'filling', place: rowsPlace(source) } as const
      await noteMove(to, filling)
      // A log would take as much room again, since all rows come in one transaction.
      await to.run(sql`pragma journal_mode = delete`.compile(to.builder))
      const installation = { moveStage: filling.stage, movePlace: filling.place }
      const onRows = (bytes: number) => progress.onRows(bytes)
      return from.snapshot(() => copyRows(from, to, { installation, endsLeases: false, onRows }))
    })
  })
}

async function copyBytes(from: BlobStore, copy: Config, progress: CopyProgress) {
  const metadata = await openMetadata(copy, () => undefined)
  return closingAfter(
    () => metadata.close(),
    async () => {
      const { blobs: to } = await openBlobs(copy, new FairBudget(copy.memoryBytes))
      const id = await metadata.storeId()
      await to.claim(id)
      const copier = await BlobCopier.start({ metadata, from, to })
      const missingBytes = await copier.missingBytes()
      await requireRoom(copy.dataDir, missingBytes)
      progress.willCopy(missingBytes)
      const pass = await copier.pass((bytes) => progress.onBytes(bytes))
      await copier.removeStrangers()
      const [blobs, bytesOfBlobs] = [pass.copied + pass.present, pass.copiedBytes + pass.presentBytes]
      return { id, blobs, bytesOfBlobs, damaged: pass.damaged }
    },
  )
}

/** Servers may start on it. */
async function settle(copy: Config): Promise<void> {
  const session = await openSession(copy)
  await closingAfter(session.close, () => noteMove(session, undefined))
}
