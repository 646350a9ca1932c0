import { createHash, type Hash } from 'node:crypto'
import { isStoreError, StoreError } from '../errors.ts'
import type { FileRecord } from '../files/file.ts'
import { readSegment } from '../files/read-bytes.ts'
import type { ReferencedBlob, SegmentedFile } from '../ports/metadata-store.ts'
import type { Services } from '../services.ts'
import { hasSegment, listAllSegments, segmentsAndParts } from './file-segments.ts'
import {
  type DamagedFile,
  eachOf,
  isReferenced,
  referencedBlobs,
  segmentedFiles,
} from './referenced-blobs.ts'

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

type ByteStores = Pick<Services, 'metadata' | 'blobs'>
type OnRead = (bytes: number) => Promise<void>

/**
 * Reads the bytes of every file and compares size and SHA-256 with the row, and each segment with its own; safe while the service
 * runs. Memory does not grow with the number of files or their size, but for what is damaged.
 * @param onRead hears of each chunk that was read; the next one waits for it
 * @throws StoreError `unavailable` if a store is away
 */
export async function verifyBytes(stores: ByteStores, onRead: OnRead): Promise<Verification> {
  const damaged: WrongBytes[] = []
  let [files, bytes] = [0, 0]
  const count = (findings: Findings | undefined) => {
    if (findings === undefined) return
    files++
    bytes += findings.bytes
    damaged.push(...findings.damaged)
  }
  await eachOf(referencedBlobs(stores.metadata), async (blob) => {
    if (blob.start === null) count(await verifyBlob(stores, blob, onRead))
  })
  await eachOf(segmentedFiles(stores.metadata), async (file) => {
    count(await verifySegmented(stores, file, onRead))
  })
  return { files, bytes, damaged }
}

/** What was read of a file, and what is wrong with it. */
interface Findings {
  readonly bytes: number
  readonly damaged: readonly WrongBytes[]
}

/** @returns undefined if the file has ended since its row was read: it may have lost its bytes */
async function verifyBlob(
  stores: ByteStores,
  blob: ReferencedBlob,
  onRead: OnRead,
): Promise<Findings | undefined> {
  const { fileId, key: blobKey, sizeBytes, sha256 } = blob
  const read = await readAll(
    stores,
    opened(() => stores.blobs.open(blobKey)),
    onRead,
  )
  const wrong = compare({ fileId, blobKey }, { sizeBytes, sha256 }, read)
  if (wrong && !(await isReferenced(stores.metadata, blob))) return undefined
  return { bytes: bytesOf(read), damaged: wrong ? [wrong] : [] }
}

/**
 * Damage is what two readings find: the file may have been joined during the first.
 * @returns undefined if it has ended meanwhile or become a blob, or changes all the time
 */
async function verifySegmented(
  stores: ByteStores,
  listed: SegmentedFile,
  onRead: OnRead,
): Promise<Findings | undefined> {
  const first = await verifySegments(stores, listed, onRead)
  if (first?.damaged.length === 0) return first
  const now = await stores.metadata.findFile(listed.id)
  if (now === undefined || now.layout === 'blob') return undefined
  return verifySegments(stores, now, onRead)
}

/** @returns undefined if one of its segments was no longer there */
async function verifySegments(
  stores: ByteStores,
  { id: fileId, sha256, blobSizeBytes }: Pick<FileRecord, 'id' | 'sha256' | 'blobSizeBytes'>,
  onRead: OnRead,
): Promise<Findings | undefined> {
  // A file that is whole has no parts any more.
  const list = sha256 === null ? segmentsAndParts : listAllSegments
  const segments = await list(stores.metadata, fileId)
  const whole = createHash('sha256')
  const damaged: WrongBytes[] = []
  let [bytes, wholeBytes] = [0, 0]
  for (const segment of segments) {
    const isPlaced = segment.start >= 0
    const read = await readAll(
      stores,
      readSegment(stores, fileId, segment),
      onRead,
      isPlaced ? whole : undefined,
    )
    const wrong = compare({ fileId, blobKey: segment.blobKey }, segment, read)
    if (wrong && !(await hasSegment(stores.metadata, fileId, segment))) return undefined
    if (wrong) damaged.push(wrong)
    bytes += bytesOf(read)
    if (isPlaced) wholeBytes += bytesOf(read)
  }
  if (sha256 !== null && blobSizeBytes !== null && damaged.length === 0) {
    const found = { sizeBytes: wholeBytes, sha256: whole.digest('hex') }
    const wrong = compare({ fileId, blobKey: null }, { sizeBytes: blobSizeBytes, sha256 }, found)
    if (wrong) damaged.push(wrong)
  }
  return { bytes, damaged }
}

type Read = Fingerprint | 'bytes missing' | 'bytes unreadable'

function bytesOf(read: Read): number {
  return typeof read === 'object' ? read.sizeBytes : 0
}

function compare(
  of: Pick<DamagedFile, 'fileId' | 'blobKey'>,
  { sizeBytes, sha256 }: Fingerprint,
  read: Read,
): WrongBytes | undefined {
  const found = typeof read === 'object' ? read : null
  if (found?.sizeBytes === sizeBytes && found.sha256 === sha256) return undefined
  const reason =
    typeof read === 'string' ? read : read.sizeBytes === sizeBytes ? 'wrong SHA-256' : 'wrong size'
  return { ...of, reason, expected: { sizeBytes, sha256 }, found }
}

/** A body that is opened when its first chunk is asked for. */
async function* opened(open: () => Promise<AsyncIterable<Uint8Array>>): AsyncGenerator<Uint8Array, void> {
  yield* await open()
}

async function readAll(
  { blobs }: ByteStores,
  body: AsyncIterable<Uint8Array>,
  onRead: OnRead,
  further?: Hash,
): Promise<Read> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  try {
    for await (const chunk of body) {
      hash.update(chunk)
      further?.update(chunk)
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
