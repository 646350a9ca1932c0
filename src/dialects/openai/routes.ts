import type { FastifyInstance, FastifyRequest } from 'fastify'
import { resolveProject } from '../../core/access/admit.ts'
import { ServiceError } from '../../core/errors.ts'
import { deleteFile } from '../../core/files/delete-file.ts'
import { findCursor } from '../../core/files/find-cursor.ts'
import { servedType } from '../../core/files/inert-type.ts'
import { pageFiles } from '../../core/files/page-files.ts'
import { readStoredFile } from '../../core/files/read-file.ts'
import { touchFile } from '../../core/files/touch-file.ts'
import type { Services } from '../../core/services.ts'
import { sendFile } from '../../http/download.ts'
import { downloadAnswers, operation } from '../../http/operation.ts'
import { basePaths } from './flavours.ts'
import { filterOf } from './purposes.ts'
import { readListQuery } from './requests.ts'
import * as schemas from './schemas.ts'
import type { OpenAISettings } from './settings.ts'
import { requireGivenBack } from './strict.ts'
import { toDeletedBody, toFileBody, toListBody } from './wire.ts'

/** What every handler of this dialect works with. */
export interface Context {
  readonly server: FastifyInstance
  readonly services: Services
  readonly settings: OpenAISettings
}

export const TAG = 'Files'
export const creates = {
  access: { scope: 'files:create', limit: 'write' },
  failures: [
    'field-missing',
    'field-unknown',
    'field-invalid',
    'project-forbidden',
    'quota-exceeded',
    'storage-full',
  ],
} as const
const searches = {
  access: { scope: 'files:read', limit: 'search' },
  failures: ['field-invalid', 'project-forbidden'],
} as const
const reads = {
  access: { scope: 'files:read', limit: 'read' },
  failures: ['file-not-found'],
} as const
const deletes = {
  access: { scope: 'files:delete', limit: 'write' },
  failures: ['file-not-found', 'storage-full'],
} as const

/** Under every base path; the first one is told in the documentation. */
export function onEachPath(add: (basePath: string, documented: typeof operation) => void): void {
  for (const basePath of basePaths) add(basePath, basePath === basePaths[0] ? operation : undocumented)
}

const undocumented: typeof operation = (...args) => {
  const { described, ...config } = operation(...args).config
  return { config }
}

interface ById {
  Params: { file_id: string }
}

/** The operations on files but the upload. */
export function addRoutes(context: Context): void {
  onEachPath((basePath, documented) => {
    const path = `${basePath}/files`
    addList(context, path, documented)
    addById(context, `${path}/:file_id`, documented)
  })
}

function addList({ server, services }: Context, path: string, documented: typeof operation): void {
  const docs = { ...searches, querystring: schemas.ListQuery, response: { 200: schemas.ListBody } }
  server.get(path, documented(TAG, 'listFiles', 'List files', docs), async (request) => {
    const { caller } = request
    const { limit, descending, purpose, after: afterId } = readListQuery(request.query)
    const projectId = await projectOf(services, request)
    const after = afterId === undefined ? undefined : await findCursor(services, caller, afterId)
    if (afterId !== undefined && after === undefined)
      throw new ServiceError('field-invalid', `No such File object: ${afterId}`, { field: 'after' })
    const shown = purpose === undefined ? undefined : filterOf(purpose)
    if (purpose !== undefined && shown === undefined) return toListBody([], false)
    const { items: files, hasMore } = await pageFiles(services, caller, {
      projectId,
      filter: shown === undefined ? {} : { purpose: shown },
      order: [{ field: 'createdAt', descending }],
      limit,
      withTotal: false,
      ...(after === undefined ? {} : { after }),
    })
    return toListBody(files, hasMore)
  })
}

function addById({ server, services }: Context, path: string, documented: typeof operation): void {
  const params = schemas.FileParams
  server.get<ById>(
    path,
    documented(TAG, 'retrieveFile', 'Retrieve a file', {
      ...reads,
      params,
      response: { 200: schemas.FileBody },
    }),
    async ({ caller, params }) => {
      const file = await readStoredFile(services, caller, params.file_id)
      await touchFile(services, file, 'read')
      return toFileBody(file)
    },
  )
  server.route<ById>({
    method: ['GET', 'HEAD'],
    url: `${path}/content`,
    ...documented(TAG, 'downloadFile', 'Retrieve the content of a file', {
      ...reads,
      failures: [...reads.failures, 'not-downloadable', 'range-unsatisfiable', 'bytes-lost'],
      params,
      response: downloadAnswers,
    }),
    handler: async (request, reply) => {
      const file = await readStoredFile(services, request.caller, request.params.file_id)
      requireGivenBack(request.caller, file)
      if (request.method === 'GET') await touchFile(services, file, 'download')
      return sendFile(services, request, reply, file, servedType(file, 'inert'))
    },
  })
  server.delete<ById>(
    path,
    documented(TAG, 'deleteFile', 'Delete a file', {
      ...deletes,
      params,
      response: { 200: schemas.DeletedBody },
    }),
    async ({ caller, params }) => toDeletedBody(await deleteFile(services, caller, params.file_id)),
  )
}

/**
 * The project that a request means. One of the vendor's own, which clients send for all servers alike, says nothing here.
 * @throws ServiceError `project-forbidden`
 */
export async function projectOf(services: Services, { caller, headers }: FastifyRequest): Promise<string> {
  const named = headers['openai-project']?.toString() ?? ''
  const project = named === '' || named.startsWith('proj_') ? undefined : named
  return resolveProject(services, caller, { project, organization: undefined })
}
