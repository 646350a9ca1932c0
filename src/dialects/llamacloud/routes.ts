import type { FastifyInstance, FastifyRequest } from 'fastify'
import { defaultProject, resolveProject } from '../../core/access/admit.ts'
import { ServiceError } from '../../core/errors.ts'
import { deleteFile } from '../../core/files/delete-file.ts'
import type { FileRecord } from '../../core/files/file.ts'
import { pageFiles } from '../../core/files/page-files.ts'
import { readStoredFile } from '../../core/files/read-file.ts'
import { touchFile } from '../../core/files/touch-file.ts'
import { issueDownload } from '../../core/links/link.ts'
import type { Services } from '../../core/services.ts'
import { operation } from '../../http/operation.ts'
import { printPageToken } from '../../http/page-token.ts'
import { shownName } from '../../intake/file-type.ts'
import * as requests from './requests.ts'
import * as schemas from './schemas.ts'
import type { LlamaCloudSettings } from './settings.ts'
import { type FileBody, toFileBody, toPresignedUrl, toProjectBody } from './wire.ts'

/** The files of one version of the API: where they are below `/api`, and under what the documentation lists them. */
interface Version {
  readonly path: string
  readonly tag: string
}
export const beta: Version = { path: '/v1/beta/files', tag: 'Files' }
export const firstVersion: Version = { path: '/v1/files', tag: 'Files (first version)' }

export const creates = {
  access: { scope: 'files:create', limit: 'write' },
  failures: [
    'field-invalid',
    'project-forbidden',
    'request-malformed',
    'rule-violated',
    'bytes-too-many',
    'quota-exceeded',
    'storage-full',
  ],
} as const
export const reads = {
  access: { scope: 'files:read', limit: 'read' },
  failures: ['field-invalid', 'file-not-found', 'project-forbidden'],
} as const
export const deletes = {
  access: { scope: 'files:delete', limit: 'write' },
  failures: [...reads.failures, 'storage-full'],
} as const
export const searches = {
  access: { scope: 'files:read', limit: 'search' },
  failures: ['field-invalid', 'project-forbidden'],
} as const

/** The options of a GET. As with FastAPI, a HEAD is no GET. */
export const getOnly = <T extends object>(options: T) => ({ ...options, exposeHeadRoute: false })

/** What every handler of this dialect works with. */
export interface Context {
  readonly server: FastifyInstance
  readonly services: Services
  readonly settings: LlamaCloudSettings
}

/** The file operations but the upload, and the list of projects. */
export function addRoutes(context: Context): void {
  addLists(context)
  addRetrieve(context)
  addContent(context, beta, 'files.content')
  addDelete(context, beta, ['files.delete', 'Delete a file'], readStoredFile, deleteFile)
  addProjects(context)
}

function addLists(context: Context): void {
  const { server, services } = context
  const docs = { ...searches, response: { 200: schemas.PageBody } }
  server.get(
    beta.path,
    getOnly(operation(beta.tag, 'files.list', 'List files', { ...docs, querystring: schemas.ListQuery })),
    async (request) => answerPage(context, request, requests.readListRequest(request, services.parseFileId)),
  )
  const ofQuery = { ...docs, deprecated: true, querystring: schemas.ScopeQuery, body: schemas.QueryBody }
  server.post(
    `${beta.path}/query`,
    operation(beta.tag, 'files.query', 'Query files', ofQuery),
    async (request) => answerPage(context, request, requests.readQueryRequest(request, services.parseFileId)),
  )
}

