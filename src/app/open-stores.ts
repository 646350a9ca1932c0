import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { DiskBlobStore } from '../blobs/disk/disk-blob-store.ts'
import { Spool } from '../blobs/s3/spool.ts'
import type { Config } from '../config/config.ts'
import type { S3Settings } from '../config/reader.ts'
import { closingAfter } from '../core/closing.ts'
import { FairBudget } from '../core/limits/fair-budget.ts'
import type { BlobStore } from '../core/ports/blob-store.ts'
import { SECOND_MS } from '../core/ports/clock.ts'
import type { MetadataStore } from '../core/ports/metadata-store.ts'
import type { MoveState } from '../core/ports/move.ts'
import type { Policy, Services } from '../core/services.ts'
import type { WatchCall } from '../core/watch-call.ts'
import type { DatabaseSession } from '../metadata/migrations/migrate.ts'
import { openPostgresMetadataStore, openPostgresSession } from '../metadata/postgres/postgres.ts'
import { tryLockDataFolder } from '../metadata/sqlite/data-folder-lock.ts'
import { openSqliteMetadataStore, openSqliteSession } from '../metadata/sqlite/sqlite.ts'
import { noteMove } from '../move/shut.ts'
import { makeDataFolder } from './data-folder.ts'
import { requireInstallation } from './installation.ts'

/** Rows and bytes of one installation, opened together and belonging together. */
export interface Stores {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  /** What is worth a line in the log about where the bytes are. */
  readonly storage: Readonly<Record<string, unknown>> | undefined
  readonly policy: Policy
}

/** Who is told of the calls that go over a network. */
export interface StoreWatch {
  readonly database?: WatchCall
  readonly s3?: WatchCall
}

export interface OpenStores {
  /** Makes a new installation where `findInstallation` found none. Without it nothing is made anywhere. */
  readonly makes: boolean
  readonly onFatal: (error: unknown) => void
  /** What bodies on their way take. */
  readonly memory?: FairBudget
  readonly watch?: StoreWatch
}

/**
 * Opens the stores of an installation. Works beside a running server.
 * @throws Error in one sentence if there is none, one of the stores cannot be used, or the two do not belong together
 */
export async function openStores(config: Config, options: OpenStores): Promise<Stores> {
  const { dataDir } = config
  const { makes, onFatal, memory = new FairBudget(config.memoryBytes), watch = {} } = options
  if (makes) await makeDataFolder(config.dataDir)
  else await requireInstallation(config)
  const metadata = await openMetadata(config, onFatal, watch.database)
  try {
    requireHere(config, await metadata.move())
    if (!makes) await requireFolder(config, metadata)
    const wantedDiskBytes = metadata.wantedDiskBytes?.bind(metadata)
    const { blobs, storage } = await openBlobs(config, memory, watch.s3, wantedDiskBytes)
    const id = await metadata.storeId()
    if (config.s3) await checkFolder(dataDir, placeOf(config.s3))
    if (!makes && (await blobs.owner()) === undefined) throw await bytesMissing(config, metadata)
    if (config.databaseUrl) await requireKnownPlace(config, metadata, blobs)
    const owner = await blobs.claim(id)
    if (owner !== id) throw new Error(ofTwoInstallations(config, owner))
    if (config.s3 && makes) await tellFolder(config, id)
    return { metadata, blobs, storage, policy: policyOf(config) }
  } catch (error) {
    // Why the stores cannot be used is what has to be told.
    await metadata.close().catch(() => undefined)
    throw error
  }
}

function policyOf({ touchOn, collect }: Config): Policy {
  const { downloadSeconds, leaseSeconds } = collect
  return { touchOn, downloadGraceMs: downloadSeconds * SECOND_MS, writeLeaseMs: leaseSeconds * SECOND_MS }
}

/**
 * Whoever comes to a database that others use has to find their bytes: only for the first one is an empty place the right one.
 * @throws Error in one sentence
 */
