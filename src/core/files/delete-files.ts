import type { Caller } from '../caller.ts'
import { isStoreError } from '../errors.ts'
import type { FileId } from '../file-id.ts'
import type { UsageOf } from '../ports/changes.ts'
import type { Services } from '../services.ts'
import { traced } from '../trace.ts'
import { deleteStoredOrPending, ending } from './delete-file.ts'
import type { FileRecord } from './file.ts'
import { fileNotFound, readAllStoredOrPending } from './read-file.ts'

/** Other commits wait for one of these for some milliseconds. */
const FILES_AT_ONCE = 100

/** What became of one of the ids, as it was sent; undefined: its file is deleted. */
export interface Deletion {
  readonly id: string
  readonly error: unknown
}

/**
 * As `deleteStoredOrPending`, of each of these ids by itself: none keeps another from being deleted. An id that names the same
 * file as one before it finds nothing.
 */
export const deleteFiles = traced('deleteFiles', deleteAll)

async function deleteAll(
  services: Services,
  caller: Caller,
  idTexts: readonly string[],
): Promise<readonly Deletion[]> {
  const found = await readAllStoredOrPending(services, caller, idTexts)
  const failures = new Map<FileId, unknown>()
  const files = [...found.values()]
  for (let first = 0; first < files.length; first += FILES_AT_ONCE)
    await deleteTogether(services, caller, files.slice(first, first + FILES_AT_ONCE), failures)
  const told = new Set<FileId>()
  return idTexts.map((id) => {
    const file = services.parseFileId(id)
    if (file === undefined || !found.has(file) || told.has(file)) return { id, error: fileNotFound(id) }
    told.add(file)
    return { id, error: failures.get(file) }
  })
}

/** In one commit if none of them has changed meanwhile. */
async function deleteTogether(
  services: Services,
  caller: Caller,
  files: readonly FileRecord[],
  failures: Map<FileId, unknown>,
): Promise<void> {
  const usages = usageBy(files).map((usage) => ({ kind: 'usage.add', usage }) as const)
  try {
    await services.metadata.commit([...files.flatMap((file) => ending(services, caller, file)), ...usages])
  } catch (error) {
    const mayGoAlone = isStoreError(error, 'conflict') || isStoreError(error, 'full')
    for (const { id } of files) {
      if (mayGoAlone) await deleteStoredOrPending(services, caller, id).catch((own) => failures.set(id, own))
      else failures.set(id, error)
    }
  }
}

/** What the files no longer count, of each project in one change. */
function usageBy(files: readonly FileRecord[]): readonly UsageOf[] {
  return Object.values(Object.groupBy(files, ({ projectId }) => projectId)).flatMap((ofProject = []) => {
    const [first] = ofProject
    if (first === undefined) return []
    const { organizationId, projectId } = first
    const bytes = ofProject.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    return [{ organizationId, projectId, files: -ofProject.length, bytes: -bytes }]
  })
}
