import type { FastifyInstance } from 'fastify'
import { requireScope } from '../../core/access/admit.ts'
import { createLink, endLink, listLinks, type ToldLink } from '../../core/links/file-links.ts'
import type { Services } from '../../core/services.ts'
import { operation } from '../../http/operation.ts'
import type { ById } from '../files/routes.ts'
import { FileParams } from '../files/schemas.ts'
import { printTime } from '../times.ts'
import { readLinkRequest } from './requests.ts'
import * as schemas from './schemas.ts'

const LINKS = '/v1/files/:id/links'

export function addLinkRoutes(server: FastifyInstance, services: Services): void {
  addCreate(server, services)
  addList(server, services)
  addEnd(server, services)
}

function addCreate(server: FastifyInstance, services: Services): void {
  const docs = operation('Links', 'admin.files.links.create', 'Make a download link of a chosen life', {
    // It gives bytes away, so that reading alone does not suffice.
    access: { scope: 'files:update', limit: 'write' },
    failures: ['field-unknown', 'field-invalid', 'file-not-found', 'links-too-many', 'storage-full'],
    params: FileParams,
    body: schemas.NewLinkBody,
    response: { 201: schemas.LinkBody },
  })
  server.post<ById>(LINKS, docs, async ({ caller, params, body }, reply) => {
    requireScope(caller, 'files:read')
    const seconds = readLinkRequest(body)
    return reply.code(201).send(toLinkBody(await createLink(services, caller, params.id, seconds)))
  })
}

function addList(server: FastifyInstance, services: Services): void {
  const docs = operation('Links', 'admin.files.links.list', 'List the download links of a file', {
    access: { scope: 'files:read', limit: 'read' },
    failures: ['file-not-found'],
    params: FileParams,
    response: { 200: schemas.LinksBody },
  })
  server.get<ById>(LINKS, docs, async ({ caller, params }) => {
    const links = await listLinks(services, caller, params.id)
    return { links: links.map(toLinkBody), next: null }
  })
}

function addEnd(server: FastifyInstance, services: Services): void {
  const docs = operation('Links', 'admin.files.links.delete', 'End a download link', {
    access: { scope: 'files:update', limit: 'write' },
    failures: ['file-not-found', 'link-not-found', 'storage-full'],
    params: schemas.LinkParams,
    response: { 204: { type: 'null', description: 'Every server refuses it from now on.' } },
  })
  const url = `${LINKS}/:linkId` as const
  server.delete<{ Params: { id: string; linkId: string } }>(url, docs, async ({ caller, params }, reply) => {
    await endLink(services, caller, params.id, params.linkId)
    return reply.code(204).send()
  })
}

function toLinkBody({ id, url, createdAt, expiresAt, createdBy }: ToldLink): schemas.LinkBody {
  return {
    id,
    url,
    createdAt: printTime(createdAt),
    expiresAt: printTime(expiresAt),
    createdBy,
  }
}
