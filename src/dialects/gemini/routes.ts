import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { defaultProject } from '../../core/access/admit.ts'
import type { Caller } from '../../core/caller.ts'
import { ServiceError } from '../../core/errors.ts'
import { deleteFile } from '../../core/files/delete-file.ts'
import type { FileRecord } from '../../core/files/file.ts'
import { servedType } from '../../core/files/inert-type.ts'
import { pageFiles } from '../../core/files/page-files.ts'
import { touchFile } from '../../core/files/touch-file.ts'
import type { Services } from '../../core/services.ts'
import { sendFile } from '../../http/download.ts'
import { routeUnknown } from '../../http/errors.ts'
import { downloadAnswers, type Operation, operation } from '../../http/operation.ts'
import { printPageToken } from '../../http/page-token.ts'
import { PREFIX } from './ids.ts'
import { readNamed } from './names.ts'
import { NEWEST_FIRST, readPage } from './paging.ts'
import * as schemas from './schemas.ts'
import type { GeminiSettings } from './settings.ts'
import { type FileBody, toFileBody, type Version, versions } from './wire.ts'

/** What every handler of this dialect works with. */
export interface Context {
  readonly server: FastifyInstance
  readonly services: Services
  readonly settings: GeminiSettings
}

const TAG = 'Files'
const reads = { scope: 'files:read', limit: 'read' } as const
const deletes = { scope: 'files:delete', limit: 'write' } as const

interface FileRoute {
  readonly Params: { readonly file: string }
}

/** Of a version that is served and not described: the other one differs in nothing else. */
const isDescribed = (version: Version) => version === 'v1'

/** The options of a route of one version. */
export function describedIn(version: Version, id: string, summary: string, { access, ...docs }: Operation) {
  if (isDescribed(version)) return operation(TAG, id, summary, { access, ...docs })
  return { config: { access } }
}

/** All operations but uploads. */
export function addRoutes(context: Context): void {
  for (const version of versions) {
    addList(context, version)
    addGet(context, version)
    addDownload(context, version)
    addDelete(context, version)
    addUris(context, version)
    addRefusals(context, version)
  }
}

function addList(context: Context, version: Version): void {
  const { server, services } = context
  const docs = {
    access: { scope: 'files:read', limit: 'search' },
    failures: ['field-invalid'],
    querystring: schemas.ListQuery,
    response: { 200: schemas.PageBody },
  } as const
  server.get(
    `/${version}/files`,
    describedIn(version, 'generativelanguage.files.list', 'List files', docs),
    async (request) => {
      const { caller } = request
      const page = {
        ...readPage(request),
        projectId: defaultProject(caller),
        filter: {},
        order: NEWEST_FIRST,
      }
      const { items: files, hasMore, end } = await pageFiles(services, caller, { ...page, withTotal: false })
      // Clients take any token, even an empty one, for one more page; and a list that is not set for an empty one.
      return {
        ...(files.length === 0
          ? {}
          : { files: files.map((file) => shown(context, request, version, caller.fidelity, file)) }),
        ...(hasMore && end ? { nextPageToken: printPageToken(end) } : {}),
      }
    },
  )
}

function addGet(context: Context, version: Version): void {
  const docs = {
    access: reads,
    failures: ['file-not-found'],
    params: schemas.FileParams,
    response: { 200: schemas.FileBody },
  } as const
  context.server.get<FileRoute>(
    `/${version}/files/:file`,
    describedIn(version, 'generativelanguage.files.get', 'Get the metadata of a file', docs),
    (request) => get(context, version, request, request.params.file),
  )
}

async function get(
  context: Context,
  version: Version,
  request: FastifyRequest,
  name: string,
): Promise<FileBody> {
  const { services } = context
  const file = await readNamed(services, request.caller, name)
  await touchFile(services, file, 'read')
  return shown(context, request, version, request.caller.fidelity, file)
}

