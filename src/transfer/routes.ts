import type { IncomingMessage } from 'node:http'
import cors from '@fastify/cors'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ServiceError } from '../core/errors.ts'
import { type FileRecord, stateAt } from '../core/files/file.ts'
import { touchFile } from '../core/files/touch-file.ts'
import type { Digests } from '../core/incoming-body.ts'
import { followLink, LINK_PATH } from '../core/links/link.ts'
import type { Services } from '../core/services.ts'
import { bytesAlreadyStored, stageUpload, uploadIsOver } from '../core/uploads/stage-upload.ts'
import { isOpenUpload, type OpenUpload, storeUpload } from '../core/uploads/store-upload.ts'
import { receiveBody } from '../http/body.ts'
import { etagOf, safeHeaders, sendFile } from '../http/download.ts'
import { declarePublic } from '../http/guard.ts'
import { HeadCapture } from '../http/head-capture.ts'
import { SNIFF_BYTES, sniffType } from '../http/sniff.ts'

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
      const digests = isOpenUpload(linked)
        ? await storeOpen(server, services, limits, raw, linked)
        : await stageAnnounced(server, services, limits, raw, linked)
      return reply.header('etag', etagOf(digests)).send()
    },
  )
}

function stageAnnounced(
  server: FastifyInstance,
  services: Services,
  limits: TransferLimits,
  source: IncomingMessage,
  file: FileRecord,
): Promise<Digests> {
  const wanted = { md5: file.sizeBytes <= MAX_STREAMED_MD5_BYTES }
  const memory = server.memory.open(file.organizationId)
  const body = receiveBody(source, { maxBytes: file.sizeBytes, ...limits }, wanted, 'passing', memory)
  return stageUpload(services, file, body)
}

/** Its name may say of what type it is; else its content does. */
function storeOpen(
  server: FastifyInstance,
  services: Services,
  limits: TransferLimits,
  source: IncomingMessage,
  file: OpenUpload,
): Promise<Digests> {
  const memory = server.memory.open(file.organizationId)
  const captured = new HeadCapture(source, SNIFF_BYTES)
  const body = receiveBody(
    captured,
    { maxBytes: file.uploadMaxBytes, ...limits },
    { md5: false },
    'passing',
    memory,
  )
  const length = source.headers['content-length']
  const sizeBytes = length === undefined ? undefined : Number(length)
  return storeUpload(services, file, { body, sizeBytes, shownType: () => sniffType(captured.head) })
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
  const isTypeSigned = !isOpenUpload(linked)
  if (isTypeSigned && headers['content-type']?.trim().toLowerCase() !== linked.mimeType.toLowerCase()) {
    throw new ServiceError('link-invalid', 'Send the content-type that was signed with this link.')
  }
  const once = headers['if-none-match']
  if (linked.writeOnce && once !== '*') {
    throw new ServiceError('link-invalid', 'Send the header if-none-match: * that was signed with this link.')
  }
  if (once === '*' && linked.blobKey !== null) throw bytesAlreadyStored()
  if (headers['content-length'] !== undefined) checkLength(Number(headers['content-length']), linked)
}

/** @throws ServiceError `length-mismatch`, `bytes-too-many` */
function checkLength(length: number, { sizeBytes, uploadMaxBytes }: FileRecord): void {
  if (uploadMaxBytes === null || uploadMaxBytes === sizeBytes) {
    if (length === sizeBytes) return
    const message = `Content-Length is ${length}, but ${sizeBytes} bytes were announced.`
    throw new ServiceError('length-mismatch', message)
  }
  if (length > uploadMaxBytes)
    throw new ServiceError('bytes-too-many', `The body is larger than the limit of ${uploadMaxBytes} bytes.`)
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
