import { isStoreError } from '../errors.ts'
import type { BlobKey } from '../ports/blob-store.ts'
import type { Intentions, ReferencedBlob } from '../ports/metadata-store.ts'
import type { UpkeepServices } from '../services.ts'
import { collectBlobs } from './collect-blobs.ts'
import { expireFiles } from './expire-files.ts'
import { freeAbandoned } from './free-abandoned.ts'
import { type DamagedFile, isReferenced, referencedBlobs, segmentedFiles } from './referenced-blobs.ts'

/** What a comparison of rows and bytes found. */
export interface Reconciliation {
  /** Files with bytes. */
  readonly files: number
  /** Their sizes together, as their rows tell. */
  readonly bytes: number
  /** Blobs in the store, unpublished leftovers included. */
  readonly blobs: number
  /** Those of files that have ended, which a job removes later, and of uploads under way. */
  readonly transient: number
  /** Bytes that no row knows of. */
  readonly orphans: readonly BlobKey[]
  /** Rows whose bytes are not as recorded. Reported, never removed: the row is what a backup is matched with. */
  readonly damaged: readonly DamagedFile[]
  /** Orphans removed by this run. */
  readonly removed: number
  /** Blobs being received, whose reservations count against quotas, by the server that does. */
  readonly receiving: readonly Intentions[]
}

/** Hears how far a comparison has come. */
export interface ReconcileProgress {
  /** @param total how many follow, if it is known */
  begins(step: 'blobs listed' | 'blobs looked up' | 'files compared', total?: number): void
  advances(): void
}

const unheard: ReconcileProgress = { begins: () => undefined, advances: () => undefined }

/** Beyond this many orphans and this share of all blobs something is wrong with the installation, not with the bytes. */
const SAFE_ORPHANS = 100
const SAFE_SHARE = 0.01

/**
 * Compares rows and bytes; safe while the service runs. Every blob key is committed before its first byte, so bytes that are
 * listed first and have no row afterwards are garbage for certain.
 * With `repair` it also does the work of the jobs, frees what dead servers were receiving, and removes orphans; nothing else.
 * @throws Error if so many blobs are orphans that the database is probably a wrong or old one
 */
export async function reconcile(
  services: UpkeepServices,
  repair: boolean,
  progress = unheard,
): Promise<Reconciliation> {
  if (repair) await catchUp(services)
  progress.begins('blobs listed')
  const sizes = new Map<BlobKey, number>()
  const unpublished: BlobKey[] = []
  for await (const { key, sizeBytes, published } of services.blobs.list()) {
    if (published) sizes.set(key, sizeBytes)
    else unpublished.push(key)
    progress.advances()
  }
  const orphans: BlobKey[] = []
  progress.begins('blobs looked up', sizes.size + unpublished.length)
  for (const key of [...sizes.keys(), ...unpublished]) {
    if (!(await services.metadata.knowsBlob(key))) orphans.push(key)
    progress.advances()
  }
  const { present, ...checked } = await checkFiles(services, sizes, progress)
  const blobs = sizes.size + unpublished.length
  const transient = blobs - present - orphans.length
  const removed = repair ? await removeOrphans(services, orphans, blobs) : 0
  const receiving = await services.metadata.listIntentions()
  return { ...checked, blobs, transient, orphans, removed, receiving }
}

async function catchUp(services: UpkeepServices): Promise<void> {
  while ((await freeAbandoned(services)) > 0);
  // While the clock is doubted nothing that has ended is removed: see `ClockWatch`.
  if ((await services.metadata.clockTrust()).waitMs > 0) return
  while ((await expireFiles(services)) > 0);
  while ((await collectBlobs(services)) > 0);
}

/** `present`: blobs of files that are among `sizes`. */
async function checkFiles(
  services: UpkeepServices,
  sizes: ReadonlyMap<BlobKey, number>,
  progress: ReconcileProgress,
): Promise<Pick<Reconciliation, 'files' | 'bytes' | 'damaged'> & { readonly present: number }> {
  const damaged: DamagedFile[] = []
  let [files, bytes, present] = [0, 0, 0]
  progress.begins('files compared')
  for await (const blob of referencedBlobs(services.metadata)) {
    progress.advances()
    const sizeBytes = sizes.get(blob.key) ?? (await findSize(services, blob))
    // A file that has ended since its row was read may have lost its bytes.
    if (sizeBytes === undefined && !(await isReferenced(services.metadata, blob))) continue
    if (blob.start === null) files++
    if (blob.start === null) bytes += blob.sizeBytes
    if (sizes.has(blob.key)) present++
    const { fileId, key: blobKey } = blob
    if (sizeBytes === undefined) damaged.push({ fileId, blobKey, reason: 'bytes missing' })
    else if (sizeBytes !== blob.sizeBytes) damaged.push({ fileId, blobKey, reason: 'wrong size' })
  }
  for await (const { id: fileId, blobSizeBytes, segmentBytes, end } of segmentedFiles(services.metadata)) {
    progress.advances()
    files++
    bytes += blobSizeBytes ?? 0
    if (segmentBytes !== (blobSizeBytes ?? 0) || end !== segmentBytes)
      damaged.push({ fileId, blobKey: null, reason: 'segments missing' })
  }
  return { files, bytes, damaged, present }
}

/** A file that was stored after the blobs were listed is not damaged: ask for its bytes themselves. */
async function findSize(
  { blobs }: UpkeepServices,
  { key, sizeBytes }: ReferencedBlob,
): Promise<number | undefined> {
  try {
    ;(await blobs.open(key)).destroy()
    return sizeBytes
  } catch (error) {
    if (isStoreError(error, 'missing')) return undefined
    throw error
  }
}

async function removeOrphans(
  { blobs }: UpkeepServices,
  orphans: readonly BlobKey[],
  total: number,
): Promise<number> {
  if (orphans.length > SAFE_ORPHANS && orphans.length > total * SAFE_SHARE) {
    throw new Error(
      `${orphans.length} of ${total} blobs have no row. That many point to a wrong or old database; nothing was removed.`,
    )
  }
  for (const key of orphans) await blobs.delete(key)
  return orphans.length
}
