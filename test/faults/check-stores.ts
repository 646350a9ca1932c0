import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { openStores, type Stores } from '../../src/app/open-stores.ts'
import { loadConfig } from '../../src/app/settings.ts'
import type { Environment } from '../../src/config/setting.ts'
import { DAY_MS } from '../../src/core/ports/clock.ts'
import type { ReferencedBlob } from '../../src/core/ports/metadata-store.ts'
import type { UpkeepServices } from '../../src/core/services.ts'
import { type Reconciliation, reconcile } from '../../src/core/upkeep/reconcile.ts'
import type { Finding } from './finding.ts'

const PAGE = 500

/** Opens the stores of a folder whose server does not run; with `settings`, those that they name. */
export async function withStores<T>(
  dataDir: string,
  work: (stores: Stores) => Promise<T>,
  settings: Environment = {},
): Promise<T> {
  const config = loadConfig({ ENTREPOT_DATA_DIR: dataDir, ENTREPOT_DISK_RESERVE_BYTES: '0', ...settings })
  const stores = await openStores(config, { makes: false, onFatal: (error) => console.error(error) })
  try {
    return await work(stores)
  } finally {
    await stores.metadata.close()
  }
}

/** Does now what the jobs would have done once every lease and every upload is over. */
export async function reconcileAhead(dataDir: string, settings: Environment = {}): Promise<Reconciliation> {
  return withStores(
    dataDir,
    async (stores) => {
      const first = await reconcile(servicesAhead(stores, 2), true)
      // What may come late is removed once more, some time after the first removal.
      const second = await reconcile(servicesAhead(stores, 3), true)
      return { ...second, orphans: [...first.orphans, ...second.orphans] }
    },
    settings,
  )
}

function servicesAhead(stores: Stores, days: number): UpkeepServices {
  const ahead = () => Date.now() + days * DAY_MS
  return { ...stores, clock: { now: ahead, machineNow: ahead } }
}

/**
 * Compares rows and bytes without the help of the code that wrote them: the rows are read from the database, the bytes
 * from the folder. Every row needs its bytes, and every byte a row.
 */
export async function checkStores(dataDir: string): Promise<Finding[]> {
  const rows = await withStores(dataDir, referencedBlobs)
  const sizes = await blobSizes(join(dataDir, 'blobs'))
  const findings: Finding[] = []
  for (const name of await readdir(join(dataDir, 'staging')))
    findings.push({ kind: 'staging-left', detail: name })
  for (const { key, fileId, sizeBytes, sha256 } of rows) {
    const size = sizes.get(key)
    if (size === undefined) findings.push({ kind: 'blob-missing', detail: `of file ${fileId}` })
    else if (size !== sizeBytes)
      findings.push({ kind: 'blob-size', detail: `of file ${fileId}: ${size}, not ${sizeBytes}` })
    else if ((await sha256Of(blobPath(dataDir, key))) !== sha256)
      findings.push({ kind: 'blob-content', detail: `of file ${fileId}` })
  }
  const known = new Set(rows.map(({ key }) => key))
  for (const key of sizes.keys()) if (!known.has(key)) findings.push({ kind: 'blob-orphan', detail: key })
  const onDisk = sum([...sizes.values()])
  const inRows = sum(rows.map(({ sizeBytes }) => sizeBytes))
  if (onDisk !== inRows)
    findings.push({ kind: 'sum-differs', detail: `${onDisk} bytes on the disk, ${inRows} in the rows` })
  return findings
}

export function blobPath(dataDir: string, key: string): string {
  return join(dataDir, 'blobs', key.slice(0, 2), key)
}

export async function referencedBlobs({ metadata }: Stores): Promise<ReferencedBlob[]> {
  const all: ReferencedBlob[] = []
  for (;;) {
    const page = await metadata.listReferencedBlobs(all.at(-1)?.key, PAGE)
    all.push(...page)
    if (page.length < PAGE) return all
  }
}

async function blobSizes(folder: string): Promise<Map<string, number>> {
  const sizes = new Map<string, number>()
  for (const shard of await readdir(folder))
    for (const name of await readdir(join(folder, shard)))
      sizes.set(name, (await stat(join(folder, shard, name))).size)
  return sizes
}

async function sha256Of(path: string): Promise<string> {
  const digest = createHash('sha256')
  await pipeline(createReadStream(path), digest)
  return digest.digest('hex')
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
