import type { Caller } from '../caller.ts'
import type { IncomingBody } from '../incoming-body.ts'
import type { Services } from '../services.ts'
import { receive } from '../uploads/receive-bytes.ts'
import type { Alongside } from '../uploads/start-upload.ts'
import { createFile, type ExpiryRule } from './create-file.ts'
import type { FileRecord } from './file.ts'
import { readBytes } from './read-bytes.ts'
import { readStoredFile } from './read-file.ts'

/** Checked by the surface: its own limits and names of fields apply. */
export interface CopyFile {
  /** One that the caller may use. */
  readonly projectId: string
  /** Default: that of the source. */
  readonly name?: string | undefined
  /** Makes a body of bytes that are read from the stores: counted, and compared with the digest of the source. */
  readonly toBody: (bytes: AsyncIterable<Uint8Array>) => IncomingBody
}

/**
 * Stores the bytes of a file that was read a moment ago once more, as a file of its own. It keeps purpose, labels, description, type
 * and visibility. The external id and the alias stay with the source, because each may have to be the only one. Its end follows the
 * source's rule, counted from now; an instant stays that instant. Every call makes a new file.
 * @throws ServiceError `file-not-found` if the source has ended meanwhile; `quota-exceeded`, `storage-full`; those of `toBody`.
 *   Nothing is kept then.
 */
export async function copyFile(
  services: Services,
  caller: Caller,
  source: FileRecord,
  { projectId, name, toBody }: CopyFile,
  alongside?: Alongside,
): Promise<FileRecord> {
  const { organizationId, sizeBytes } = source
  const size = { atLeast: sizeBytes, atMost: sizeBytes }
  const reserve = { organizationId, projectId, files: 1, bytes: sizeBytes }
  const body = toBody(readBytes(services, source))
  await using received = await receive(services, { organizationId, size, reserve }, body)
  // Bytes outlive their file for a while.
  const now = await readStoredFile(services, caller, source.id)
  const { mimeType, purpose, description, labels, visibility, lineCount } = now
  const kept = { mimeType, purpose, description, labels, visibility, lineCount }
  const input = { ...kept, projectId, name: name ?? now.name, externalId: null, expiry: ruleOf(now) }
  return await createFile(services, caller, input, received, alongside)
}

function ruleOf({ expiryPolicy, expiresAt, ttlDays }: FileRecord): ExpiryRule {
  if (expiresAt === null || expiryPolicy === 'never') return { policy: 'never' }
  if (expiryPolicy === 'at') return { policy: 'at', at: expiresAt }
  return { policy: expiryPolicy, ttlDays }
}
