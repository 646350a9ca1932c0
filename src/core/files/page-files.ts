import { isAtLeast } from '../access/keys.ts'
import type { Caller } from '../caller.ts'
import { type Listed, listed } from '../listed.ts'
import type { FileFilter, FileOrder, FilePage } from '../ports/metadata-store.ts'
import type { Services } from '../services.ts'
import { traced } from '../trace.ts'
import type { FileRecord } from './file.ts'

/** As most vendors list files. Ties are broken by the id, in the same direction. */
export const NEWEST_FIRST: FileOrder = [{ field: 'createdAt', descending: true }]

const STORED = { states: ['stored'] } as const
const OPEN_UPLOADS = { states: ['pending'], openUploads: true } as const

export interface PageFiles extends FilePage {
  /** One that the caller may use. */
  readonly projectId: string
  readonly filter: Omit<FileFilter, 'projectId' | 'states' | 'visibleAt' | 'subject' | 'openUploads'>
  readonly withTotal: boolean
}

export interface FilesPage extends Listed<FileRecord> {
  /** All that match, if asked for. */
  readonly total: number | undefined
}

/** Files of one project that the caller sees, in any order, from a cursor or an offset on; 10,000 at most. */
export const pageFiles = traced('pageFiles', page)

async function page(
  { metadata, clock }: Services,
  caller: Caller,
  { projectId, withTotal, filter: given, ...page }: PageFiles,
): Promise<FilesPage> {
  const { limit } = page
  const filter = { ...given, ...ofCaller(caller, projectId), ...STORED, visibleAt: clock.now() }
  const [found, total] = await Promise.all([
    metadata.pageFiles(filter, { ...page, limit: limit + 1 }),
    withTotal ? metadata.countFiles(filter) : undefined,
  ])
  return { ...listed(found, limit), total }
}

export interface PageProjects extends Omit<PageFiles, 'projectId' | 'offset' | 'withTotal'> {
  /** Ones that the caller may use. */
  readonly projectIds: readonly string[]
  /** Default: `stored`; `pending`: uploads whose time is not over. */
  readonly state?: 'stored' | 'pending'
}

/** As `pageFiles`, of several projects in one order. */
export const pageProjects = traced('pageFiles', pageOfSeveral)

async function pageOfSeveral(
  { metadata, clock }: Services,
  caller: Caller,
  { projectIds, state = 'stored', filter: given, ...page }: PageProjects,
): Promise<Listed<FileRecord>> {
  const { limit } = page
  const states = state === 'stored' ? STORED : OPEN_UPLOADS
  const filter = { ...given, ...seenBy(caller), ...states, visibleAt: clock.now() }
  return listed(await metadata.pageFilesOf(projectIds, filter, { ...page, limit: limit + 1 }), limit)
}

/** The files of a project that the caller sees. */
export function ofCaller(caller: Caller, projectId: string): Pick<FileFilter, 'projectId' | 'subject'> {
  return { projectId, ...seenBy(caller) }
}

function seenBy({ role, subject }: Caller): Pick<FileFilter, 'subject'> {
  return isAtLeast(role, 'admin') ? {} : { subject: subject.id }
}
