import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { resolveProject } from '../../core/access/admit.ts'
import type { Caller } from '../../core/caller.ts'
import { ServiceError } from '../../core/errors.ts'
import { deleteFile } from '../../core/files/delete-file.ts'
import type { FileRecord } from '../../core/files/file.ts'
import { servedType } from '../../core/files/inert-type.ts'
import { NEWEST_FIRST, pageFiles } from '../../core/files/page-files.ts'
import { fileNotFound, hasExpired, readStoredFile } from '../../core/files/read-file.ts'
import { touchFile } from '../../core/files/touch-file.ts'
import type { Listed } from '../../core/listed.ts'
import type { FileOrder } from '../../core/ports/metadata-store.ts'
import type { Services } from '../../core/services.ts'
import { sendFile } from '../../http/download.ts'
import { downloadAnswers, operation } from '../../http/operation.ts'
import { printCursor } from './paging.ts'
import { type RequestedPage, readListRequest, readWorkspace, WORKSPACE_HEADER } from './requests.ts'
import * as schemas from './schemas.ts'
import type { AnthropicSettings } from './settings.ts'
import { type FileBody, filenameOf, toDeletedBody, toFileBody, toWorkspaceId, viewOf } from './wire.ts'

/** Below the version. */
export const FILES_PATH = '/files'
export const TAG = 'Files'

/** What every handler of this dialect works with. */
export interface Context {
  readonly server: FastifyInstance
  readonly services: Services
  readonly settings: AnthropicSettings
}

const reads = {
  access: { scope: 'files:read', limit: 'read' },
  failures: ['file-not-found', 'project-forbidden'],
} as const
const downloads = {
  ...reads,
  failures: [...reads.failures, 'not-downloadable', 'range-unsatisfiable'],
} as const
const deletes = {
  access: { scope: 'files:delete', limit: 'write' },
  failures: [...reads.failures, 'storage-full'],
} as const
const searches = {
  access: { scope: 'files:read', limit: 'search' },
  failures: ['field-invalid', 'project-forbidden'],
} as const

/** All operations but the upload. */
export function addRoutes(context: Context): void {
  addList(context)
  addRetrieve(context)
  addContent(context)
  addDelete(context)
}

function addList({ server, services }: Context): void {
  const docs = { ...searches, querystring: schemas.ListQuery, response: { 200: schemas.ListBody } }
  server.get(
    FILES_PATH,
    operation(TAG, 'ListFilesV1FilesGet', 'List files, newest first', docs),
    async (request, reply) => answerList(services, request, reply),
  )
}

const OLDEST_FIRST: FileOrder = [{ field: 'createdAt', descending: false }]

async function answerList(services: Services, request: FastifyRequest, reply: FastifyReply) {
  const { caller, headers, query } = request
  const view = viewOf(headers, caller)
  const project = readWorkspace(headers)
  const projectId = await resolveProject(services, caller, { project, organization: undefined })
  reply.header(WORKSPACE_HEADER, toWorkspaceId(projectId))
  const { parseFileId } = services
  const asked = readListRequest(query, { view, projectId, parseFileId })
  const { items: files, hasMore } = await findFiles(services, caller, projectId, asked)
  const last = files.at(-1)
  const isForwards = typeof asked === 'object' && 'limit' in asked && !asked.isBackwards
  const isContinued = isForwards && !(asked.isById && view.shape === 'managed-agents')
  const nextPage = hasMore && last && isContinued ? printCursor(last) : null
  const data = files.map((file) => toFileBody(file, view))
  return {
    data,
    ...(view.shape === 'general' ? {} : toEnds(data, hasMore)),
    // SDKs of today look for nothing else, also when they ask for the beta.
    ...(view.shape === 'beta' && view.isStrict ? {} : { next_page: nextPage }),
  }
}

