import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { TestServer } from './harness.ts'
import { query } from './postgres.ts'
import type { S3TestServer } from './s3/server.ts'

/** Bodies that a server holds at this moment, wherever they are. */
export interface KeptBodies {
  /** On their way to the disk or the bucket, or put there for a complete to take them over. */
  readonly staging: readonly string[]
  /** Keys of blobs. */
  readonly blobs: readonly string[]
  /** In the database: ids of files, once for each of their segments there. */
  readonly inline: readonly string[]
}

/** Each list is sorted. */
export async function keptBodies(server: TestServer): Promise<KeptBodies> {
  const inline = await inlineBodies(server)
  if (server.s3) return { ...inBucket(server.s3), inline }
  const filesIn = async (folder: string) => {
    const entries = await readdir(join(server.dataDir, folder), { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
  }
  return { staging: (await filesIn('staging')).sort(), blobs: (await filesIn('blobs')).sort(), inline }
}

function inBucket({ objects, uploads }: S3TestServer): Omit<KeptBodies, 'inline'> {
  const under = (folder: string, names: readonly string[]) =>
    names.filter((name) => name.startsWith(folder)).map((name) => basename(name))
  const whole = [...objects.keys()]
  const coming = [...uploads.values()].map(({ name }) => basename(name))
  return { staging: [...under('staging/', whole), ...coming].sort(), blobs: under('blobs/', whole).sort() }
}

/** Read past everything of the server that caches. */
async function inlineBodies({ dataDir, databaseUrl }: TestServer): Promise<string[]> {
  const text = 'select file_id from segments where blob_key is null order by file_id'
  type Row = { readonly file_id: string }
  if (databaseUrl) return (await query<Row>(databaseUrl, text)).map(({ file_id }) => file_id)
  const database = new DatabaseSync(join(dataDir, 'entrepot.db'), { readOnly: true })
  try {
    return (database.prepare(text).all() as unknown as Row[]).map(({ file_id }) => file_id)
  } finally {
    database.close()
  }
}
