import { defaultProject } from '../access/admit.ts'
import type { Caller } from '../caller.ts'
import type { Services } from '../services.ts'
import { traced } from '../trace.ts'
import type { FileState, ListedFile } from './file.ts'
import { ofCaller } from './page-files.ts'

export interface ListFiles {
  readonly states: readonly FileState[]
  readonly offset: number
  readonly limit: number
}

/** A page of the caller's default project, newest first, with the number of all that match. */
export const listFiles = traced('listFiles', list)

async function list(
  { metadata, clock }: Services,
  caller: Caller,
  { states, offset, limit }: ListFiles,
): Promise<{ readonly files: readonly ListedFile[]; readonly total: number }> {
  const filter = { ...ofCaller(caller, defaultProject(caller)), states, visibleAt: clock.now() }
  const [files, total] = await Promise.all([
    metadata.listFiles(filter, { offset, limit }),
    metadata.countFiles(filter),
  ])
  return { files, total }
}
