import { bytesPlace, bytesPlaceInWords, requireFolder, tellFolder } from '../app/bytes-place.ts'
import { makeDataFolder } from '../app/data-folder.ts'
import { refuseEmulators } from '../app/emulation.ts'
import { hasRows, refuseForeignDatabase, requireInstallation, rowsPlace } from '../app/installation.ts'
import { openBlobs, openMetadata, openSession } from '../app/open-stores.ts'
import type { Config } from '../config/config.ts'
import { closingAfter } from '../core/closing.ts'
import { FairBudget } from '../core/limits/fair-budget.ts'
import type { DatabaseSession } from '../metadata/migrations/migrate.ts'
import { lockMove } from '../metadata/sqlite/data-folder-lock.ts'
import type { CopyProgress } from './backup.ts'
import { BlobCopier, type BlobPass, type CopiedStores } from './copy-blobs.ts'
import { type CopiedRows, copyRows } from './copy-rows.ts'
import { hasOrganizations, type InstallationRow, stateOf } from './move-state.ts'
import { noteMove } from './shut.ts'
import { atTarget } from './target-error.ts'

/** What goes where; at least one of the two. */
export interface MovePlan {
  readonly source: Config
  readonly target: Config
  readonly rows: { readonly from: string; readonly to: string } | undefined
  readonly bytes: { readonly from: string; readonly to: string } | undefined
}

/** With the rows if they were copied now. */
export interface MoveReport extends BlobPass {
  readonly finished: boolean
  readonly rows?: CopiedRows | undefined
}

/** @throws Error if there is no installation at the source; in one sentence if there is nothing to move, or no way to */
export async function planMove(source: Config, target: Config): Promise<MovePlan> {
  await requireInstallation(source)
  const rows = moved(rowsPlace(source), rowsPlace(target))
  const bytes = moved(bytesPlaceInWords(source), bytesPlaceInWords(target))
  if (!rows && !bytes)
    throw new Error(
      'The target is where the installation is; name another one by ENTREPOT_TO_DATABASE_URL, --to-s3-bucket or --to-data-dir.',
    )
  if (!rows && !source.s3 && !target.s3)
    throw new Error('Bytes are moved from disk to disk by copying the data folder, with the servers stopped.')
  return { source, target, rows, bytes }
}

/**
 * Copies the bytes while servers go on, and with `finish` moves the installation: from then on the source takes no commits,
 * until servers run on the target. Can be killed at any moment and run again, with or without `finish`.
 * Bytes that are missing or are not those of their row are reported, and nothing is finished then.
 * @throws Error in one sentence if source or target cannot be used
 */
export async function moveStorage(
  plan: MovePlan,
  finish: boolean,
  progress: CopyProgress,
): Promise<MoveReport> {
  const lock = lockMove(plan.source.dataDir)
  const opened = new AsyncDisposableStack()
  opened.defer(() => lock.release())
  return closingAfter(
    () => opened.disposeAsync(),
    async () => run(await openMove(plan, opened), finish, progress),
  )
}

/** Lets the source take commits again. @throws Error if the target has the rows already, or nothing is being moved */
export async function abandonMove({ source, target, rows }: MovePlan): Promise<void> {
  const session = await openSession(source)
  await closingAfter(session.close, async () => {
    const { stage } = await stateOf(session)
    if (stage !== 'leaving') throw new Error('There is no unfinished move to give up.')
    if (rows && (await hasArrived(target, await stateOf(session))))
      throw new Error('The target has all rows already; finish the move (entrepot migrate-storage --finish).')
    await noteMove(session, undefined)
  })
}

async function hasArrived(target: Config, { storeId }: InstallationRow): Promise<boolean> {
  if (!(await atTarget(() => hasRows(target)))) return false
  const session = await atTarget(() => openSession(target))
  const there = await closingAfter(session.close, () => stateOf(session))
  return there.storeId === storeId && there.stage === 'settled'
}

interface Move {
  readonly plan: MovePlan
  readonly source: DatabaseSession
  /** Undefined if the rows stay. */
  readonly target: DatabaseSession | undefined
  /** Undefined if the bytes stay. */
  readonly copied: CopiedStores | undefined
  readonly storeId: string
}

