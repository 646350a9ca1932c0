import { mkdir } from 'node:fs/promises'
import { DiskBlobStore } from './blobs/disk-blob-store.ts'
import type { Config } from './config.ts'
import type { BlobStore } from './core/blob-store.ts'
import type { MetadataStore } from './core/metadata-store.ts'
import { openPostgresMetadataStore } from './metadata/postgres.ts'
import { openSqliteMetadataStore } from './metadata/sqlite.ts'

/** Rows and bytes of one installation, opened together and belonging together. */
export interface Stores {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
}

/**
 * Opens the stores, making what is missing. Works beside a running server.
 * @throws Error in one sentence if one cannot be used, or the two do not belong together
 */
export async function openStores(config: Config, onFatal: (error: unknown) => void): Promise<Stores> {
  const { dataDir, diskReserveBytes } = config
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const metadata = await openMetadata(config, onFatal)
  const blobs = await DiskBlobStore.open(
    dataDir,
    diskReserveBytes === undefined ? {} : { reserveBytes: diskReserveBytes },
  )
  const id = await metadata.storeId()
  if ((await blobs.claim(id)) === id) return { metadata, blobs }
  await metadata.close()
  throw new Error(
    `The database and the files in ${dataDir} are of two installations; put back the ones that belong together.`,
  )
}

function openMetadata(
  { dataDir, databaseUrl }: Config,
  onFatal: (error: unknown) => void,
): Promise<MetadataStore> {
  if (databaseUrl === undefined) return openSqliteMetadataStore({ dataDir, onFatal })
  return openPostgresMetadataStore(databaseUrl.reveal())
}
