import type { FileFilter, FilePage } from '../ports/metadata-store.ts'
import type { Services } from '../services.ts'
import type { FileRecord } from './file.ts'

export interface PageFiles extends FilePage {
  /** One that the caller may use. */
  readonly projectId: string
  readonly filter: Pick<FileFilter, 'ids' | 'name' | 'externalId'>
  readonly withTotal: boolean
}

export interface FilesPage {
  readonly files: readonly FileRecord[]
  /** Whether there are files behind these. */
  readonly hasMore: boolean
  /** All that match, if asked for. */
  readonly total: number | undefined
}

/** Stored files of one project, in any order, from a cursor on. */
export async function pageFiles({ metadata, clock }: Services, input: PageFiles): Promise<FilesPage> {
  const { projectId, withTotal, limit, order, after } = input
  const filter = { ...input.filter, projectId, states: ['stored'], visibleAt: clock.now() } as const
  const page = { order, limit: limit + 1, ...(after === undefined ? {} : { after }) }
  const [files, total] = await Promise.all([
    metadata.pageFiles(filter, page),
    withTotal ? metadata.countFiles(filter) : undefined,
  ])
  return { files: files.slice(0, limit), hasMore: files.length > limit, total }
}
