import type { Caller } from '../../core/caller.ts'
import type { Services } from '../../core/services.ts'
import { listUploads } from '../../core/uploads/list-uploads.ts'
import { printPageToken } from '../../http/page-token.ts'
import { projectOf } from '../files/wire.ts'
import { placeOf, type RequestedPage } from './requests.ts'
import { toUploadBody } from './wire.ts'

/** A page ends behind the upload with which its text is this long: the labels of one alone may take 270 KiB. */
const MAX_PAGE_CHARACTERS = 4 * 1024 * 1024

/** The JSON of a page. @throws ServiceError `field-invalid` for a cursor of another list */
export async function printPage(
  services: Services,
  caller: Caller,
  projectIds: readonly string[],
  { project, limit, after }: RequestedPage,
): Promise<string> {
  // Of `*` it goes on also where the caller gets another project meanwhile.
  const boundTo = ['uploads', project === '*' ? project : projectIds]
  const place = after === undefined ? {} : { after: placeOf(after, boundTo) }
  const { uploads, hasMore } = await listUploads(services, caller, { projectIds, limit, ...place })
  const ids = [...new Set(uploads.map(({ projectId }) => projectId))]
  const projects = await Promise.all(ids.map((id) => projectOf(services, caller, id)))
  const now = services.clock.now()
  const texts: string[] = []
  let characters = 0
  for (const upload of uploads) {
    if (characters >= MAX_PAGE_CHARACTERS) break
    const project = projects[ids.indexOf(upload.projectId)]
    if (project === undefined) throw new Error('an upload without a project')
    const text = JSON.stringify(toUploadBody(upload, project, now))
    texts.push(text)
    characters += text.length
  }
  const last = hasMore || texts.length < uploads.length ? uploads[texts.length - 1] : undefined
  // The order is by creation alone, and names may be long.
  const next = last === undefined ? null : printPageToken({ ...last, name: '' }, boundTo)
  return `{"uploads":[${texts.join(',')}],"next":${JSON.stringify(next)}}`
}