async function requireKnownPlace(config: Config, metadata: MetadataStore, blobs: BlobStore): Promise<void> {
  const here = bytesHere(config)
  const hasOwner = (await blobs.owner()) !== undefined
  const isUsed = (await metadata.listReferencedBlobs(undefined, 1)).length > 0
  const isRight = hasOwner || !isUsed
  if (isRight && (await metadata.bytesPlace()) === undefined)
    await metadata.commit([{ kind: 'bytes-place.note', place: here }])
  // Of several that come first at the same time one is.
  const first = await metadata.bytesPlace()
  if (hasOwner || (isRight && first === here)) return
  throw await bytesMissing(config, metadata)
}

/** Whether bytes on disk have been in this folder. Makes nothing. @throws Error in one sentence if not */
export async function requireFolder(config: Config, metadata: MetadataStore): Promise<void> {
  if (!config.s3 && !existsSync(join(config.dataDir, 'STORE'))) throw await bytesMissing(config, metadata)
}

/** Says where the files of the database are not, and where they may be. */
async function bytesMissing(config: Config, metadata: MetadataStore): Promise<Error> {
  const here = bytesHere(config)
  const first = await metadata.bytesPlace()
  return new Error(
    first === undefined || first === here
      ? `The files of the database are not ${inWords(here)}; start with the settings for where they are, or put them back with their file STORE.`
      : `The files of the database are kept ${inWords(first)}, and there are none ${inWords(here)}; let all servers share one data folder or bucket, or move the files (docs/operating.md).`,
  )
}

function bytesHere({ s3, dataDir }: Config): string {
  return s3 ? placeOf(s3) : `disk ${hostname()}:${dataDir}`
}

/** A move may have gone elsewhere, or come here. @throws Error in one sentence unless the installation is here */
function requireHere(config: Config, move: MoveState | undefined): void {
  if (move === undefined) return
  const { stage, place } = move
  if (stage === 'arriving')
    throw new Error(
      'An installation is being moved to this database; finish that first (entrepot migrate-storage --finish).',
    )
  if (stage === 'leaving')
    throw new Error(
      `The installation is being moved to ${place}; finish that, or give it up (entrepot migrate-storage --abandon).`,
    )
  if (stage === 'left')
    throw new Error(`The installation was moved to ${place}; start with the settings for that.`)
  if (place !== bytesPlace(config))
    throw new Error(
      `The files of this database are kept ${inWords(place)}; start with the settings for that.`,
    )
}

/**
 * Lets changes in again once a server starts where the bytes are now. Commands do not: as long as none did, servers that
 * know only the old place may be running.
 */
export async function settleMove(config: Config, metadata: MetadataStore): Promise<void> {
  const move = await metadata.move()
  if (move?.stage !== 'bytes-left') return
  const session = await openSession(config)
  await closingAfter(session.close, () => noteMove(session, { ...move, stage: 'settled' }))
}

/** What a database remembers of where its bytes were moved to. */
export function bytesPlace({ s3 }: Config): string {
  return s3 ? placeOf(s3) : 'disk'
}

function inWords(place: string): string {
  return place.startsWith('S3 ') ? `in ${place}` : `on ${place}`
}

/** Notes in the data folder where the bytes are, whatever it said before. */
export async function tellFolder({ dataDir, s3 }: Config, storeId: string): Promise<void> {
  await writeFile(join(dataDir, 'STORE'), `${s3 ? placeOf(s3) : storeId}\n`, { mode: 0o600 })
}

type LeaseHolder = Pick<Services, 'metadata' | 'blobs' | 'clock'>

/**
 * Ends what the last server of a data folder held, which is gone if its lock is free. Servers that share a database are told
 * apart by their nodes instead. Does nothing while a server runs.
 */
