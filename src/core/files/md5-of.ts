import { createHash } from 'node:crypto'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import type { FileRecord } from './file.ts'

/**
 * The MD5 of a file's bytes, lower-case hex; reads the bytes if it was not computed while they came in.
 * @throws StoreError `missing`, `unavailable`
 */
export async function md5Of({ blobs }: Services, { blobKey, md5 }: FileRecord): Promise<string> {
  if (md5 !== null) return md5
  if (blobKey === null) throw new ServiceError('bytes-missing', 'No bytes have been uploaded for this file.')
  const hash = createHash('md5')
  for await (const chunk of await blobs.open(blobKey)) hash.update(chunk)
  return hash.digest('hex')
}
