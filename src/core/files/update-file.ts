import type { Caller } from '../caller.ts'
import { isStoreError, ServiceError } from '../errors.ts'
import type { FilePatch } from '../ports/changes.ts'
import type { Services } from '../services.ts'
import { traced } from '../trace.ts'
import { changeExpiry, type ExpiryChange } from './expiry.ts'
import type { FileRecord } from './file.ts'
import { readStoredFile, requireReader } from './read-file.ts'

/** What is absent stays. Checked by the dialect, whose limits and names of fields apply. */
export interface UpdateFile {
  readonly name?: string
  readonly purpose?: string | null
  readonly description?: string
  /** Replaced whole, never merged. */
  readonly labels?: Readonly<Record<string, string>>
  readonly expiry?: ExpiryChange
}

/**
 * Changes a stored file, but not its bytes and type. The last of several updates wins, unless it expects none before it.
 * @param isExpected whether the file, as it is, is the one that the caller has seen; by default any is
 * @throws ServiceError `file-not-found`; `precondition-failed` for a file that is not expected; `field-invalid` as of `changeExpiry`; `scope-missing` for callers who may not read the answer
 */
export const updateFile = traced('updateFile', update)

async function update(
  services: Services,
  caller: Caller,
  idText: string,
  { expiry, ...given }: UpdateFile,
  isExpected?: (file: FileRecord) => boolean,
): Promise<FileRecord> {
  for (;;) {
    const file = await readStoredFile(services, caller, idText)
    requireReader(caller, file)
    if (isExpected?.(file) === false)
      throw new ServiceError('precondition-failed', 'The file was changed after it was read.')
    const now = services.clock.now()
    const patch: FilePatch = {
      ...given,
      ...(expiry === undefined ? {} : changeExpiry(file, expiry)),
      // Of two that expect the same file in one millisecond, the second one finds another.
      updatedAt: isExpected === undefined ? now : Math.max(now, file.updatedAt + 1),
      updatedBy: caller.subject.id,
    }
    try {
      const seen = isExpected === undefined ? {} : { updatedAt: file.updatedAt }
      const guard = { state: 'stored', expiresAt: file.expiresAt, ...seen } as const
      await services.metadata.commit([{ kind: 'file.update', id: file.id, guard, patch }])
      return { ...file, ...patch }
    } catch (error) {
      // Deleted, expired, touched or changed meanwhile: read it again.
      if (!isStoreError(error, 'conflict')) throw error
    }
  }
}
