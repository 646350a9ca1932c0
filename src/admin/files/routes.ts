import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { deleteStoredOrPending } from '../../core/files/delete-file.ts'
import { deleteFiles } from '../../core/files/delete-files.ts'
import { servedType } from '../../core/files/inert-type.ts'
import { readStoredFile, readStoredOrPending } from '../../core/files/read-file.ts'
import { touchFile } from '../../core/files/touch-file.ts'
import { updateFile } from '../../core/files/update-file.ts'
import type { Services } from '../../core/services.ts'
import { sendFile } from '../../http/download.ts'
import { JSON_TYPE } from '../../http/errors.ts'
import { downloadAnswers, operation } from '../../http/operation.ts'
import type { AdminOptions } from '../api.ts'
import { addCopies } from './copies.ts'
import { addDialects } from './dialects.ts'
import { printPage } from './list.ts'
import { readListRequest } from './list-request.ts'
import { etagOf, expectationIn } from './precondition.ts'
import { readDeleteRequest, readUpdateRequest } from './requests.ts'
import * as schemas from './schemas.ts'
import { answerFile, toFileBody, toResultBody } from './wire.ts'

const FILES = '/v1/files'
const FILE = `${FILES}/:id`

export interface ById {
  Params: { id: string }
}

export function addFileRoutes(
  server: FastifyInstance,
  services: Services,
  { keyQuery, viewsOf }: Pick<AdminOptions, 'keyQuery' | 'viewsOf'>,
): void {
  addList(server, services, keyQuery)
  addGet(server, services)
  addContent(server, services)
  addUpdate(server, services)
  addDelete(server, services)
  addDeleteMany(server, services)
  addCopies(server, services, `${FILE}/copies`)
  addDialects(server, services, `${FILE}/dialects`, viewsOf)
}

function addList(server: FastifyInstance, services: Services, keyQuery: string | undefined): void {
  const docs = operation('Files', 'admin.files.list', 'List files', {
    access: { scope: 'files:read', limit: 'search' },
    failures: ['field-unknown', 'field-invalid', 'project-forbidden'],
    querystring: schemas.ListQuery,
    response: { 200: schemas.PageBody },
  })
  server.get(FILES, docs, async ({ caller, query }, reply) => {
    const asked = readListRequest(query, keyQuery, services.parseFileId)
    return reply
      .type(JSON_TYPE)
      .send(await printPage(services, caller, asked, { noun: 'files', toBody: toFileBody }))
  })
}

function addGet(server: FastifyInstance, services: Services): void {
  const docs = operation('Files', 'admin.files.get', 'Get a file', {
    access: { scope: 'files:read', limit: 'read' },
    failures: ['file-not-found'],
    params: schemas.FileParams,
    response: { 200: schemas.FileBody },
  })
  server.get<ById>(FILE, docs, async ({ caller, params }, reply) => {
    const file = await readStoredOrPending(services, caller, params.id)
    await touchFile(services, file, 'read')
    reply.header('etag', etagOf(file))
    return answerFile(services, caller, file)
  })
}

function addContent(server: FastifyInstance, services: Services): void {
  const docs = operation('Files', 'admin.files.content', 'Download the bytes of a file', {
    access: { scope: 'files:read', limit: 'read' },
    failures: ['file-not-found', 'range-unsatisfiable', 'bytes-lost'],
    params: schemas.FileParams,
    response: downloadAnswers,
  })
  const handler = async (request: FastifyRequest<ById>, reply: FastifyReply) => {
    const file = await readStoredFile(services, request.caller, request.params.id)
    if (request.method === 'GET') await touchFile(services, file, 'download')
    return sendFile(services, request, reply, file, servedType(file, 'inert'))
  }
  // The HEAD that Fastify adds to a GET would tell a length of 0.
  server.route<ById>({ method: ['GET', 'HEAD'], url: `${FILE}/content`, ...docs, handler })
}

function addUpdate(server: FastifyInstance, services: Services): void {
  const docs = operation('Files', 'admin.files.update', 'Change a file', {
    access: { scope: 'files:update', limit: 'write' },
    failures: ['field-unknown', 'field-invalid', 'file-not-found', 'precondition-failed', 'storage-full'],
    params: schemas.FileParams,
    headers: schemas.UpdateHeaders,
    body: schemas.UpdateBody,
    response: { 200: schemas.FileBody },
  })
  server.patch<ById>(FILE, docs, async ({ caller, params, body, headers }, reply) => {
    const now = services.clock.now()
    const change = readUpdateRequest(body, now)
    const file = await updateFile(services, caller, params.id, change, expectationIn(headers, now))
    reply.header('etag', etagOf(file))
    return answerFile(services, caller, file)
  })
}

function addDelete(server: FastifyInstance, services: Services): void {
  const docs = operation('Files', 'admin.files.delete', 'Delete a file, or end a pending upload', {
    access: { scope: 'files:delete', limit: 'write' },
    failures: ['file-not-found', 'storage-full'],
    params: schemas.FileParams,
    response: { 204: { type: 'null', description: 'Deleted.' } },
  })
  server.delete<ById>(FILE, docs, async ({ caller, params }, reply) => {
    await deleteStoredOrPending(services, caller, params.id)
    return reply.code(204).send()
  })
}

function addDeleteMany(server: FastifyInstance, services: Services): void {
  const docs = operation('Files', 'admin.files.deleteMany', 'Delete many files', {
    access: { scope: 'files:delete', limit: 'write' },
    failures: ['field-unknown', 'field-invalid'],
    body: schemas.DeleteBody,
    response: { 200: schemas.DeletedBody },
  })
  // Of two colons the router makes one.
  server.post(`${FILES}::delete`, docs, async ({ caller, body }) => {
    const deletions = await deleteFiles(services, caller, readDeleteRequest(body))
    return { results: deletions.map(toResultBody) }
  })
}