function addDownload(context: Context, version: Version): void {
  const docs = {
    access: reads,
    failures: ['file-not-found', 'not-downloadable', 'range-unsatisfiable', 'bytes-lost'],
    params: schemas.FileParams,
    querystring: schemas.DownloadQuery,
    response: downloadAnswers,
  } as const
  const path = `/${version}/files/:file(^[^/:]+)::download`
  const options = describedIn(version, 'generativelanguage.files.download', 'Download a file', docs)
  const handle = (request: FastifyRequest<FileRoute>, reply: FastifyReply) =>
    download(context, request, reply, request.params.file)
  // The HEAD that Fastify adds to a GET would tell a length of 0.
  const method = ['GET', 'HEAD']
  context.server.route<FileRoute>({ method, url: path, ...options, handler: handle })
  // LiteLLM and the Vercel AI SDK download here, as the vendor's guide to batches does.
  const config = { access: reads }
  context.server.route<FileRoute>({ method, url: `/download${path}`, config, handler: handle })
}

async function download(
  { services }: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
): Promise<FastifyReply> {
  const { caller } = request
  const file = await readNamed(services, caller, name)
  if (caller.fidelity === 'strict')
    throw new ServiceError('not-downloadable', `File ${PREFIX}${name} is not downloadable.`)
  if (request.method === 'GET') await touchFile(services, file, 'download')
  return sendFile(services, request, reply, file, servedType(file, 'inert'))
}

function addDelete({ server, services }: Context, version: Version): void {
  const docs = {
    access: deletes,
    failures: ['file-not-found', 'storage-full'],
    params: schemas.FileParams,
    response: { 200: schemas.Empty },
  } as const
  server.delete<FileRoute>(
    `/${version}/files/:file`,
    describedIn(version, 'generativelanguage.files.delete', 'Delete a file', docs),
    ({ caller, params }) => remove(services, caller, params.file),
  )
}

async function remove(services: Services, caller: Caller, name: string): Promise<object> {
  const { id } = await readNamed(services, caller, name)
  await deleteFile(services, caller, id)
  return {}
}

/** The name at the end of a URI of a file, and what is asked of it. Some proxies take one of the slashes before its host away. */
const URI = /^\/?[^/]+\/(?:.*\/)?files\/([^/:]+)(:download)?$/

interface UriRoute {
  readonly Params: { readonly scheme: string; readonly '*': string }
}

/** SDKs put the `uri` of a file that they do not understand, one of http, into the path in place of the name. */
function addUris(context: Context, version: Version): void {
  const { server, services } = context
  const uriIn = ({ params }: FastifyRequest<UriRoute>): readonly [name: string, isDownload: boolean] => {
    const [, name, verb] = URI.exec(params['*']) ?? []
    if (name === undefined) throw routeUnknown()
    return [name, verb !== undefined]
  }
  const url = `/${version}/files/:scheme(^https?:$)/*`
  server.get<UriRoute>(url, { config: { access: reads } }, (request, reply) => {
    const [name, isDownload] = uriIn(request)
    return isDownload ? download(context, request, reply, name) : get(context, version, request, name)
  })
  server.delete<UriRoute>(url, { config: { access: deletes } }, async (request) => {
    const [name, isDownload] = uriIn(request)
    if (isDownload) throw routeUnknown()
    return remove(services, request.caller, name)
  })
}

/** What the vendor offers and this server does not: files without bytes, and files in Google Cloud Storage. */
function addRefusals({ server }: Context, version: Version): void {
  const access = { scope: 'files:create', limit: 'write' } as const
  const refusals = [
    [`/${version}/files`, `Files need their bytes: start an upload at /upload/${version}/files.`],
    [`/${version}/files::register`, 'Registering files of Google Cloud Storage is not supported.'],
  ] as const
  for (const [url, message] of refusals)
    server.post(url, { config: { access } }, async () => {
      throw new ServiceError('rule-violated', message)
    })
}

/** A file as the answer to a request of this version shows it, at the address by which it came. */
export function shown(
  { services, settings }: Pick<Context, 'services' | 'settings'>,
  { server }: FastifyRequest,
  version: Version,
  fidelity: Caller['fidelity'],
  file: FileRecord,
): FileBody {
  const baseUrl = services.addresses.publicUrl + server.prefix
  return toFileBody(file, { baseUrl, version, fidelity, now: services.clock.now() }, settings)
}
