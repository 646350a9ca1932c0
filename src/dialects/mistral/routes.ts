import type { FastifyInstance } from 'fastify'
import { defaultProject } from '../../core/access/admit.ts'
import { StoreError } from '../../core/errors.ts'
import { deleteFile } from '../../core/files/delete-file.ts'
import type { FileRecord } from '../../core/files/file.ts'
import { md5Of } from '../../core/files/md5-of.ts'
import { NEWEST_FIRST, pageFiles } from '../../core/files/page-files.ts'
import { readStoredFile } from '../../core/files/read-file.ts'
import { touchFile } from '../../core/files/touch-file.ts'
import { issueDownload } from '../../core/links/link.ts'
import type { Services } from '../../core/services.ts'
import { sendFile } from '../../http/download.ts'
import { downloadAnswers, operation } from '../../http/operation.ts'
import { shownName } from '../../intake/file-type.ts'
import * as requests from './requests.ts'
import * as schemas from './schemas.ts'
import type { MistralSettings } from './settings.ts'
import { toFileBody } from './wire.ts'

export const FILES = '/v1/files'
const FILE = `${FILES}/:file_id`
const HOUR_SECONDS = 60 * 60
/** The SDKs take no other for bytes. */
const CONTENT_TYPE = 'application/octet-stream'
/** Of a file whose MD5 nobody has asked for: hashing so many bytes takes 2 ms. */
const MAX_HASHED_BYTES = 1024 * 1024

export const creates = {
  access: { scope: 'files:create', limit: 'write' },
  failures: [
    'field-invalid',
    'request-malformed',
    'rule-violated',
    'bytes-too-many',
    'quota-exceeded',
    'storage-full',
  ],
} as const
const reads = {
  access: { scope: 'files:read', limit: 'read' },
  failures: ['field-invalid', 'file-not-found'],
} as const
const deletes = {
  access: { scope: 'files:delete', limit: 'write' },
  failures: [...reads.failures, 'storage-full'],
} as const
const searches = { access: { scope: 'files:read', limit: 'search' }, failures: ['field-invalid'] } as const

/** What every handler of this dialect works with. */
export interface Context {
  readonly server: FastifyInstance
  readonly services: Services
  readonly settings: MistralSettings
}

/** As with FastAPI, a HEAD is no GET. */
const getOnly = <T extends object>(options: T) => ({ ...options, exposeHeadRoute: false })

/** The operations but the upload. */
export function addRoutes(context: Context): void {
  addList(context)
  addRetrieve(context)
  addDelete(context)
  addContent(context)
  addUrl(context)
}

function addList({ server, services, settings }: Context): void {
  const docs = operation('Files', 'mistral.list', 'List Files', {
    ...searches,
    querystring: schemas.listQuery(settings.maxPageSize),
    response: { 200: schemas.PageBody },
  })
  server.get(FILES, getOnly(docs), async (request) => {
    const { filter, offset, limit, withTotal } = requests.readListRequest(request, settings)
    if (filter === undefined) return { object: 'list', data: [], total: withTotal ? 0 : null }
    const { caller } = request
    const { items: files, total } = await pageFiles(services, caller, {
      projectId: defaultProject(caller),
      filter,
      order: NEWEST_FIRST,
      offset,
      limit,
      withTotal,
    })
    return { object: 'list', data: files.map(toFileBody), total: total ?? null }
  })
}

function addRetrieve({ server, services }: Context): void {
  const docs = operation('Files', 'mistral.retrieve', 'Retrieve File', {
    ...reads,
    params: schemas.FileParams,
    response: { 200: schemas.RetrievedFileBody },
  })
  server.get(FILE, getOnly(docs), async (request) => {
    const file = await readStoredFile(
      services,
      request.caller,
      requests.readFileRequest(request, services.parseFileId),
    )
    await touchFile(services, file, 'read')
    const signature = await signatureOf(services, file)
    // A deleted file is not found.
    return { ...toFileBody(file), signature, deleted: false }
  })
}

/** The MD5, if it is known or computed soon. */
async function signatureOf(services: Services, file: FileRecord): Promise<string | null> {
  if (file.md5 !== null || file.sizeBytes > MAX_HASHED_BYTES) return file.md5
  try {
    return await md5Of(services, file)
  } catch (error) {
    // The record is not lost with its bytes.
    if (error instanceof StoreError) return null
    throw error
  }
}

function addDelete({ server, services }: Context): void {
  const docs = operation('Files', 'mistral.delete', 'Delete File', {
    ...deletes,
    params: schemas.FileParams,
    response: { 200: schemas.DeletedFileBody },
  })
  server.delete(FILE, docs, async (request) => {
    const id = requests.readFileRequest(request, services.parseFileId)
    await deleteFile(services, request.caller, id)
    return { id, object: 'file', deleted: true }
  })
}

function addContent({ server, services }: Context): void {
  const docs = operation('Files', 'mistral.download', 'Download File', {
    ...reads,
    failures: [...reads.failures, 'range-unsatisfiable', 'bytes-lost'],
    params: schemas.FileParams,
    response: downloadAnswers,
  })
  server.get(`${FILE}/content`, getOnly(docs), async (request, reply) => {
    const id = requests.readFileRequest(request, services.parseFileId)
    const file = await readStoredFile(services, request.caller, id)
    await touchFile(services, file, 'download')
    return sendFile(services, request, reply, file, CONTENT_TYPE)
  })
}

function addUrl({ server, services }: Context): void {
  const docs = operation('Files', 'mistral.get_signed_url', 'Get Signed Url', {
    ...reads,
    params: schemas.FileParams,
    querystring: schemas.UrlQuery,
    response: { 200: schemas.UrlBody },
  })
  server.get(`${FILE}/url`, getOnly(docs), async (request) => {
    const { id, hours } = requests.readUrlRequest(request, services.parseFileId)
    const file = await readStoredFile(services, request.caller, id)
    await touchFile(services, file, 'download')
    const link = await issueDownload(services, file, shownName(file), hours * HOUR_SECONDS, 'declared')
    return { url: link.url }
  })
}
