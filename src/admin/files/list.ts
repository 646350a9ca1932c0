import type { Caller } from '../../core/caller.ts'
import { stateAt } from '../../core/files/file.ts'
import { pageFiles } from '../../core/files/page-files.ts'
import type { FileCursor } from '../../core/ports/metadata-store.ts'
import type { Services } from '../../core/services.ts'
import { printPageToken } from '../../http/page-token.ts'
import { placeOf, type RequestedPage } from './requests.ts'
import { projectOf, toFileBody } from './wire.ts'

/** A page ends behind the file with which its text is this long: the labels of one file alone may take 270 KiB. */
const MAX_PAGE_CHARACTERS = 4 * 1024 * 1024
/** Records that are read, and held, together. */
const FILES_AT_ONCE = 200

/** The JSON of a page. @throws ServiceError `field-invalid` for a cursor of another list */
export async function printPage(
  services: Services,
  caller: Caller,
  projectId: string,
  { name, state, order, limit, after }: RequestedPage,
): Promise<string> {
  const boundTo = [projectId, state, order, name ?? null]
  let place: FileCursor | undefined = after === undefined ? undefined : placeOf(after, boundTo)
  const project = await projectOf(services, caller, projectId)
  const texts: string[] = []
  let characters = 0
  let hasMore = true
  for (let left = limit; hasMore && left > 0 && characters < MAX_PAGE_CHARACTERS; left -= FILES_AT_ONCE) {
    const found = await pageFiles(services, caller, {
      projectId,
      state,
      filter: name === undefined ? {} : { nameContains: name },
      order: [{ field: 'createdAt', descending: order === 'desc' }],
      limit: Math.min(left, FILES_AT_ONCE),
      withTotal: false,
      ...(place === undefined ? {} : { after: place }),
    })
    hasMore = found.hasMore
    const now = services.clock.now()
    for (const [index, file] of found.files.entries()) {
      place = file
      if (stateAt(file, now) !== state) continue
      const text = JSON.stringify(toFileBody(file, project, now))
      texts.push(text)
      characters += text.length
      if (characters < MAX_PAGE_CHARACTERS) continue
      hasMore ||= index + 1 < found.files.length
      break
    }
  }
  // The order is by creation alone, and names may be long.
  const next = hasMore && place ? printPageToken({ ...place, name: '' }, boundTo) : null
  return `{"files":[${texts.join(',')}],"next":${JSON.stringify(next)}}`
}
