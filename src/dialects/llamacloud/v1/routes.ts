import type { FastifyReply, FastifyRequest } from 'fastify'
import { resolveProject } from '../../../core/access/project-access.ts'
import { deleteStoredOrOpen } from '../../../core/files/delete-file.ts'
import { startExpiry } from '../../../core/files/expiry.ts'
import { readStoredOrOpen } from '../../../core/files/read-file.ts'
import { touchFile } from '../../../core/files/touch-file.ts'
import { issueLink } from '../../../core/links/link.ts'
import { SECOND_MS } from '../../../core/ports/clock.ts'
import { startUpload } from '../../../core/uploads/start-upload.ts'
import { toldType } from '../../../intake/file-type.ts'
import { UNKNOWN_TYPE } from '../../../intake/media-types.ts'
import { readContentRequest, readFileRequest, readScope } from '../requests.ts'
import {
  type Context,
  creates,
  deletes,
  errors,
  findFile,
  getOnly,
  linkTo,
  ofCreate,
  ofFile,
  ofListing,
  reads,
  searches,
} from '../routes.ts'
import { ContentQuery, FileParams, PresignedUrl, ScopeQuery } from '../schemas.ts'
import { checkAnnouncement, emptyFile, receiveUpload, tooLarge, type UploadForm } from '../upload.ts'
import { toPresignedUrl } from '../wire.ts'
import { FetchCount, uploadFromUrl } from './from-url.ts'
import { sendAll } from './list.ts'
import { expiryOf, readPresignRequest, readUploadQuery } from './requests.ts'
import * as schemas from './schemas.ts'
import { toFileBody, toUploadBody } from './wire.ts'

/** Below `/api`. */
const FILES = '/v1/files'
const tags = ['Files (first version)']

/** The first version of the API: reference section "files" of `llama-cloud` 0.1. Every success but a delete is a 200. */
export function addFirstVersion(context: Context): void {
  addUpload(context)
  addPresign(context)
  addFromUrl(context)
  addLists(context)
  addReads(context)
  addDelete(context)
}

function addUpload({ server, services, settings }: Context): void {
  const form: UploadForm = {
    filePart: 'upload_file',
    fields: [],
    requiredFields: [],
    describe: (request, _fields, problems) => {
      const { externalId, storageType } = readUploadQuery(request, problems)
      return { purpose: null, externalId, expiry: expiryOf(storageType, services.clock.now()) }
    },
  }
  server.post(
    FILES,
    {
      config: { ...creates, failures: ofCreate },
      onRequest: async (request) => checkAnnouncement(request, form, settings),
      schema: {
        tags,
        operationId: 'v1.upload_file',
        summary: 'Upload a file',
        consumes: ['multipart/form-data'],
        querystring: schemas.UploadQuery,
        body: schemas.UploadForm,
        response: { 200: schemas.FileBody, ...errors },
      },
    },
    async (request) => {
      const projectId = await resolveProject(services, request.caller, readScope(request.query))
      return toFileBody(await receiveUpload(services, request, projectId, form, settings))
    },
  )
}

function addPresign(context: Context): void {
  const documented = {
    tags,
    querystring: schemas.PresignQuery,
    body: schemas.presignBody(context.settings),
    response: { 200: schemas.UploadUrl, ...errors },
  }
  const { server } = context
  const summary = 'Get a presigned URL to upload a file'
  const handle = (request: FastifyRequest) => presign(context, request)
  const operationId = 'v1.generate_presigned_url'
  const config = { ...creates, failures: ofCreate }
  server.put(FILES, { config, schema: { ...documented, summary, operationId } }, handle)
  // As a page of the vendor's documentation spells it.
  const other = { ...documented, summary, operationId: 'v1.create_presigned_url' }
  server.post(`${FILES}/presigned-url`, { config, schema: other }, handle)
}