async function openMove(plan: MovePlan, opened: AsyncDisposableStack): Promise<Move> {
  const { source: sourceConfig, target: targetConfig } = plan
  const source = await openSession(sourceConfig)
  opened.defer(() => source.close())
  const { storeId, stage, place } = await stateOf(source)
  if (stage === 'left' || stage === 'bytes-left')
    throw new Error(`The installation was moved to ${place} already.`)
  if (stage === 'arriving')
    throw new Error('An installation is being moved to this database; it cannot leave before.')
  if (stage === 'leaving' && place !== placeOf(plan))
    throw new Error(`The installation is being moved to ${place}; finish that first, or give it up.`)
  const metadata = await openMetadata(sourceConfig, () => undefined)
  opened.defer(() => metadata.close())
  await refuseEmulators(metadata, 'moved')
  if (plan.bytes) await requireFolder(sourceConfig, metadata)
  const target = await atTarget(async () => {
    if (plan.rows) await refuseForeignDatabase(targetConfig)
    await makeDataFolder(targetConfig.dataDir)
    return plan.rows && openSession(targetConfig)
  })
  if (target) opened.defer(() => target.close())
  const memory = new FairBudget(sourceConfig.memoryBytes)
  if (!plan.bytes) return { plan, source, target, copied: undefined, storeId }
  const { blobs: from } = await openBlobs(sourceConfig, memory)
  const { blobs: to } = await atTarget(() => openBlobs(targetConfig, memory))
  const owner = await atTarget(() => to.claim(storeId))
  // A data folder may name the bucket that its bytes are to come back from.
  if (owner !== storeId && owner !== bytesPlace(sourceConfig))
    throw new Error(`The bytes at ${plan.bytes.to} are those of another installation.`)
  return { plan, source, target, copied: { metadata, from, to }, storeId }
}

async function run(move: Move, finish: boolean, progress: CopyProgress): Promise<MoveReport> {
  const { source, plan } = move
  const arrived = await reserveTarget(move)
  if (arrived && !finish) throw new Error('Everything is copied; run this with --finish.')
  if (arrived) return close(move, nothing)
  const copier = move.copied && (await BlobCopier.start(move.copied))
  const first = await copyBytes(copier, progress)
  if (!finish || first.damaged.length > 0) return { ...first, finished: false }
  await noteMove(source, { stage: 'leaving', place: placeOf(plan) })
  const second = await copyBytes(copier, progress)
  if (second.damaged.length > 0) {
    await noteMove(source, undefined)
    return { ...second, finished: false }
  }
  await copier?.removeStrangers()
  const settled = { moveStage: 'settled', movePlace: bytesPlace(plan.target) } as const
  const rows =
    move.target &&
    (await copyRows(source, move.target, {
      installation: settled,
      endsLeases: true,
      onRows: (bytes) => progress.onRows(bytes),
    }))
  return close(move, second, rows)
}

async function copyBytes(copier: BlobCopier | undefined, progress: CopyProgress): Promise<BlobPass> {
  if (copier === undefined) return nothing
  progress.willCopy(await copier.missingBytes())
  return copier.pass((bytes) => progress.onBytes(bytes))
}

const nothing: BlobPass = { copied: 0, copiedBytes: 0, present: 0, presentBytes: 0, damaged: [] }

/**
 * Keeps servers from starting on the target, whose rows may be replaced: it is new, or held this installation before.
 * @returns whether the rows are there already
 */
async function reserveTarget({ target, source, storeId, plan }: Move): Promise<boolean> {
  if (target === undefined) return false
  const there = await stateOf(target)
  if (there.storeId === storeId && there.stage === 'settled' && (await stateOf(source)).stage === 'leaving')
    return true
  const isMine = there.storeId === storeId && (there.stage === 'arriving' || there.stage === 'left')
  if (!isMine && (there.stage !== undefined || (await hasOrganizations(target))))
    throw new Error(`The database ${plan.rows?.to} holds another installation; name an empty one.`)
  await target.run(target.builder.updateTable('installation').set({ storeId }).compile())
  await noteMove(target, { stage: 'arriving', place: plan.rows?.to ?? '' })
  return false
}

/** Each step is safe if it is the last one: the source is marked once the target can start. */
async function close(
  { plan, source, storeId }: Move,
  pass: BlobPass,
  rows?: CopiedRows,
): Promise<MoveReport> {
  if (plan.bytes) await tellFolder(plan.target, storeId)
  const place = plan.rows ? placeOf(plan) : bytesPlace(plan.target)
  await noteMove(source, { stage: plan.rows ? 'left' : 'bytes-left', place })
  return { ...pass, finished: true, rows }
}

function placeOf({ rows, bytes }: MovePlan): string {
  return [rows?.to, bytes?.to].filter((place) => place !== undefined).join(' and ')
}

function moved(from: string, to: string) {
  return from === to ? undefined : { from, to }
}
