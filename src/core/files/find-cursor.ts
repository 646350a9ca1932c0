import type { Caller } from '../caller.ts'
import type { FileCursor } from '../ports/metadata-store.ts'
import type { Services } from '../services.ts'
import { isVisibleTo } from './read-file.ts'

/**
 * Where a listing goes on behind a file, by any form of its id, even if the file has ended since.
 * @returns undefined if there was never such a file that the caller could see
 */
export async function findCursor(
  { metadata, parseFileId }: Services,
  caller: Caller,
  idText: string,
): Promise<FileCursor | undefined> {
  const id = parseFileId(idText)
  const file = id && (await metadata.findFile(id))
  return file && caller.projectIds.includes(file.projectId) && isVisibleTo(file, caller) ? file : undefined
}
