import { createHash } from 'node:crypto'
import { isStoreError, StoreError } from '../errors.ts'
import type { BlobKey, BlobStore } from '../ports/blob-store.ts'
import type { Services } from '../services.ts'
import { type DamagedFile, eachReferencedBlob, isReferenced } from './referenced-blobs.ts'

export interface Fingerprint {
  readonly sizeBytes: number
  /** Lower-case hex. */
  readonly sha256: string
}

/** A file whose bytes are not those of its row. */
export interface WrongBytes extends DamagedFile {
  readonly expected: Fingerprint
  /** Null if there are none, or they cannot be read to their end. */
  readonly found: Fingerprint | null
}

export interface Verification {
  /** Whose bytes were read. */
  readonly files: number
  readonly bytes: number
  readonly damaged: readonly WrongBytes[]
}

/**
 * Reads the bytes of every file and compares size and SHA-256 with the row; safe while the service runs. Memory does not grow
 * with the number of files or their size, but for what is damaged.
 * @param onRead hears of each chunk that was read; the next one waits for it
 * @throws StoreError `unavailable` if a store is away
 */
export async function verifyBytes(
  services: Pick<Services, 'metadata' | 'blobs'>,
  onRead: (bytes: number) => Promise<void>,
): Promise<Verification> {
  const { metadata, blobs } = services
  const damaged: WrongBytes[] = []
  let [files, bytes] = [0, 0]
  await eachReferencedBlob(metadata, async (blob) => {
    const { fileId, key: blobKey, sizeBytes, sha256 } = blob
    const read = await readBytes(blobs, blobKey, onRead)
    const found = typeof read === 'object' ? read : null
    const reason = typeof read === 'object' ? difference(blob, read) : read
    // A file that has ended since its row was read may have lost its bytes.
    if (reason !== undefined && !(await isReferenced(metadata, blob))) return
    files++
    bytes += found?.sizeBytes ?? 0
    if (reason) damaged.push({ fileId, blobKey, reason, expected: { sizeBytes, sha256 }, found })
  })
  return { files, bytes, damaged }
}

function difference(expected: Fingerprint, found: Fingerprint): 'wrong size' | 'wrong SHA-256' | undefined {
  if (found.sizeBytes !== expected.sizeBytes) return 'wrong size'
  return found.sha256 === expected.sha256 ? undefined : 'wrong SHA-256'
}

async function readBytes(
  blobs: BlobStore,
  key: BlobKey,
  onRead: (bytes: number) => Promise<void>,
): Promise<Fingerprint | 'bytes missing' | 'bytes unreadable'> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  try {
    for await (const chunk of await blobs.open(key)) {
      hash.update(chunk)
      sizeBytes += chunk.byteLength
      await onRead(chunk.byteLength)
    }
  } catch (error) {
    if (isStoreError(error, 'missing')) return 'bytes missing'
    if (!(error instanceof StoreError)) throw error
    // Unreadable bytes are a finding. A store that is away is not, and fails here, too.
    await blobs.owner()
    return 'bytes unreadable'
  }
  return { sizeBytes, sha256: hash.digest('hex') }
}
