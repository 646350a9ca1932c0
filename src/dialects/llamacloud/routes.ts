import type { FastifyInstance, FastifyRequest } from 'fastify'
import { resolveProject } from '../../core/access/project-access.ts'
import { defaultProject } from '../../core/caller.ts'
import { ServiceError } from '../../core/errors.ts'
import { deleteFile } from '../../core/files/delete-file.ts'
import type { FileRecord } from '../../core/files/file.ts'
import { pageFiles } from '../../core/files/page-files.ts'
import { fileNotFound, readStoredFile } from '../../core/files/read-file.ts'
import { touchFile } from '../../core/files/touch-file.ts'
import type { IssuedLink } from '../../core/links/link.ts'
import { SECOND_MS } from '../../core/ports/clock.ts'
import type { Services } from '../../core/services.ts'
import { issueDownloadLink } from '../../http/download.ts'
import { printToken } from './paging.ts'
import * as requests from './requests.ts'
import * as schemas from './schemas.ts'
import type { LlamaCloudSettings } from './settings.ts'
import { betaForm, checkAnnouncement, receiveUpload } from './upload.ts'
import { type FileBody, toFileBody, toPresignedUrl, toProjectBody } from './wire.ts'

/** Below `/api`. */
const FILES = '/v1/beta/files'
const PROJECTS = '/v1/projects'

export const creates = { access: { scope: 'files:create', limit: 'write' } } as const
export const deletes = { access: { scope: 'files:delete', limit: 'write' } } as const
export const reads = { access: { scope: 'files:read', limit: 'read' } } as const
export const searches = { access: { scope: 'files:read', limit: 'search' } } as const
/** As FastAPI does: a HEAD is no GET. */
export const getOnly = { exposeHeadRoute: false } as const
export const ofFile = ['field-invalid', 'file-not-found', 'project-forbidden'] as const
export const ofCreate = [
  'field-invalid',
  'project-forbidden',
  'request-malformed',
  'rule-violated',
  'bytes-too-many',
  'quota-exceeded',
  'storage-full',
] as const
export const ofListing = ['field-invalid', 'project-forbidden'] as const
const tags = ['Files']
export const errors = { '4xx': schemas.ErrorBody, '5xx': schemas.ErrorBody }

/** What every handler of this dialect works with. */
export interface Context {
  readonly server: FastifyInstance
  readonly services: Services
  readonly settings: LlamaCloudSettings
}

/** The six file operations and the list of projects. Requests are read by `requests.ts`. */
export function addRoutes(server: FastifyInstance, services: Services, settings: LlamaCloudSettings): void {
  const context = { server, services, settings }
  addCreate(context)
  addList(context)
  addQuery(context)
  addRetrieve(context)
  addContent(context)
  addDelete(context)
  addProjects(context)
}

function addCreate({ server, services, settings }: Context): void {
  const form = betaForm(services, settings)
  server.post(
    FILES,
    {
      config: { ...creates, failures: ofCreate },
      onRequest: async (request) => checkAnnouncement(request, form, settings),
      schema: {
        tags,
        operationId: 'files.create',
        summary: 'Upload a file',
        consumes: ['multipart/form-data'],
        querystring: schemas.ScopeQuery,
        body: schemas.CreateForm,
        response: { 201: schemas.FileBody, ...errors },
      },
    },
    async (request, reply) => {
      const projectId = await resolveProject(services, request.caller, requests.readScope(request.query))
      const file = await receiveUpload(services, request, projectId, form, settings)
      const link = settings.urlOnCreate
        ? await linkTo(services, file, requests.DEFAULT_URL_SECONDS)
        : undefined
      reply.code(201)
      return toFileBody(file, link, settings.prefixIds)
    },
  )
}

function addList(context: Context): void {
  context.server.get(
    FILES,
    {
      ...getOnly,
      config: { ...searches, failures: ofListing },
      schema: {
        tags,
        operationId: 'files.list',
        summary: 'List files',
        querystring: schemas.ListQuery,
        response: { 200: schemas.PageBody, ...errors },
      },
    },
    async (request) => answerPage(context, request, requests.readListRequest(request.query), false),
  )
}

function addQuery(context: Context): void {
  context.server.post(
    `${FILES}/query`,
    {
      config: { ...searches, failures: ofListing },
      schema: {
        tags,
        operationId: 'files.query',
        summary: 'Query files',
        deprecated: true,
        querystring: schemas.ScopeQuery,
        body: schemas.QueryBody,
        response: { 200: schemas.PageBody, ...errors },
      },
    },
    async (request) =>
      answerPage(context, request, requests.readQueryRequest(request.query, request.body), true),
  )
}

