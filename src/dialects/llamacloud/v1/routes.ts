import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { resolveProject } from '../../../core/access/admit.ts'
import type { Caller } from '../../../core/caller.ts'
import { startExpiry } from '../../../core/files/create-file.ts'
import { deleteStoredOrOpen } from '../../../core/files/delete-file.ts'
import { type FilesPage, NEWEST_FIRST, pageFiles } from '../../../core/files/page-files.ts'
import { readStoredOrOpen } from '../../../core/files/read-file.ts'
import { touchFile } from '../../../core/files/touch-file.ts'
import { issueLink } from '../../../core/links/link.ts'
import { SECOND_MS } from '../../../core/ports/clock.ts'
import type { FileCursor } from '../../../core/ports/metadata-store.ts'
import type { Services } from '../../../core/services.ts'
import { startUpload } from '../../../core/uploads/start-upload.ts'
import { tooLarge } from '../../../http/form-upload.ts'
import { operation } from '../../../http/operation.ts'
import { toldType } from '../../../intake/file-type.ts'
import { UNKNOWN_TYPE } from '../../../intake/media-types.ts'
import { readScope } from '../fields.ts'
import { readFileRequest } from '../requests.ts'
import {
  addContent,
  addDelete,
  type Context,
  creates,
  findFile,
  firstVersion,
  getOnly,
  reads,
  searches,
} from '../routes.ts'
import { FileParams, ScopeQuery } from '../schemas.ts'
import { emptyFile } from '../upload.ts'
import { fetchLimit, uploadFromUrl } from './from-url.ts'
import { readPresignRequest } from './requests.ts'
import * as schemas from './schemas.ts'
import { expiryOf, toFileBody, toUploadBody } from './wire.ts'

const { path: FILES, tag: TAG } = firstVersion

/** The first version of the API but its upload: reference section "files" of `llama-cloud` 0.1. Every success but a delete is a 200. */
export function addFirstVersion(context: Context): void {
  addPresign(context)
  addFromUrl(context)
  addLists(context)
  addRetrieve(context)
  addContent(context, firstVersion, 'v1.read_file_content')
  const docs = ['v1.delete_file', 'Delete a file, or end its upload'] as const
  addDelete(context, firstVersion, docs, readStoredOrOpen, deleteStoredOrOpen)
}

function addPresign(context: Context): void {
  const { server, settings } = context
  const summary = 'Get a presigned URL to upload a file'
  const docs = {
    ...creates,
    querystring: schemas.PresignQuery,
    body: schemas.presignBody(settings),
    response: { 200: schemas.UploadUrl },
  }
  const handle = (request: FastifyRequest) => presign(context, request)
  server.put(FILES, operation(TAG, 'v1.generate_presigned_url', summary, docs), handle)
  // As a page of the vendor's documentation spells it.
  server.post(`${FILES}/presigned-url`, operation(TAG, 'v1.create_presigned_url', summary, docs), handle)
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
  const fetches = fetchLimit()
  context.server.put(
    `${FILES}/upload_from_url`,
    operation(TAG, 'v1.upload_file_from_url', 'Fetch a file from a URL, where the operator allows it', {
      ...creates,
      failures: [...creates.failures, 'operation-off'],
      querystring: ScopeQuery,
      body: schemas.FromUrlBody,
      response: { 200: schemas.FileBody },
    }),
    async (request, reply) => toFileBody(await uploadFromUrl(context, fetches, request, reply)),
  )
}

function addLists({ server, services }: Context): void {
  const docs = { ...searches, querystring: ScopeQuery, response: { 200: schemas.FileList } }
  const handle = async ({ caller, query }: FastifyRequest, reply: FastifyReply) =>
    sendAll(services, caller, await resolveProject(services, caller, readScope(query)), reply)
  server.get(FILES, getOnly(operation(TAG, 'v1.list_files', 'List files', docs)), handle)
  const summary = 'List files; those that came on presigned URLs are there already'
  server.put(`${FILES}/sync`, operation(TAG, 'v1.sync_files', summary, docs), handle)
}

/** The most that the store gives at a time. */
const PAGE_FILES = 1000

type ReadPage = (after?: FileCursor) => Promise<FilesPage>

/**
 * All stored files of a project, newest first, as one JSON array: this version does not divide it into pages. What is more
 * than the store gives at a time is read while it is sent.
 */
async function sendAll(
  services: Services,
  caller: Caller,
  projectId: string,
  reply: FastifyReply,
): Promise<unknown> {
  const all = { projectId, filter: {}, withTotal: false, order: NEWEST_FIRST, limit: PAGE_FILES }
  const read: ReadPage = (after) => pageFiles(services, caller, after === undefined ? all : { ...all, after })
  // Read before an answer begins, so that a store that is away can still be told.
  const first = await read()
  if (!first.hasMore) return first.items.map(toFileBody)
  reply.type('application/json; charset=utf-8')
  return reply.send(Readable.from(print(first, read), { objectMode: false }))
}

async function* print(first: FilesPage, read: ReadPage): AsyncGenerator<string, void> {
  let separator = '['
  for (let page = first; ; page = await read(page.end)) {
    yield separator + page.items.map((file) => JSON.stringify(toFileBody(file))).join(',')
    separator = ','
    if (!page.hasMore) break
  }
  yield ']'
}

function addRetrieve(context: Context): void {
  const docs = { ...reads, params: FileParams, querystring: ScopeQuery, response: { 200: schemas.FileBody } }
  context.server.get(
    `${FILES}/:file_id`,
    getOnly(operation(TAG, 'v1.get_file', 'Get a file, also while it waits for its bytes', docs)),
    async (request) => {
      const file = await findFile(
        context,
        request,
        readFileRequest(request, context.services.parseFileId),
        readStoredOrOpen,
      )
      await touchFile(context.services, file, 'read')
      return toFileBody(file)
    },
  )
}
