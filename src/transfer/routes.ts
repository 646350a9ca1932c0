import cors from '@fastify/cors'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ServiceError } from '../core/errors.ts'
import { type FileRecord, stateAt } from '../core/files/file.ts'
import { touchFile } from '../core/files/touch-file.ts'
import { followLink, LINK_PATH } from '../core/links/link.ts'
import type { Services } from '../core/services.ts'
import { bytesAlreadyStored, stageUpload, uploadIsOver } from '../core/uploads/stage-upload.ts'
import { receiveBody } from '../http/body.ts'
import { etagOf, safeHeaders, sendFile } from '../http/download.ts'
import { declarePublic } from '../http/guard.ts'

/** A body that is slower than this, averaged over the window, is cut off. */
export interface TransferLimits {
  readonly minBytesPerSecond: number
  readonly minRateWindowSeconds: number
}

/**
 * Larger uploads get their MD5 only if somebody completes them with one: computing it would halve the speed of every
 * upload, and a complete that names none is the common case.
 */
const MAX_STREAMED_MD5_BYTES = 64 * 1024 * 1024

export const defaultTransferLimits: TransferLimits = { minBytesPerSecond: 1024, minRateWindowSeconds: 30 }

declare module 'fastify' {
  interface FastifyRequest {
    /** The file that the link leads to; set on every link route before the body is read. */
    linked: FileRecord
  }
}

type LinkRequest = FastifyRequest<{ Params: { token: string } }>

/** PUT, GET and HEAD on signed links: the link is the credential, and no vendor's header is asked for or minded. */
export async function addTransferRoutes(
  server: FastifyInstance,
  services: Services,
  limits: TransferLimits,
): Promise<void> {
  // Below a prefix, because the answer to browsers' preflights is for every path below it.
  await server.register((scope) => addLinkRoutes(scope, services, limits), { prefix: LINK_PATH })
}

async function addLinkRoutes(
  server: FastifyInstance,
  services: Services,
  limits: TransferLimits,
): Promise<void> {
  declarePublic(server)
  server.decorateRequest('linked')
  await allowBrowsers(server)
  server.addHook('onRequest', async (_request, reply) => {
    reply.headers(safeHeaders)
  })
  // Bytes are taken from the connection as they come, whatever type they are said to have.
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', (_request, _payload, done) => done(null))
  addUpload(server, services, limits)
  addDownload(server, services)
  server.route({
    method: ['POST', 'PATCH', 'DELETE'],
    url: '/:token',
    config: { access: 'link' },
    onRequest: async (_request, reply) => {
      reply.header('allow', 'GET, HEAD, PUT')
      throw new ServiceError('method-not-allowed', 'A link takes PUT, GET or HEAD.')
    },
    handler: async () => undefined,
  })
}

function addUpload(server: FastifyInstance, services: Services, limits: TransferLimits): void {
  server.put<{ Params: { token: string } }>(
    '/:token',
    {
      config: { access: 'link' },
      // Before a single byte is asked for, all that the headers can tell is checked.
      onRequest: async (request) => {
        const { file } = await followLink(services, 'PUT', tokenOf(request))
        request.linked = file
        checkUpload(request, services.clock.now())
        // It may be what Fastify takes for no type at all (the vendor's own example is `mimeType`); it was signed as it is.
        delete request.headers['content-type']
      },
    },
    async ({ raw, linked }, reply) => {
      const wanted = { md5: linked.sizeBytes <= MAX_STREAMED_MD5_BYTES }
      const memory = server.memory.open(linked.organizationId)
      const body = receiveBody(raw, { maxBytes: linked.sizeBytes, ...limits }, wanted, 'passing', memory)
      return reply.header('etag', etagOf(await stageUpload(services, linked, body))).send()
    },
  )
}

function addDownload(server: FastifyInstance, services: Services): void {
  server.route<{ Params: { token: string } }>({
    method: ['GET', 'HEAD'],
    url: '/:token',
    config: { access: 'link' },
    handler: async (request, reply) => {
      const { file, servedType } = await followLink(services, 'GET', tokenOf(request))
      if (stateAt(file, services.clock.now()) !== 'stored') throw uploadIsOver()
      if (request.method === 'GET') await touchFile(services, file, 'download')
      return sendFile(services, request, reply, file, servedType)
    },
  })
}

/** The whole link is the token: with a query attached it is another link, which nobody signed. */
function tokenOf({ params, raw }: LinkRequest): string {
  if (raw.url?.includes('?'))
    throw new ServiceError('link-invalid', 'This link is not valid, or its time is over.')
  return params.token
}

/** @throws ServiceError `link-invalid`, `bytes-already-stored`, `length-mismatch` */
function checkUpload({ headers, linked }: FastifyRequest, now: number): void {
  if (stateAt(linked, now) !== 'pending') throw uploadIsOver()
  if (headers['content-type']?.trim().toLowerCase() !== linked.mimeType.toLowerCase()) {
    throw new ServiceError('link-invalid', 'Send the content-type that was signed with this link.')
  }
  const once = headers['if-none-match']
  if (linked.writeOnce && once !== '*') {
    throw new ServiceError('link-invalid', 'Send the header if-none-match: * that was signed with this link.')
  }
  if (once === '*' && linked.blobKey !== null) throw bytesAlreadyStored()
  const length = headers['content-length']
  if (length !== undefined && Number(length) !== linked.sizeBytes) {
    const message = `Content-Length is ${length}, but ${linked.sizeBytes} bytes were announced.`
    throw new ServiceError('length-mismatch', message)
  }
}

/** Pages on any origin may use a link: it is the link that is secret, and no cookie or key is involved. */
async function allowBrowsers(server: FastifyInstance): Promise<void> {
  await server.register(cors, {
    origin: '*',
    methods: ['GET', 'HEAD', 'PUT'],
    exposedHeaders: [
      'etag',
      'content-length',
      'content-range',
      'content-disposition',
      'accept-ranges',
      'x-request-id',
    ],
    maxAge: 600,
  })
}
