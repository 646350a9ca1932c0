import type { FastifyInstance, FastifyRequest } from 'fastify'
import { etagOf, type FileRecord, stateAt } from '../core/files/file.ts'
import { servedType } from '../core/files/inert-type.ts'
import { touchFile } from '../core/files/touch-file.ts'
import type { Digests } from '../core/incoming-body.ts'
import type { Holding } from '../core/limits/fair-budget.ts'
import { followToken } from '../core/links/link-token.ts'
import type { Services } from '../core/services.ts'
import {
  isOpenUpload,
  type OpenUpload,
  requireDigest,
  stageUpload,
  storeUpload,
  uploadIsOver,
} from '../core/uploads/receive-upload.ts'
import { allowBrowsers, asksForAbilities } from '../http/browsers.ts'
import { safeHeaders, sendFile } from '../http/download.ts'
import { declarePublic } from '../http/guard.ts'
import { leaveBodiesUnread } from '../http/unread-body.ts'
import { receiveBody, type WantedDigests } from '../intake/body.ts'
import {
  algorithmsOf,
  type HexDigests,
  requireStated,
  type StatedDigest,
  statedDigests,
} from '../intake/digests.ts'
import { shownType, toldType } from '../intake/file-type.ts'
import { HeadCapture } from '../intake/sniff.ts'
import { addresses, configAt, type LinkAddress, type LinkRoute, tokenOf } from './link-address.ts'
import { checkUpload, requireReplaceable } from './put-headers.ts'
import { beginsDraft, DraftUploads, isUploadLink } from './resumable/draft-uploads.ts'
import { answerRefusal } from './resumable/problems.ts'
import { addDraftRoutes } from './resumable/routes.ts'
import { downloadConfig, uploadConfig } from './schemas.ts'
import { abilities, uploadProtocol } from './tus/headers.ts'
import { addTusUploads } from './tus/uploads.ts'

/**
 * Larger uploads get their MD5 only if somebody completes them with one: computing it would halve the speed of every
 * upload, and a complete that names none is the common case.
 */
const MAX_STREAMED_MD5_BYTES = 64 * 1024 * 1024

declare module 'fastify' {
  interface FastifyRequest {
    /** The file that the link leads to; set on every link route before bytes come or go. */
    linked: FileRecord
    /** What a PUT tells of the digests of its body. */
    stated: readonly StatedDigest[]
  }
}

export interface TransferOptions {
  /** Of a file that comes by tus, in bytes. */
  readonly tusMaxFileBytes: number
  /** Whether links speak the draft of the IETF, too. */
  readonly resumableDraft: boolean
}

/**
 * PUT, GET and HEAD on signed links, and uploads in pieces, on a server whose prefix is theirs: the link is the credential,
 * and no dialect's header is asked for or minded.
 */
export async function addTransferRoutes(
  server: FastifyInstance,
  services: Services,
  options: TransferOptions,
): Promise<void> {
  server.addConstraintStrategy(uploadProtocol as never)
  // In a scope of their own: their hooks and their answer to browsers' preflights are for nothing else.
  await server.register((scope) => addLinkRoutes(scope, services, options))
}

async function addLinkRoutes(
  server: FastifyInstance,
  services: Services,
  { tusMaxFileBytes, resumableDraft }: TransferOptions,
): Promise<void> {
  const drafts = resumableDraft ? new DraftUploads(services, server.memory) : undefined
  declarePublic(server)
  server.decorateRequest('linked')
  server.decorateRequest('stated')
  server.decorateRequest('part')
  await allowBrowsers(server)
  if (drafts) server.setErrorHandler(answerRefusal)
  server.addHook('onRequest', async (_request, reply) => {
    reply.headers(safeHeaders)
  })
  // Bytes are taken from the connection as they come, whatever type they are said to have.
  leaveBodiesUnread(server)
  for (const url of addresses) {
    addUpload(server, url, services, drafts)
    addDownload(server, url, services, drafts)
    if (drafts) addDraftRoutes(server, url, drafts)
    server.options<LinkRoute>(
      url,
      { config: { access: 'link', ...asksForAbilities } },
      async (request, reply) => {
        if (drafts && !isPreflight(request)) await drafts.tellLimits(reply, tokenOf(request))
        return reply.code(204).headers(abilities(tusMaxFileBytes)).send()
      },
    )
  }
  await server.register((scope) => addTusUploads(scope, services))
}

