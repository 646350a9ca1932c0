import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { DialectHost } from '../dialect.ts'
import { getEndpoint, listEndpoints } from './discovery.ts'
import { ApiEndpointSchema, ListApiEndpointsResponseSchema } from './gen/endpoint_pb.js'
import {
  DeleteFileResponseSchema,
  FileSchema,
  GetFileUrlRequestSchema,
  GetFileUrlResponseSchema,
  ListFilesRequestSchema,
  ListFilesResponseSchema,
} from './gen/files_pb.js'
import { printJson, readQuery, readUpdateJson } from './json.ts'
import { type Context, deleteFile, getFile, getFileUrl, listFiles, updateFile } from './operations.ts'
import { checkAnnouncement, readSmallBody, receiveJsonFile } from './rest-bodies.ts'
import { operationSchemas } from './schemas.ts'

const FILES = '/files/v1/files'
const BY_ID = `${FILES}/:fileId`
/** The literal segment `files:getUrl`; a double colon is the router's way to write one. */
const GET_URL = `${FILES}::getUrl`

const creates = {
  access: { scope: 'files:create', limit: 'write' },
  failures: ['field-missing', 'field-invalid', 'project-forbidden', 'quota-exceeded', 'storage-full'],
} as const
const updates = {
  access: { scope: 'files:update', limit: 'write' },
  failures: ['field-missing', 'field-invalid', 'file-not-found', 'storage-full'],
} as const
const deletes = {
  access: { scope: 'files:delete', limit: 'write' },
  failures: ['file-not-found', 'storage-full'],
} as const
const reads = {
  access: { scope: 'files:read', limit: 'read' },
  failures: ['field-invalid', 'file-not-found'],
} as const
const searches = {
  access: { scope: 'files:read', limit: 'search' },
  failures: ['field-invalid', 'project-forbidden'],
} as const
const open = { access: 'public' } as const
const opensOne = { access: 'public', failures: ['file-not-found'] } as const

type FileRequest = FastifyRequest<{ Params: { fileId: string }; Querystring: Record<string, unknown> }>

/** The six methods on their REST paths, and discovery. Every success is a 200. */
export function addRoutes(
  server: FastifyInstance,
  context: Context,
  grpcPort: DialectHost['grpcPort'],
): void {
  const { settings } = context
  const send = <Desc extends DescMessage>(reply: FastifyReply, schema: Desc, message: MessageShape<Desc>) =>
    reply.type('application/json').send(JSON.stringify(printJson(schema, message, settings)))
  const schemas = operationSchemas(settings)

  server.post(
    FILES,
    {
      config: { ...creates, described: schemas.create },
      onRequest: async (request) => checkAnnouncement(request, settings),
    },
    async (request, reply) => send(reply, FileSchema, await receiveJsonFile(context, request)),
  )
  server.get(
    FILES,
    { config: { ...searches, described: schemas.list } },
    async ({ caller, query }, reply) => {
      const request = readQuery(ListFilesRequestSchema, query as Record<string, unknown>)
      return send(reply, ListFilesResponseSchema, await listFiles(context, caller, request))
    },
  )
  server.get(
    GET_URL,
    { config: { ...reads, described: schemas.getUrl } },
    async ({ caller, query }, reply) => {
      const request = readQuery(GetFileUrlRequestSchema, query as Record<string, unknown>)
      return send(reply, GetFileUrlResponseSchema, await getFileUrl(context, caller, request))
    },
  )
  server.get(BY_ID, { config: { ...reads, described: schemas.get } }, async (request, reply) => {
    const { caller, params } = request as FileRequest
    return send(reply, FileSchema, await getFile(context, caller, params))
  })
  server.patch(BY_ID, { config: { ...updates, described: schemas.update } }, async (request, reply) => {
    const { caller, params } = request as FileRequest
    const update = readUpdateJson(params.fileId, await readSmallBody(request))
    return send(reply, FileSchema, await updateFile(context, caller, update))
  })
  server.delete(BY_ID, { config: { ...deletes, described: schemas.delete } }, async (request, reply) => {
    const { caller, params } = request as FileRequest
    return send(reply, DeleteFileResponseSchema, await deleteFile(context, caller, params))
  })
  addDiscovery(server, context, grpcPort, schemas, send)
}

/** Open to anybody: clients ask before they have anything to show. */
function addDiscovery(
  server: FastifyInstance,
  { settings, services }: Context,
  grpcPort: DialectHost['grpcPort'],
  schemas: ReturnType<typeof operationSchemas>,
  send: <Desc extends DescMessage>(
    reply: FastifyReply,
    schema: Desc,
    message: MessageShape<Desc>,
  ) => FastifyReply,
): void {
  // Discovery tells where gRPC is: this host, on its other port.
  const authority = () => {
    const { hostname, host } = new URL(services.publicUrl())
    const port = grpcPort()
    return port === undefined ? host : `${hostname}:${port}`
  }
  server.get('/endpoints', { config: { ...open, described: schemas.endpoints } }, async (_request, reply) =>
    send(reply, ListApiEndpointsResponseSchema, listEndpoints(settings, authority())),
  )
  server.get<{ Params: { id: string } }>(
    '/endpoints/:id',
    { config: { ...opensOne, described: schemas.endpoint } },
    async ({ params }, reply) =>
      send(reply, ApiEndpointSchema, getEndpoint(settings, authority(), params.id)),
  )
}
