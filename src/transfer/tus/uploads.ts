import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ServiceError } from '../../core/errors.ts'
import { type FileRecord, stateAt } from '../../core/files/file.ts'
import { followToken, type LinkClaim } from '../../core/links/link-token.ts'
import type { Services } from '../../core/services.ts'
import { cancelOpenUpload, settleUpload } from '../../core/uploads/append-upload.ts'
import { isLengthKnown, lengthOf, offsetOf } from '../../core/uploads/finish-upload.ts'
import { uploadIsOver } from '../../core/uploads/receive-upload.ts'
import { addresses, configAt, type LinkRoute, tokenOf } from '../link-address.ts'
import { type AppendHeaders, append, requireFit, typeOf } from './append.ts'
import {
  checksumIn,
  lengthIn,
  methodOf,
  offsetIn,
  requireBytesType,
  requireVersion,
  VERSION,
} from './headers.ts'
import { printMetadata } from './metadata.ts'
import { appendConfig, endConfig } from './schemas.ts'

/** A request on the link of an upload, its headers read. */
interface UploadRequest {
  readonly method: 'HEAD' | 'PATCH' | 'DELETE'
  readonly claim: LinkClaim
  /** As it is once no older request writes to it. */
  readonly file: FileRecord
  /** Of PATCH. */
  readonly appendHeaders: AppendHeaders | undefined
}

declare module 'fastify' {
  interface FastifyRequest {
    upload: UploadRequest
  }
}

const configs = {
  HEAD: { access: 'link' },
  PATCH: appendConfig,
  DELETE: endConfig,
  // With the method in a header.
  POST: { access: 'link' },
} as const

/** HEAD, PATCH and DELETE on links, of requests that speak tus, which the router tells by `uploadProtocol`. */
export async function addTusUploads(server: FastifyInstance, services: Services): Promise<void> {
  server.decorateRequest('upload')
  server.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'tus-resumable': VERSION, 'cache-control': 'no-store' })
    requireVersion(request.headers)
  })
  for (const url of addresses) {
    for (const method of ['HEAD', 'PATCH', 'DELETE', 'POST'] as const) {
      server.route<LinkRoute>({
        method,
        url,
        constraints: { uploadProtocol: 'tus' },
        config: configAt(url, configs[method]),
        onRequest: async (request) => {
          request.upload = await readRequest(services, request)
        },
        handler: (request, reply) => answer(services, request, reply),
      })
    }
  }
}

/** Checks all headers before the body is asked for. */
async function readRequest(services: Services, request: FastifyRequest<LinkRoute>): Promise<UploadRequest> {
  const { headers } = request
  const method = methodOf(request.method, headers)
  if (method !== 'HEAD' && method !== 'PATCH' && method !== 'DELETE') {
    const message = 'A link of an upload takes HEAD, PATCH and DELETE; POST with X-HTTP-Method-Override.'
    throw new ServiceError('method-not-allowed', message)
  }
  const appendHeaders = method === 'PATCH' ? readAppendHeaders(request) : undefined
  const { file: asked, claim } = await followToken(services, 'PUT', tokenOf(request))
  const file = await settleUpload(services, asked, typeOf(asked))
  requireNotEnded(file, services.clock.now())
  if (appendHeaders !== undefined) {
    requirePending(file, services.clock.now())
    const length = headers['content-length']
    requireFit(file, appendHeaders, length === undefined ? undefined : Number(length))
  }
  // It is no type of a file.
  delete headers['content-type']
  return { method, claim, file, appendHeaders }
}

function readAppendHeaders({ headers }: FastifyRequest): AppendHeaders {
  requireBytesType(headers)
  return { offset: offsetIn(headers), fileBytes: lengthIn(headers), checksum: checksumIn(headers) }
}

async function answer(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { method, claim, file, appendHeaders } = request.upload
  if (method === 'HEAD') return reply.headers(aboutUpload(file, claim, services.clock.now())).send()
  if (method === 'DELETE') {
    requirePending(file, services.clock.now())
    await cancelOpenUpload(services, file)
    return reply.code(204).send()
  }
  if (appendHeaders === undefined) throw new Error('a PATCH whose headers were not read')
  const appended = await append(services, request, file, {
    ...appendHeaders,
    linkExpiresAt: claim.expiresAt,
    keepsWhatCame: true,
  })
  return reply
    .code(204)
    .headers(progressOf(appended, claim, services.clock.now()))
    .send()
}

/** The headers of an answer to HEAD. */
function aboutUpload(file: FileRecord, claim: LinkClaim, now: number): Record<string, string> {
  const metadata = printMetadata(file)
  return {
    ...progressOf(file, claim, now),
    ...(isLengthKnown(file) ? { 'upload-length': String(lengthOf(file)) } : { 'upload-defer-length': '1' }),
    ...(metadata === undefined ? {} : { 'upload-metadata': metadata }),
  }
}

/** Upload-Offset, and Upload-Expires of an upload that is not complete. */
export function progressOf(
  file: FileRecord,
  { expiresAt: linkEnd }: Pick<LinkClaim, 'expiresAt'>,
  now: number,
): Record<string, string> {
  const end = Math.min(file.uploadExpiresAt ?? linkEnd, linkEnd)
  const isWaiting = stateAt(file, now) === 'pending'
  return {
    'upload-offset': String(offsetOf(file)),
    'entrepot-file-id': file.id,
    ...(isWaiting ? { 'upload-expires': new Date(end).toUTCString() } : {}),
  }
}

function requireNotEnded(file: FileRecord, now: number): void {
  const state = stateAt(file, now)
  if (state === 'pending' || state === 'stored') return
  throw new ServiceError('file-not-found', `This upload is ${state}.`)
}

/** A stored file is not the link's to change. */
function requirePending(file: FileRecord, now: number): void {
  if (stateAt(file, now) !== 'pending') throw uploadIsOver()
}
