import { createHash } from 'node:crypto'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { type FileRecord, hasBytes } from './file.ts'
import { readBytes } from './read-bytes.ts'

/**
 * The MD5 of a file's bytes, lower-case hex; reads the bytes if it was not computed while they came in.
 * @throws StoreError `missing`, `unavailable`
 */
export async function md5Of(services: Services, file: FileRecord): Promise<string> {
  if (file.md5 !== null) return file.md5
  if (!hasBytes(file)) throw new ServiceError('bytes-missing', 'No bytes have been uploaded for this file.')
  const hash = createHash('md5')
  for await (const chunk of readBytes(services, file)) hash.update(chunk)
  return hash.digest('hex')
}