/** The PUT on the URL stores the file; nothing has to be told afterwards. */
async function presign({ services, settings }: Context, request: FastifyRequest) {
  const { scope, name, externalId, sizeBytes, storageType, urlSeconds } = readPresignRequest(request)
  const projectId = await resolveProject(services, request.caller, scope)
  const { maxFileBytes, allowEmptyFiles } = settings
  if (sizeBytes === 0 && !allowEmptyFiles) throw emptyFile()
  if (sizeBytes !== undefined && sizeBytes > maxFileBytes) throw tooLarge(maxFileBytes)
  const now = services.clock.now()
  const expiry = expiryOf(storageType, now)
  const file = await startUpload(services, request.caller, {
    projectId,
    name,
    mimeType: toldType(undefined, name) ?? UNKNOWN_TYPE,
    sizeBytes: sizeBytes ?? 0,
    maxBytes: sizeBytes ?? maxFileBytes,
    externalId,
    purpose: null,
    lifetimeSeconds: secondsUntil(urlSeconds, startExpiry(expiry, now).expiresAt, now),
    writeOnce: false,
    sha256: null,
    expiry,
  })
  return toUploadBody(file, await issueLink(services, 'PUT', file, file.uploadExpiresAt ?? now))
}

/** A URL does not outlive its file. */
function secondsUntil(urlSeconds: number, fileEnd: number | null, now: number): number {
  return fileEnd === null ? urlSeconds : Math.min(urlSeconds, (fileEnd - now) / SECOND_MS)
}

function addFromUrl(context: Context): void {
  const fetches = new FetchCount()
  context.server.put(
    `${FILES}/upload_from_url`,
    {
      config: { ...creates, failures: [...ofCreate, 'operation-off'] },
      schema: {
        tags,
        operationId: 'v1.upload_file_from_url',
        summary: 'Fetch a file from a URL, where the operator allows it',
        querystring: ScopeQuery,
        body: schemas.FromUrlBody,
        response: { 200: schemas.FileBody, ...errors },
      },
    },
    async (request, reply) => toFileBody(await uploadFromUrl(context, fetches, request, reply)),
  )
}

function addLists({ server, services }: Context): void {
  const documented = {
    tags,
    querystring: ScopeQuery,
    response: { 200: schemas.FileList, ...errors },
  }
  const handle = async ({ caller, query }: FastifyRequest, reply: FastifyReply) => {
    const projectId = await resolveProject(services, caller, readScope(query))
    return sendAll(services, projectId, reply)
  }
  const config = { ...searches, failures: ofListing }
  server.get(
    FILES,
    {
      ...getOnly,
      config,
      schema: { ...documented, operationId: 'v1.list_files', summary: 'List files' },
    },
    handle,
  )
  const summary = 'List files; those that came on presigned URLs are there already'
  server.put(
    `${FILES}/sync`,
    { config, schema: { ...documented, operationId: 'v1.sync_files', summary } },
    handle,
  )
}

function addReads({ server, services }: Context): void {
  server.get(
    `${FILES}/:file_id`,
    {
      ...getOnly,
      config: { ...reads, failures: ofFile },
      schema: {
        tags,
        operationId: 'v1.get_file',
        summary: 'Get a file, also while it waits for its bytes',
        params: FileParams,
        querystring: ScopeQuery,
        response: { 200: schemas.FileBody, ...errors },
      },
    },
    async (request) => {
      const file = await findFile(services, request, readFileRequest(request), readStoredOrOpen)
      await touchFile(services, file, 'read')
      return toFileBody(file)
    },
  )
  server.get(
    `${FILES}/:file_id/content`,
    {
      ...getOnly,
      config: { ...reads, failures: ofFile },
      schema: {
        tags,
        operationId: 'v1.read_file_content',
        summary: 'Get a presigned URL of the content',
        params: FileParams,
        querystring: ContentQuery,
        response: { 200: PresignedUrl, ...errors },
      },
    },
    async (request) => {
      const { urlSeconds, ...asked } = readContentRequest(request)
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
        operationId: 'v1.delete_file',
        summary: 'Delete a file, or end its upload',
        params: FileParams,
        querystring: ScopeQuery,
        response: { 204: { type: 'null', description: 'Deleted' }, ...errors },
      },
    },
    async (request, reply) => {
      const file = await findFile(services, request, readFileRequest(request), readStoredOrOpen)
      await deleteStoredOrOpen(services, request.caller, file.id)
      return reply.code(204).send()
    },
  )
}
