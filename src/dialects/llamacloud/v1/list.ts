import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { type FilesPage, pageFiles } from '../../../core/files/page-files.ts'
import type { FileCursor } from '../../../core/ports/metadata-store.ts'
import type { Services } from '../../../core/services.ts'
import { NEWEST_FIRST } from '../paging.ts'
import { toFileBody } from './wire.ts'

/** The most that the store gives at a time. */
const PAGE_FILES = 1000

type ReadPage = (after?: FileCursor) => Promise<FilesPage>

/**
 * All stored files of a project, newest first, as one JSON array: this version does not divide it into pages. What is more
 * than the store gives at a time is read while it is sent.
 */
export async function sendAll(services: Services, projectId: string, reply: FastifyReply): Promise<unknown> {
  const all = { projectId, filter: {}, withTotal: false, order: NEWEST_FIRST, limit: PAGE_FILES }
  const read: ReadPage = (after) => pageFiles(services, after === undefined ? all : { ...all, after })
  // Read before an answer begins, so that a store that is away can still be told.
  const first = await read()
  if (!first.hasMore) return first.files.map(toFileBody)
  reply.type('application/json; charset=utf-8')
  return reply.send(Readable.from(print(first, read), { objectMode: false }))
}

async function* print(first: FilesPage, read: ReadPage): AsyncGenerator<string, void> {
  let separator = '['
  for (let page = first; ; page = await read(page.files.at(-1))) {
    yield separator + page.files.map((file) => JSON.stringify(toFileBody(file))).join(',')
    separator = ','
    if (!page.hasMore) break
  }
  yield ']'
}