async function findFiles(
  services: Services,
  caller: Caller,
  projectId: string,
  asked: ReturnType<typeof readListRequest>,
): Promise<Pick<Listed<FileRecord>, 'items' | 'hasMore'>> {
  if (asked === 'nothing') return { items: [], hasMore: false }
  const common = { projectId, withTotal: false }
  if ('ids' in asked) {
    const { ids } = asked
    return pageFiles(services, caller, { ...common, filter: { ids }, order: NEWEST_FIRST, limit: ids.length })
  }
  const { limit, from, isBackwards }: RequestedPage = asked
  const order = isBackwards ? OLDEST_FIRST : NEWEST_FIRST
  const place = from === undefined ? {} : { after: from }
  const { items, hasMore } = await pageFiles(services, caller, {
    ...common,
    filter: {},
    order,
    limit,
    ...place,
  })
  return { items: isBackwards ? items.toReversed() : items, hasMore }
}

function toEnds(data: readonly FileBody[], hasMore: boolean) {
  return { has_more: hasMore, first_id: data.at(0)?.id ?? null, last_id: data.at(-1)?.id ?? null }
}

function addRetrieve({ server, services }: Context): void {
  const docs = { ...reads, params: schemas.FileParams, response: { 200: schemas.FileBody } }
  server.get(
    `${FILES_PATH}/:file_id`,
    operation(TAG, 'GetFileMetadataV1FilesFileIdGet', 'Get the metadata of a file', docs),
    async (request, reply) => {
      const file = await findFile(services, request, reply)
      await touchFile(services, file, 'read')
      return toFileBody(file, viewOf(request.headers, request.caller))
    },
  )
}

function addContent({ server, services }: Context): void {
  const docs = { ...downloads, params: schemas.FileParams, response: downloadAnswers }
  server.route({
    // The HEAD that Fastify adds to a GET would tell a length of 0.
    method: ['GET', 'HEAD'],
    url: `${FILES_PATH}/:file_id/content`,
    ...operation(TAG, 'DownloadFileV1FilesFileIdContentGet', 'Download the content of a file', docs),
    handler: async (request, reply) => {
      const file = await findContent(services, request, reply)
      if (request.method === 'GET') await touchFile(services, file, 'download')
      const named = { ...file, name: filenameOf(file) }
      return sendFile(services, request, reply, named, servedType(file, 'declared'))
    },
  })
}

async function findContent(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FileRecord> {
  const file = await findFile(services, request, reply).catch(async (error) => {
    const id = fileIdOf(request)
    const isOver = error instanceof ServiceError && error.code === 'file-not-found'
    if (!isOver || !(await hasExpired(services, request.caller, id))) throw error
    throw new ServiceError('file-expired', `File \`${id}\` has expired.`, { id })
  })
  if (!viewOf(request.headers, request.caller).isStrict) return file
  const message = `File \`${fileIdOf(request)}\` is not downloadable. Only files generated by a tool (for example, the code execution tool) can be downloaded.`
  throw new ServiceError('not-downloadable', message)
}

function addDelete({ server, services }: Context): void {
  const docs = { ...deletes, params: schemas.FileParams, response: { 200: schemas.DeletedBody } }
  const { config } = operation(TAG, 'DeleteFileV1FilesFileIdDelete', 'Delete a file', docs)
  server.delete(
    `${FILES_PATH}/:file_id`,
    { config: { ...config, ignoresBody: true } },
    async (request, reply) => {
      const { id } = await findFile(services, request, reply)
      await deleteFile(services, request.caller, fileIdOf(request))
      return toDeletedBody(id)
    },
  )
}

/** The file of the path. Without a named workspace any of the key's projects will do: the id says which file is meant. */
async function findFile(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FileRecord> {
  const id = fileIdOf(request)
  const { caller } = request
  const project = readWorkspace(request.headers)
  const file = await readStoredFile(services, caller, id)
  if (project !== undefined) {
    const projectId = await resolveProject(services, caller, { project, organization: undefined })
    if (file.projectId !== projectId) throw fileNotFound(id)
  }
  reply.header(WORKSPACE_HEADER, toWorkspaceId(file.projectId))
  return file
}

function fileIdOf({ params }: FastifyRequest): string {
  return (params as { readonly file_id: string }).file_id
}
