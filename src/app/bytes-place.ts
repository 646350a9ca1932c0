import { readFile, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import type { BlobStore } from '../core/ports/blob-store.ts'
import type { MetadataStore } from '../core/ports/metadata-store.ts'
import type { MoveState } from '../core/ports/move.ts'

/** What a database remembers of where its bytes were moved to, and the file `STORE` of where they are in a bucket. */
export function bytesPlace({ s3 }: Config): string {
  return s3 ? `S3 ${s3.bucket}/${s3.prefix}` : 'disk'
}

/** For an operator, with the address of the store. */
export function bytesPlaceInWords(config: Config): string {
  if (config.s3 === undefined) return `the disk in ${config.dataDir}`
  const { endpoint } = config.s3
  return endpoint ? `${bytesPlace(config)} at ${endpoint}` : bytesPlace(config)
}

function bytesHere(config: Config): string {
  return config.s3 ? bytesPlace(config) : `disk ${hostname()}:${config.dataDir}`
}

function inWords(place: string): string {
  return place.startsWith('S3 ') ? `in ${place}` : `on ${place}`
}

/** Notes in the data folder where the bytes are, whatever it said before: the bucket, or on disk the id of the installation. */
export async function tellFolder(config: Config, storeId: string): Promise<void> {
  const place = config.s3 ? bytesPlace(config) : storeId
  await writeFile(join(config.dataDir, 'STORE'), `${place}\n`, { mode: 0o600 })
}

/** What the data folder says of where the bytes are; undefined: nothing. */
export async function toldByFolder({ dataDir }: Config): Promise<string | undefined> {
  try {
    return (await readFile(join(dataDir, 'STORE'), 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** A move may have gone elsewhere, or come here. @throws Error in one sentence unless the installation is here */
export function requireHere(config: Config, move: MoveState | undefined): void {
  if (move === undefined) return
  const { stage, place } = move
  if (stage === 'filling')
    throw new Error(
      `This is an unfinished copy of ${place}; run the command again that makes it (entrepot backup or entrepot restore).`,
    )
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

/** What a database has noted of where its first bytes came to. */
type NotedPlace = Pick<MetadataStore, 'bytesPlace'>

/** Whether bytes on disk have been in this folder. Makes nothing. @throws Error in one sentence if not */
export async function requireFolder(config: Config, metadata: NotedPlace): Promise<void> {
  if (!config.s3 && (await toldByFolder(config)) === undefined) throw await bytesMissing(config, metadata)
}

/**
 * Makes sure that these bytes are those of the database. A place that is empty becomes theirs, if it may.
 * @param makes whether an empty place may be the right one
 * @throws Error in one sentence
 */
export async function claimBytes(
  config: Config,
  metadata: MetadataStore,
  blobs: BlobStore,
  makes: boolean,
): Promise<void> {
  if (config.s3) await requireSameBucket(config)
  if (!makes && (await blobs.owner()) === undefined) throw await bytesMissing(config, metadata)
  const id = await metadata.storeId()
  const present = await blobs.owner()
  // Before the database notes that its bytes are here, which would keep it from any other place.
  if (present !== undefined && present !== id) throw ofTwoInstallations(config, present)
  if (config.databaseUrl) await requireKnownPlace(config, metadata, blobs)
  const owner = await blobs.claim(id)
  if (owner !== id) throw ofTwoInstallations(config, owner)
  if (config.s3 && makes) await tellFolder(config, id)
}

/** A bucket is not the place if the bytes are in the folder, or in another bucket. */
export async function requireSameBucket(config: Config): Promise<void> {
  const told = await toldByFolder(config)
  if (told === undefined || told === bytesPlace(config)) return
  const where = told.startsWith('S3 ') ? `in ${told}` : 'on disk'
  throw new Error(
    `The files of the database in ${config.dataDir} are kept ${where}; start with the settings for that, or move them (docs/s3.md).`,
  )
}

/** A server that comes to a database in use has to find its bytes: only the first one may find an empty place. */
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

/** Says where the files of the database are not, and where they may be. */
export async function bytesMissing(config: Config, metadata: NotedPlace): Promise<Error> {
  const here = bytesHere(config)
  const first = await metadata.bytesPlace()
  return new Error(
    first === undefined || first === here
      ? `The files of the database are not ${inWords(here)}; start with the settings for where they are, or put them back with their file STORE.`
      : `The files of the database are kept ${inWords(first)}, and there are none ${inWords(here)}; let all servers share one data folder or bucket, or move the files (docs/operating.md).`,
  )
}

export function ofTwoInstallations({ dataDir, s3 }: Config, owner: string): Error {
  if (s3 !== undefined)
    return new Error(
      `The bucket "${s3.bucket}" holds the files of another installation than the database; use another bucket or ENTREPOT_S3_PREFIX.`,
    )
  return new Error(
    owner.startsWith('S3 ')
      ? `The files of the database are kept in ${owner}; set ENTREPOT_S3_BUCKET.`
      : `The database and the files in ${dataDir} are of two installations; put back the ones that belong together.`,
  )
}