/** Asked by a browser, before the request itself (Fetch, "CORS-preflight request"). */
function isPreflight({ headers }: FastifyRequest): boolean {
  return headers['access-control-request-method'] !== undefined
}

function addUpload(
  server: FastifyInstance,
  url: LinkAddress,
  services: Services,
  drafts: DraftUploads | undefined,
): void {
  server.put<LinkRoute>(
    url,
    {
      config: configAt(url, uploadConfig),
      // Before a single byte is asked for, all that the headers can tell is checked.
      onRequest: async (request, reply) => {
        if (drafts && beginsDraft(request) && (await drafts.begin(request, reply, tokenOf(request)))) return
        const { file } = await followToken(services, 'PUT', tokenOf(request))
        request.linked = file
        checkUpload(request.headers, file, services.clock.now())
        request.stated = statedDigests(request.headers)
        // It may be what Fastify takes for no type at all (the vendor's own example is `mimeType`); it was signed as it is.
        delete request.headers['content-type']
      },
    },
    async (request, reply) => {
      if (drafts && request.part) return drafts.receive(request, reply, tokenOf(request))
      const { linked: file } = request
      const memory = server.memory.open(file.organizationId)
      const digests = isOpenUpload(file)
        ? await storeOpen(services, request, file, memory)
        : await stageAnnounced(services, request, memory)
      return reply.header('etag', etagOf(digests)).send()
    },
  )
}

function stageAnnounced(
  services: Services,
  { raw, headers, linked: file, stated }: FastifyRequest,
  memory: Holding,
): Promise<Digests> {
  const { sizeBytes } = file
  const wanted = { md5: sizeBytes <= MAX_STREAMED_MD5_BYTES, ...checkOf(stated, file) }
  return stageUpload(services, file, {
    body: receiveBody(raw, { maxBytes: sizeBytes }, wanted, 'passing', memory),
    requireReplaceable: (staged) => requireReplaceable(headers, staged, services.clock.now()),
  })
}

/** Where its name does not tell of what type it is, the PUT may, or the content does. */
function storeOpen(
  services: Services,
  { raw, headers, stated }: FastifyRequest,
  file: OpenUpload,
  memory: Holding,
): Promise<Digests> {
  // Its socket is needed for the answer, whatever becomes of the body.
  const captured = new HeadCapture(raw.iterator({ destroyOnReturn: false }))
  const wanted = { md5: false, ...checkOf(stated, file) }
  const length = headers['content-length']
  // The parsed headers have lost it by now.
  const sent = raw.headersDistinct['content-type']?.[0]
  return storeUpload(services, file, {
    body: receiveBody(captured, { maxBytes: file.uploadMaxBytes }, wanted, 'passing', memory),
    sizeBytes: length === undefined ? undefined : Number(length),
    typeOf: async () => toldType(sent, '') ?? shownType(file.name, captured),
  })
}

/** Bytes that are not those that were told or announced fail with their last one, so that nothing of them is kept. */
function checkOf(stated: readonly StatedDigest[], file: FileRecord): Omit<WantedDigests, 'md5'> {
  const check = (digests: HexDigests) => {
    requireStated(stated, digests)
    requireDigest(file, digests.sha256)
  }
  return { further: algorithmsOf(stated), check }
}

function addDownload(
  server: FastifyInstance,
  url: LinkAddress,
  services: Services,
  drafts: DraftUploads | undefined,
): void {
  server.route<LinkRoute>({
    method: ['GET', 'HEAD'],
    url,
    config: configAt(url, downloadConfig),
    handler: async (request, reply) => {
      const token = tokenOf(request)
      if (drafts && isUploadLink(token)) return drafts.tellOffset(reply, token)
      const { file, claim } = await followToken(services, 'GET', token)
      request.linked = file
      if (stateAt(file, services.clock.now()) !== 'stored') throw uploadIsOver()
      if (request.method === 'GET') await touchFile(services, file, 'download')
      return sendFile(services, request, reply, file, servedType(file, claim.serves))
    },
  })
}
