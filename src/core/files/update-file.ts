import type { Caller } from '../caller.ts'
import { isStoreError } from '../errors.ts'
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
 * Changes a stored file, but not its bytes and type. The last of several updates wins.
 * @throws ServiceError `file-not-found`; `field-invalid` as of `changeExpiry`; `scope-missing` for callers who may not read the answer
 */
export const updateFile = traced('updateFile', update)

async function update(
  services: Services,
  caller: Caller,
  idText: string,
  { expiry, ...given }: UpdateFile,
): Promise<FileRecord> {
  for (;;) {
    const file = await readStoredFile(services, caller, idText)
    requireReader(caller, file)
    const patch: FilePatch = {
      ...given,
      ...(expiry === undefined ? {} : changeExpiry(file, expiry)),
      updatedAt: services.clock.now(),
      updatedBy: caller.subject.id,
    }
    try {
      const guard = { state: 'stored', expiresAt: file.expiresAt } as const
      await services.metadata.commit([{ kind: 'file.update', id: file.id, guard, patch }])
      return { ...file, ...patch }
    } catch (error) {
      // Deleted, expired or touched meanwhile: read it again.
      if (!isStoreError(error, 'conflict')) throw error
    }
  }
}