async function answerPage(
  { services, settings }: Context,
  { caller }: FastifyRequest,
  page: requests.RequestedPage,
  withTotal: boolean,
): Promise<{ items: FileBody[]; next_page_token: string | null; total_size: number | null }> {
  const projectId = await resolveProject(services, caller, page.scope)
  if (page.filterProject !== undefined) {
    const filtered = await resolveProject(services, caller, {
      project: page.filterProject,
      organization: undefined,
    })
    if (filtered !== projectId)
      throw new ServiceError('project-forbidden', `This request is for project ${projectId}`)
  }
  if (page.matchesNothing) return { items: [], next_page_token: null, total_size: withTotal ? 0 : null }
  const { files, hasMore, total } = await pageFiles(services, { ...page, projectId, withTotal })
  const last = files.at(-1)
  return {
    items: await Promise.all(
      files.map(async (file) => {
        const link = page.withUrls ? await linkTo(services, file, requests.DEFAULT_URL_SECONDS) : undefined
        return toFileBody(file, link, settings.prefixIds)
      }),
    ),
    next_page_token: hasMore && last ? printToken(last, page.boundTo) : null,
    total_size: total ?? null,
  }
}

function addRetrieve({ server, services, settings }: Context): void {
  server.get(
    `${FILES}/:file_id`,
    {
      ...getOnly,
      config: { ...reads, failures: ofFile },
      schema: {
        tags,
        operationId: 'files.retrieve',
        summary: 'Retrieve a file',
        params: schemas.FileParams,
        querystring: schemas.RetrieveQuery,
        response: { 200: schemas.FileBody, ...errors },
      },
    },
    async (request) => {
      const { withUrl, ...asked } = requests.readFileRequest(request)
      const file = await findFile(services, request, asked)
      await touchFile(services, file, 'read')
      return toFileBody(
        file,
        withUrl ? await linkTo(services, file, requests.DEFAULT_URL_SECONDS) : undefined,
        settings.prefixIds,
      )
    },
  )
}

function addContent({ server, services }: Context): void {
  server.get(
    `${FILES}/:file_id/content`,
    {
      ...getOnly,
      config: { ...reads, failures: ofFile },
      schema: {
        tags,
        operationId: 'files.content',
        summary: 'Get a presigned URL of the content',
        params: schemas.FileParams,
        querystring: schemas.ContentQuery,
        response: { 200: schemas.PresignedUrl, ...errors },
      },
    },
    async (request) => {
      const { urlSeconds, ...asked } = requests.readContentRequest(request)
      const file = await findFile(services, request, asked)
      await touchFile(services, file, 'download')
      return toPresignedUrl(await linkTo(services, file, urlSeconds))
    },
  )
}

function addDelete({ server, services }: Context): void {
  server.delete(
    `${FILES}/:file_id`,
    {
      config: { ...deletes, failures: [...ofFile, 'storage-full'] },
      schema: {
        tags,
        operationId: 'files.delete',
        summary: 'Delete a file',
        params: schemas.FileParams,
        querystring: schemas.ScopeQuery,
        response: { 204: { type: 'null', description: 'Deleted' }, ...errors },
      },
    },
    async (request, reply) => {
      const file = await findFile(services, request, requests.readFileRequest(request))
      await deleteFile(services, request.caller, file.id)
      return reply.code(204).send()
    },
  )
}

/** Read-only, and only those of the key: the vendor's index helper asks for it first. */
function addProjects({ server, services }: Context): void {
  server.get(
    PROJECTS,
    {
      ...getOnly,
      config: reads,
      schema: {
        tags: ['Projects'],
        operationId: 'projects.list',
        summary: 'List the projects of the key',
        response: { 200: { type: 'array', items: schemas.ProjectBody }, ...errors },
      },
    },
    async ({ caller }) => {
      const all = await services.metadata.listProjects(caller.organizationId)
      const usable = all.filter(({ id }) => caller.projectIds.includes(id))
      return usable.map((project) => toProjectBody(project, project.id === defaultProject(caller)))
    },
  )
}

/** The file, if it is in the project that the request means. */
export async function findFile(
  services: Services,
  { caller }: FastifyRequest,
  { id, scope }: { readonly id: string; readonly scope: requests.RequestedScope },
  read = readStoredFile,
): Promise<FileRecord> {
  const projectId = await resolveProject(services, caller, scope)
  const file = await read(services, caller, id)
  // Without a named project any of the key's projects will do: the id says which file is meant.
  if (scope.project === undefined || file.projectId === projectId) return file
  throw fileNotFound(id)
}

/** A fresh link that does not outlive its file. */
export async function linkTo(services: Services, file: FileRecord, seconds: number): Promise<IssuedLink> {
  const end = services.clock.now() + seconds * SECOND_MS
  return issueDownloadLink(services, file, Math.min(end, file.expiresAt ?? end))
}
