import type { MetadataStore } from '../ports/metadata-store.ts'

/** The number of blobs is right to some 1.4 % then. */
const SAMPLE = 5000
const PAGE = 500
/** Of a key, as many digits as a number holds exactly. */
const DIGITS = 13

/** What files point at, but for bytes that the database holds. */
export interface BlobEstimate {
  readonly blobs: number
  readonly bytes: number
  /** Whether all were looked at. */
  readonly isExact: boolean
}

/**
 * Number and bytes of all blobs, from the first 5,000 in the order of their keys: keys are random, so these are a random
 * sample, and how far they reach tells how many there are.
 */
export async function estimateBlobs(
  metadata: Pick<MetadataStore, 'listReferencedBlobs'>,
): Promise<BlobEstimate> {
  let [blobs, bytes, last] = [0, 0, '']
  while (blobs < SAMPLE) {
    const page = await metadata.listReferencedBlobs(last, PAGE)
    blobs += page.length
    bytes += page.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    last = page.at(-1)?.key ?? last
    if (page.length < PAGE) return { blobs, bytes, isExact: true }
  }
  const share = Number.parseInt(last.slice(0, DIGITS), 16) / 16 ** DIGITS
  return { blobs: Math.round(blobs / share), bytes: Math.round(bytes / share), isExact: false }
}
