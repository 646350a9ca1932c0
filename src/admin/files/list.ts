import { resolveProject } from '../../core/access/admit.ts'
import type { Project } from '../../core/access/tenants.ts'
import type { Caller } from '../../core/caller.ts'
import { type FileRecord, stateAt } from '../../core/files/file.ts'
import { pageProjects } from '../../core/files/page-files.ts'
import type { FileCursor } from '../../core/ports/metadata-store.ts'
import type { Services } from '../../core/services.ts'
import { ALL_PROJECTS, orderFields, type RequestedPage } from './list-request.ts'
import { placeOf, printPlace } from './place.ts'
import { projectOf } from './wire.ts'

/** A page ends behind the file with which its text is this long: the labels of one file alone may take 270 KiB. */
const MAX_PAGE_CHARACTERS = 4 * 1024 * 1024
/** Records that are read, and held, together. */
const FILES_AT_ONCE = 200

/** What a page is of, and how each of it is printed. */
export interface ListKind {
  readonly noun: 'files' | 'uploads'
  toBody(file: FileRecord, project: Project, now: number): unknown
}

/** The JSON of a page. @throws ServiceError `project-forbidden`; `field-invalid` for a cursor of another list */
export async function printPage(
  services: Services,
  caller: Caller,
  asked: RequestedPage,
  { noun, toBody }: ListKind,
): Promise<string> {
  const { state, filter, sort, order, limit, after, told } = asked
  const projects = await projectsOf(services, caller, asked.project)
  const boundTo = [asked.project === ALL_PROJECTS ? ALL_PROJECTS : [...projects.keys()], ...told]
  let place: FileCursor | undefined
  if (after !== undefined) place = await placeOf(services, caller, after, sort, boundTo)
  let next: string | null = null
  const texts: string[] = []
  let characters = 0
  let hasMore = true
  const isRoom = () => texts.length < limit && characters < MAX_PAGE_CHARACTERS
  while (hasMore && isRoom()) {
    const found = await pageProjects(services, caller, {
      projectIds: [...projects.keys()],
      state,
      filter,
      order: [{ field: orderFields[sort], descending: order === 'desc' }],
      limit: Math.min(limit - texts.length, FILES_AT_ONCE),
      ...(place === undefined ? {} : { after: place }),
    })
    hasMore = found.hasMore
    const now = services.clock.now()
    for (const [index, file] of found.items.entries()) {
      place = file
      next = printPlace(file, sort, boundTo)
      const project = projects.get(file.projectId)
      if (project === undefined || stateAt(file, now) !== state) continue
      const text = JSON.stringify(toBody(file, project, now))
      texts.push(text)
      characters += text.length
      if (isRoom()) continue
      hasMore ||= index + 1 < found.items.length
      break
    }
  }
  return `{"${noun}":[${texts.join(',')}],"next":${JSON.stringify(hasMore ? next : null)}}`
}

/** By their ids. */
async function projectsOf(
  services: Services,
  caller: Caller,
  project: string | undefined,
): Promise<ReadonlyMap<string, Project>> {
  if (project !== ALL_PROJECTS) {
    const id = await resolveProject(services, caller, { project, organization: undefined })
    return new Map([[id, await projectOf(services, caller, id)]])
  }
  const usable = new Set(caller.projectIds)
  const all = await services.metadata.listProjects(caller.organizationId)
  return new Map(all.filter(({ id }) => usable.has(id)).map((each) => [each.id, each]))
}