export async function endDeadLeases({ dataDir, databaseUrl }: Config, services: LeaseHolder): Promise<void> {
  const lock = databaseUrl === undefined ? tryLockDataFolder(dataDir) : undefined
  if (lock === undefined) return
  try {
    await endLeases(services)
  } finally {
    lock.release()
  }
}

/** Only for who holds the lock of the data folder. What a dead process was receiving goes once it can no longer turn up. */
export async function endLeases({ metadata, blobs, clock }: LeaseHolder): Promise<void> {
  await metadata.commit([{ kind: 'leases.end', now: clock.machineNow() + (blobs.lateWriteMs ?? 0) }])
}

export function openSession({ dataDir, databaseUrl }: Config): Promise<DatabaseSession> {
  return databaseUrl === undefined ? openSqliteSession(dataDir) : openPostgresSession(databaseUrl.reveal())
}

export function openMetadata(
  { dataDir, databaseUrl }: Config,
  onFatal: (error: unknown) => void,
  watch?: WatchCall,
): Promise<MetadataStore> {
  if (databaseUrl === undefined) return openSqliteMetadataStore({ dataDir, onFatal })
  return openPostgresMetadataStore(databaseUrl.reveal(), watch)
}

export async function openBlobs(
  { dataDir, diskReserveBytes, spoolBytes, collect, s3 }: Config,
  memory: FairBudget,
  watch?: WatchCall,
  wantedByOthers?: () => number,
): Promise<Pick<Stores, 'blobs' | 'storage'>> {
  const room = { reserveBytes: diskReserveBytes, wantedByOthers }
  if (s3 === undefined) {
    return { blobs: await DiskBlobStore.open(dataDir, room), storage: undefined }
  }
  // Loaded only where it is asked for: the SDK takes a third of a second and 40 MiB.
  const { S3BlobStore } = await import('../blobs/s3/s3-blob-store.ts')
  const { credentials, direct, ...location } = s3
  const reached = { ...location, credentials: credentials && revealed(credentials) }
  const spool = await Spool.open(join(dataDir, 'spool'), {
    maxBytes: spoolBytes,
    ...room,
  })
  const blobs = await S3BlobStore.open(
    reached,
    { memory, spool },
    {
      direct,
      watch,
      lateWriteMs: collect.lateSeconds * SECOND_MS,
    },
  )
  const { bucket, endpoint, prefix } = s3
  return { blobs, storage: { bucket, endpoint, prefix, directTransfer: direct, ...blobs.abilities } }
}

function revealed({ accessKeyId, secretAccessKey, sessionToken }: NonNullable<S3Settings['credentials']>) {
  const token = sessionToken?.reveal()
  return { accessKeyId, secretAccessKey: secretAccessKey.reveal(), ...(token ? { sessionToken: token } : {}) }
}

/** What the folder's `STORE` says where the bytes are in a bucket; on disk it says the id of the installation. */
function placeOf({ bucket, prefix }: S3Settings): string {
  return `S3 ${bucket}/${prefix}`
}

/** No start looks for the bytes in a bucket if they are in the folder, or in another bucket. */
async function checkFolder(dataDir: string, place: string): Promise<void> {
  const found = await readFile(join(dataDir, 'STORE'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return place
    throw error
  })
  if (found.trim() === place) return
  const where = found.startsWith('S3 ') ? `in ${found.trim()}` : 'on disk'
  throw new Error(
    `The files of the database in ${dataDir} are kept ${where}; start with the settings for that, or move them (docs/s3.md).`,
  )
}

function ofTwoInstallations({ dataDir, s3 }: Config, owner: string): string {
  if (s3 !== undefined)
    return `The bucket "${s3.bucket}" holds the files of another installation than the database; use another bucket or ENTREPOT_S3_PREFIX.`
  if (owner.startsWith('S3 '))
    return `The files of the database are kept in ${owner}; set ENTREPOT_S3_BUCKET.`
  return `The database and the files in ${dataDir} are of two installations; put back the ones that belong together.`
}