async function answerPage(context: Context, { caller }: FastifyRequest, page: requests.RequestedPage) {
  const { services } = context
  const { withTotal, filterProject } = page
  const projectId = await resolveProject(services, caller, page.scope)
  if (filterProject !== undefined) {
    const only = { project: filterProject, organization: undefined }
    if ((await resolveProject(services, caller, only)) !== projectId)
      throw new ServiceError('project-forbidden', `This request is for project ${projectId}`)
  }
  if (page.matchesNothing) return { items: [], next_page_token: null, total_size: withTotal ? 0 : null }
  const { items: files, hasMore, end, total } = await pageFiles(services, caller, { ...page, projectId })
  return {
    items: await Promise.all(files.map((file) => answerFile(context, file, page.withUrls))),
    next_page_token: hasMore && end ? printPageToken(end, page.boundTo) : null,
    total_size: total ?? null,
  }
}

function addRetrieve(context: Context): void {
  const { FileParams: params, RetrieveQuery: querystring, FileBody } = schemas
  const docs = { ...reads, params, querystring, response: { 200: FileBody } }
  context.server.get(
    `${beta.path}/:file_id`,
    getOnly(operation(beta.tag, 'files.retrieve', 'Retrieve a file', docs)),
    async (request) => {
      const asked = requests.readFileRequest(request, context.services.parseFileId)
      const file = await findFile(context, request, asked)
      await touchFile(context.services, file, 'read')
      return answerFile(context, file, asked.withUrl)
    },
  )
}

/** The same in both versions. */
export function addContent(context: Context, { path, tag }: Version, operationId: string): void {
  const { FileParams: params, ContentQuery: querystring, PresignedUrl } = schemas
  const docs = { ...reads, params, querystring, response: { 200: PresignedUrl } }
  context.server.get(
    `${path}/:file_id/content`,
    getOnly(operation(tag, operationId, 'Get a presigned URL of the content', docs)),
    async (request) => {
      const asked = requests.readContentRequest(request, context.services.parseFileId)
      const file = await findFile(context, request, asked)
      await touchFile(context.services, file, 'download')
      return toPresignedUrl(await issueDownload(context.services, file, shownName(file), asked.urlSeconds))
    },
  )
}

export function addDelete(
  context: Context,
  { path, tag }: Version,
  docs: readonly [operationId: string, summary: string],
  read: typeof readStoredFile,
  remove: typeof deleteFile,
): void {
  const { FileParams: params, ScopeQuery: querystring } = schemas
  const response = { 204: { type: 'null', description: 'Deleted' } }
  context.server.delete(
    `${path}/:file_id`,
    operation(tag, ...docs, { ...deletes, params, querystring, response }),
    async (request, reply) => {
      const file = await findFile(
        context,
        request,
        requests.readFileRequest(request, context.services.parseFileId),
        read,
      )
      await remove(context.services, request.caller, file.id)
      return reply.code(204).send()
    },
  )
}

/** Read-only, and only those of the key: the vendor's index helper asks for it first. */
function addProjects({ server, services }: Context): void {
  const docs = { access: reads.access, response: { 200: { type: 'array', items: schemas.ProjectBody } } }
  server.get(
    '/v1/projects',
    getOnly(operation('Projects', 'projects.list', 'List the projects of the key', docs)),
    async ({ caller }) => {
      const all = await services.metadata.listProjects(caller.organizationId)
      const usable = all.filter(({ id }) => caller.projectIds.includes(id))
      return usable.map((project) => toProjectBody(project, project.id === defaultProject(caller)))
    },
  )
}

async function answerFile(context: Context, file: FileRecord, withUrl: boolean): Promise<FileBody> {
  const link = withUrl
    ? await issueDownload(context.services, file, shownName(file), requests.DEFAULT_URL_SECONDS)
    : undefined
  return toFileBody(file, link, context.settings)
}

/** The file, if it is in the project that the request means. */
export async function findFile(
  { services }: Context,
  { caller }: FastifyRequest,
  { id, scope }: requests.RequestedFile,
  read = readStoredFile,
): Promise<FileRecord> {
  const projectId = await resolveProject(services, caller, scope)
  const file = await read(services, caller, id)
  // Without a named project any of the key's projects will do: the id says which file is meant.
  if (scope.project === undefined || file.projectId === projectId) return file
  throw new ServiceError('file-not-found', 'File not found')
}
