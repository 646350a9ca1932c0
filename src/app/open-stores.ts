import { join } from 'node:path'
import { DiskBlobStore } from '../blobs/disk/disk-blob-store.ts'
import { Spool } from '../blobs/s3/spool.ts'
import type { Config } from '../config/config.ts'
import type { S3Settings } from '../config/s3.ts'
import { closingAfter } from '../core/closing.ts'
import { FairBudget } from '../core/limits/fair-budget.ts'
import type { BlobStore } from '../core/ports/blob-store.ts'
import { SECOND_MS } from '../core/ports/clock.ts'
import type { MetadataStore } from '../core/ports/metadata-store.ts'
import type { Policy, Services } from '../core/services.ts'
import type { WatchCall } from '../core/watch-call.ts'
import type { DatabaseSession } from '../metadata/migrations/migrate.ts'
import { tryLockDataFolder } from '../metadata/sqlite/data-folder-lock.ts'
import { openSqliteMetadataStore, openSqliteSession, readSqlite } from '../metadata/sqlite/sqlite.ts'
import { noteMove } from '../move/shut.ts'
import { claimBytes, requireFolder, requireHere } from './bytes-place.ts'
import { makeDataFolder } from './data-folder.ts'
import { requireKind } from './emulation.ts'
import { requireInstallation } from './installation.ts'

/** Bytes, and what is worth a line in the log about where they are. */
interface OpenBlobs {
  readonly blobs: BlobStore
  readonly storage: Readonly<Record<string, unknown>> | undefined
}

/** Rows and bytes of one installation, opened together and belonging together. */
export interface Stores extends OpenBlobs {
  readonly metadata: MetadataStore
  readonly policy: Policy
}

export interface WatchStores {
  readonly database?: WatchCall
  readonly s3?: WatchCall
  readonly disk?: WatchCall | undefined
}

export interface OpenStores {
  /** Makes a new installation where `findInstallation` found none. Without it nothing is made anywhere. */
  readonly makes: boolean
  readonly onFatal: (error: unknown) => void
  /** What bodies on their way take. */
  readonly memory?: FairBudget
  /** Told of calls; see `WatchCall`. */
  readonly watch?: WatchStores
}

/**
 * Opens the stores of an installation. Works beside a running server.
 * @throws Error in one sentence if there is none, one of the stores cannot be used, or the two do not belong together
 */
export async function openStores(config: Config, options: OpenStores): Promise<Stores> {
  const { makes, onFatal, memory = new FairBudget(config.memoryBytes), watch = {} } = options
  if (makes) await makeDataFolder(config.dataDir)
  else await requireInstallation(config)
  const metadata = await openMetadata(config, onFatal, watch.database)
  try {
    requireHere(config, await metadata.move())
    await requireKind(config, metadata, makes)
    if (!makes) await requireFolder(config, metadata)
    const wantedDiskBytes = metadata.wantedDiskBytes?.bind(metadata)
    const { blobs, storage } = await openBlobs(config, memory, watch, wantedDiskBytes)
    await claimBytes(config, metadata, blobs, makes)
    return { metadata, blobs, storage, policy: policyOf(config) }
  } catch (error) {
    // Why the stores cannot be used is what has to be told.
    await metadata.close().catch(() => undefined)
    throw error
  }
}

/**
 * Forms of this size take the database 0.8 of the time of a blob on SQLite and half on PostgreSQL (two cores, disk, 32 clients).
 * On PostgreSQL 64 KiB would be faster, too, but replicas and backups carry every byte.
 */
const INLINE_BYTES = { sqlite: 65_536, postgres: 16_384 }

function policyOf({ touchOn, fidelity, collect, inlineBytes, databaseUrl }: Config): Policy {
  const { downloadSeconds, leaseSeconds } = collect
  return {
    touchOn,
    fidelity,
    inlineBytes: inlineBytes ?? INLINE_BYTES[databaseUrl === undefined ? 'sqlite' : 'postgres'],
    downloadGraceMs: downloadSeconds * SECOND_MS,
    writeLeaseMs: leaseSeconds * SECOND_MS,
  }
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

export async function openSession({ dataDir, databaseUrl }: Config): Promise<DatabaseSession> {
  if (databaseUrl === undefined) return openSqliteSession(dataDir)
  const { openPostgresSession } = await import('../metadata/postgres/postgres.ts')
  return openPostgresSession(databaseUrl.reveal())
}

/** Of a database that is there, of whatever release; nothing is written. */
export async function readSession({ dataDir, databaseUrl }: Config): Promise<DatabaseSession> {
  if (databaseUrl === undefined) return readSqlite(dataDir)
  const { readPostgres } = await import('../metadata/postgres/postgres.ts')
  return readPostgres(databaseUrl.reveal())
}

export async function openMetadata(
  { dataDir, databaseUrl, diskReserveBytes }: Config,
  onFatal: (error: unknown) => void,
  watch?: WatchCall,
): Promise<MetadataStore> {
  if (databaseUrl === undefined)
    return openSqliteMetadataStore({ dataDir, onFatal, reserveBytes: diskReserveBytes, watch })
  const { openPostgresMetadataStore } = await import('../metadata/postgres/postgres.ts')
  return openPostgresMetadataStore(databaseUrl.reveal(), watch)
}

/** @param wantedByOthers bytes of the disk that the database needs at this moment */
export async function openBlobs(
  { dataDir, diskReserveBytes, spoolBytes, collect, s3, accelRedirect }: Config,
  memory: FairBudget,
  watch: WatchStores = {},
  wantedByOthers?: () => number,
): Promise<OpenBlobs> {
  const room = { reserveBytes: diskReserveBytes, wantedByOthers }
  if (s3 === undefined) {
    const blobs = await DiskBlobStore.open(dataDir, {
      ...room,
      proxyPrefix: accelRedirect,
      watch: watch.disk,
    })
    return { blobs, storage: undefined }
  }
  // Loaded only where it is asked for: the SDK takes a third of a second and 40 MiB.
  const { S3BlobStore } = await import('../blobs/s3/s3-blob-store.ts')
  const { credentials, direct, ...location } = s3
  const spool = await Spool.open(join(dataDir, 'spool'), { maxBytes: spoolBytes, ...room })
  const blobs = await S3BlobStore.open(
    { ...location, credentials: credentials && revealed(credentials) },
    { memory, spool },
    { direct, watch: watch.s3, lateWriteMs: collect.lateSeconds * SECOND_MS },
  )
  const { bucket, endpoint, prefix } = s3
  return { blobs, storage: { bucket, endpoint, prefix, directTransfer: direct, ...blobs.abilities } }
}

function revealed({ accessKeyId, secretAccessKey, sessionToken }: NonNullable<S3Settings['credentials']>) {
  const token = sessionToken?.reveal()
  return { accessKeyId, secretAccessKey: secretAccessKey.reveal(), ...(token ? { sessionToken: token } : {}) }
}
