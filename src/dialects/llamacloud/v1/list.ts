import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { pageFiles } from '../../../core/files/page-files.ts'
import type { FileCursor, FileOrder } from '../../../core/ports/metadata-store.ts'
import type { Services } from '../../../core/services.ts'
import { toFileBody } from './wire.ts'

/** The most that the store gives at a time. */
const PAGE_FILES = 1000
const NEWEST_FIRST: FileOrder = [{ field: 'createdAt', descending: true }]

/**
 * All stored files of a project, newest first, as one JSON array: this version does not divide it into pages. What is more
 * than the store gives at a time is read while it is sent.
 */
export async function sendAll(services: Services, projectId: string, reply: FastifyReply): Promise<unknown> {
  // Read before an answer begins, so that a store that is away can still be told.
  const first = await readPage(services, projectId, undefined)
  if (!first.hasMore) return first.files.map(toFileBody)
  reply.type('application/json; charset=utf-8')
  return reply.send(Readable.from(print(services, projectId, first), { objectMode: false }))
}

type Page = Awaited<ReturnType<typeof pageFiles>>

function readPage(services: Services, projectId: string, after: FileCursor | undefined): Promise<Page> {
  const cursor = after === undefined ? {} : { after }
  return pageFiles(services, {
    projectId,
    filter: {},
    withTotal: false,
    order: NEWEST_FIRST,
    limit: PAGE_FILES,
    ...cursor,
  })
}

async function* print(services: Services, projectId: string, first: Page): AsyncGenerator<string, void> {
  let separator = '['
  for (let page = first; ; page = await readPage(services, projectId, page.files.at(-1))) {
    const items = page.files.map((file) => JSON.stringify(toFileBody(file)))
    yield separator + items.join(',')
    separator = ','
    if (!page.hasMore) break
  }
  yield ']'
}
