import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify'
import { PRINTABLE_ID } from '../../grpc/incoming-call.ts'
import { operation } from '../../http/operation.ts'
import { leaveBodiesUnread } from '../../http/unread-body.ts'
import type { DialectHost } from '../dialect.ts'
import { getEndpoint, listEndpoints } from './discovery.ts'
import { ApiEndpointService } from './gen/endpoint_pb.js'
import { FileSchema } from './gen/files_pb.js'
import {
  checkAnnouncement,
  printJson,
  readJson,
  readQuery,
  readSmallBody,
  readUpdateJson,
  receiveJsonFile,
} from './json.ts'
import * as operations from './operations.ts'
import * as schemas from './schemas.ts'

const FILES = '/files/v1/files'
const BY_ID = `${FILES}/:fileId`
/** The literal segment `files:getUrl`; a double colon is the router's way to write one. */
const GET_URL = `${FILES}::getUrl`
const discovery = { access: 'public' } as const

type Read = <I extends DescMessage>(
  request: FastifyRequest,
  schema: I,
) => MessageShape<I> | Promise<MessageShape<I>>

/** The six methods on their REST paths, and discovery. Every success is a 200. */
export function addRoutes(
  server: FastifyInstance,
  context: operations.Context,
  grpcPort: DialectHost['grpcPort'],
): void {
  const { settings } = context
  prepare(server)
  const docs = operation('Files', 'File.Create', 'Create a file', {
    ...operations.creates,
    body: schemas.createBody(settings),
    response: { 200: schemas.answerSchema(FileSchema, settings) },
  })
  server.post(
    FILES,
    { ...docs, onRequest: async (request) => checkAnnouncement(request, settings) },
    async (request, reply) => send(context, reply, FileSchema, await receiveJsonFile(context, request)),
  )
  const list = { summary: 'List the files of a folder, newest first', querystring: schemas.listQuery }
  bind(server, context, 'GET', FILES, operations.listFiles, list, fromQuery)
  const url = { summary: 'Get a URL of the content', querystring: schemas.getUrlQuery }
  bind(server, context, 'GET', GET_URL, operations.getFileUrl, url, fromQuery)
  const params = schemas.fileIdParams
  bind(server, context, 'GET', BY_ID, operations.getFile, { summary: 'Get a file', params }, fromPath)
  const update = { summary: 'Update what the mask names', params, body: schemas.updateBody(settings) }
  bind(server, context, 'PATCH', BY_ID, operations.updateFile, update, async (request) =>
    readUpdateJson(fileIdOf(request), await readSmallBody(request)),
  )
  bind(
    server,
    context,
    'DELETE',
    BY_ID,
    operations.deleteFile,
    { summary: 'Delete a file', params },
    fromPath,
  )
  addDiscovery(server, context, grpcPort)
}

function prepare(server: FastifyInstance): void {
  // The vendor's own examples send JSON as a form: bodies are read as what they are, whatever they are said to be.
  leaveBodiesUnread(server)
  server.addHook('onRequest', (request, reply, done) => {
    // It may even be what the framework takes for no type at all.
    delete request.headers['content-type']
    reply.header('x-server-trace-id', request.id)
    const given = request.headers['x-client-request-id']
    if (typeof given === 'string' && PRINTABLE_ID.test(given)) reply.header('x-client-request-id', given)
    done()
  })
}

function bind<I extends DescMessage, O extends DescMessage>(
  server: FastifyInstance,
  context: operations.Context,
  method: 'GET' | 'PATCH' | 'DELETE',
  url: string,
  { method: rpc, asks, run }: operations.Operation<I, O>,
  { summary = '', ...requests }: FastifySchema,
  read: (request: FastifyRequest, schema: I) => MessageShape<I> | Promise<MessageShape<I>>,
): void {
  const response = { 200: schemas.answerSchema(rpc.output, context.settings) }
  server.route({
    method,
    url,
    ...operation('Files', `File.${rpc.name}`, summary, { ...asks, ...requests, response }),
    handler: async (request, reply) =>
      send(context, reply, rpc.output, await run(context, request.caller, await read(request, rpc.input))),
  })
}

const fromQuery: Read = ({ query }, schema) => readQuery(schema, query as Record<string, unknown>)
const fromPath: Read = (request, schema) => readJson(schema, { fileId: fileIdOf(request) })

function fileIdOf({ params }: FastifyRequest): string {
  return (params as { fileId: string }).fileId
}

function send<Desc extends DescMessage>(
  { settings }: operations.Context,
  reply: FastifyReply,
  schema: Desc,
  message: MessageShape<Desc>,
): FastifyReply {
  return reply.type('application/json').send(JSON.stringify(printJson(schema, message, settings)))
}

/** Open to anybody: clients ask before they have anything to show. */
function addDiscovery(
  server: FastifyInstance,
  context: operations.Context,
  grpcPort: DialectHost['grpcPort'],
): void {
  const { settings, services } = context
  const { list, get } = ApiEndpointService.method
  // Discovery tells where gRPC is: this host, on its other port.
  const authority = () => {
    const { hostname, host } = new URL(services.addresses.publicUrl)
    const port = grpcPort()
    return port === undefined ? host : `${hostname}:${port}`
  }
  server.get(
    '/endpoints',
    operation('Discovery', 'ApiEndpoint.List', 'Where each service is', {
      ...discovery,
      response: { 200: schemas.answerSchema(list.output, settings) },
    }),
    async (_request, reply) => send(context, reply, list.output, listEndpoints(settings, authority())),
  )
  server.get<{ Params: { id: string } }>(
    '/endpoints/:id',
    operation('Discovery', 'ApiEndpoint.Get', 'Where a service is', {
      ...discovery,
      failures: ['file-not-found'],
      params: schemas.endpointParams,
      response: { 200: schemas.answerSchema(get.output, settings) },
    }),
    async ({ params }, reply) =>
      send(context, reply, get.output, getEndpoint(settings, authority(), params.id)),
  )
}
