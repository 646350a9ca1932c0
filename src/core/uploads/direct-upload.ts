import { createHash } from 'node:crypto'
import { ServiceError } from '../errors.ts'
import { type FileRecord, hasBytes } from '../files/file.ts'
import type { Digests } from '../incoming-body.ts'
import type { BlobKey, DirectUpload, StoreDigests } from '../ports/blob-store.ts'
import type { Change } from '../ports/changes.ts'
import { SECOND_MS } from '../ports/clock.ts'
import type { Services } from '../services.ts'
import { ReceivedBytes } from './receive-bytes.ts'
import { requireSize } from './receive-upload.ts'

/** A client that replaces its bytes again and again while they are taken has to come back. */
const MAX_LOOKS = 3
/** Stores look at the time of a URL when a request begins, and then let it last. */
const SLOWEST_BYTES_PER_SECOND = 64 * 1024

/** Where a client puts the bytes of an upload; the id of a file is no key of a blob, which are random. */
export function stagingKeyOf({ id }: Pick<FileRecord, 'id'>): BlobKey {
  return id.replaceAll('-', '')
}

/** What a URL of the store has to ask of the client's PUT. Undefined: that PUT has to come to us, which it alone stores. */
export function directUploadOf(file: FileRecord): DirectUpload | undefined {
  const { sizeBytes, mimeType, writeOnce, expectedSha256, uploadMaxBytes } = file
  return uploadMaxBytes === null
    ? { sizeBytes, mimeType, sha256: expectedSha256, once: writeOnce }
    : undefined
}

/**
 * To be committed with a new upload: what clients will put is removed once its URL is over and the slowest PUT that it
 * admitted, and once more later. From here on nothing that is left behind is unknown.
 */
export function expectStaged({ blobs, clock }: Services, file: FileRecord): Change[] {
  const upload = directUploadOf(file)
  if (!upload || !blobs.direct?.takes(upload) || file.uploadExpiresAt === null) return []
  const longestPutMs = (file.sizeBytes / SLOWEST_BYTES_PER_SECOND) * SECOND_MS
  const lifetimeMs = file.uploadExpiresAt - file.createdAt
  const collectAfter = Math.ceil(clock.machineNow() + lifetimeMs + (blobs.lateWriteMs ?? 0) + longestPutMs)
  return [{ kind: 'blob.release', blob: { key: stagingKeyOf(file), collectAfter, mayComeLate: true } }]
}

/**
 * Makes what a client has put to the store itself a blob of ours, which the client has no URL for. Undefined if there is
 * nothing of that kind. Whoever gets it owns it.
 * @throws ServiceError `size-mismatch`, before anything is copied; `state-conflict` if the client keeps replacing it
 */
export async function takeStaged(services: Services, file: FileRecord): Promise<ReceivedBytes | undefined> {
  const { direct } = services.blobs
  if (direct === undefined || hasBytes(file) || !directUploadOf(file)) return undefined
  const staged = stagingKeyOf(file)
  for (let look = 1; look <= MAX_LOOKS; look++) {
    const body = await direct.findStaged(staged)
    if (body === undefined) return undefined
    requireSize(file, body.sizeBytes)
    const { organizationId, sizeBytes } = file
    const size = { atLeast: sizeBytes, atMost: sizeBytes }
    const taken = new ReceivedBytes(services, { organizationId, size })
    const isTaken = await taken.fillBy(async (key) => {
      const known = await direct.promote(staged, body, key)
      return known && { sizeBytes, ...(await wholeDigests(services, key, known)) }
    })
    if (isTaken) return taken
  }
  throw new ServiceError('state-conflict', 'The bytes of this upload are still being replaced; try again.')
}

/** For stores that cannot tell the SHA-256 of what they hold: every file has one. */
async function wholeDigests(
  { blobs }: Services,
  key: BlobKey,
  known: StoreDigests,
): Promise<Omit<Digests, 'sizeBytes'>> {
  if (known.sha256 !== null) return { sha256: known.sha256, md5: known.md5 }
  const [sha256, md5] = [createHash('sha256'), createHash('md5')]
  for await (const chunk of await blobs.open(key)) {
    sha256.update(chunk)
    md5.update(chunk)
  }
  return { sha256: sha256.digest('hex'), md5: md5.digest('hex') }
}
