import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { resolveProject } from '../../core/access/admit.ts'
import { ServiceError } from '../../core/errors.ts'
import type { FileRecord } from '../../core/files/file.ts'
import { issueLink } from '../../core/links/link.ts'
import { HOUR_MS, SECOND_MS } from '../../core/ports/clock.ts'
import type { Services } from '../../core/services.ts'
import { cancelOpenUpload, requireAppends } from '../../core/uploads/append-upload.ts'
import { startUpload } from '../../core/uploads/start-upload.ts'
import { allowBrowsers, asksForAbilities } from '../../http/browsers.ts'
import { declarePublic, type GuardOptions, guard } from '../../http/guard.ts'
import { hasBody, pathOf } from '../../http/routing.ts'
import { leaveBodiesUnread } from '../../http/unread-body.ts'
import { type AppendHeaders, append } from './append.ts'
import {
  abilities,
  announcedLength,
  checksumIn,
  invalid,
  methodOf,
  requireBytesType,
  requireVersion,
  VERSION,
} from './headers.ts'
import { type FileMetadata, readMetadata } from './metadata.ts'
import { createConfig } from './schemas.ts'
import { progressOf } from './uploads.ts'

/** Where uploads are created, below the public URL. */
export const TUS_PATH = '/tus'
/** Of the link; the upload itself ends sooner where nothing comes. */
const LINK_MS = 24 * HOUR_MS
/** Until the first bytes come; each append moves it. */
const IDLE_SECONDS = HOUR_MS / SECOND_MS

export interface TusOptions {
  /** The largest file, in bytes. */
  readonly maxFileBytes: number
  /** Finds the caller by the credentials of any dialect. @throws ServiceError `unauthenticated` */
  readonly authenticate: GuardOptions['authenticate']
}

/** A new upload, as its headers tell of it. */
interface Announced {
  /** In bytes; undefined: Upload-Length comes later. */
  readonly length: number | undefined
  readonly file: FileMetadata
  /** Of the bytes that come along; undefined: none do. */
  readonly bytes: AppendHeaders | undefined
}

declare module 'fastify' {
  interface FastifyRequest {
    announced: Announced
  }
}

/** OPTIONS and POST, on a server whose prefix is `TUS_PATH`. */
export async function addTusCreation(
  server: FastifyInstance,
  services: Services,
  options: TusOptions,
): Promise<void> {
  // In a scope of their own: their hooks are for nothing else.
  await server.register((scope) => addRoutes(scope, services, options))
}

async function addRoutes(
  server: FastifyInstance,
  services: Services,
  { maxFileBytes, authenticate }: TusOptions,
): Promise<void> {
  declarePublic(server)
  await allowBrowsers(server)
  server.decorateRequest('announced')
  server.addHook('onRequest', async ({ method, headers }, reply) => {
    reply.headers({ 'tus-resumable': VERSION, 'cache-control': 'no-store' })
    if (method !== 'OPTIONS') requireVersion(headers)
  })
  guard(server, { services, authenticate })
  leaveBodiesUnread(server)
  // The documentation has the form with a slash, as OpenAPI needs.
  const { described: _, ...undescribed } = createConfig
  for (const [url, config] of [
    ['', undescribed],
    ['/', createConfig],
  ] as const) {
    server.options(url, { prefixTrailingSlash: 'slash', config: asksForAbilities }, async (_request, reply) =>
      reply.code(204).headers(abilities(maxFileBytes)).send(),
    )
    server.post(
      url,
      {
        prefixTrailingSlash: 'slash',
        config,
        // Before a single byte is asked for, all that the headers can tell is checked.
        onRequest: async (request) => {
          // A link that was made before would not stay good.
          requireAppends(services)
          request.announced = readAnnouncement(request, maxFileBytes, services.clock.now())
          delete request.headers['content-type']
        },
      },
      (request, reply) => create(services, request, reply, maxFileBytes),
    )
  }
}

function readAnnouncement(request: FastifyRequest, maxFileBytes: number, now: number): Announced {
  const { method, headers, raw } = request
  if (methodOf(method, headers) !== 'POST')
    throw new ServiceError('method-not-allowed', 'This address takes OPTIONS and POST.')
  if (headers['upload-concat'] !== undefined) throw invalid('Upload-Concat', 'is not known here')
  const length = announcedLength(headers)
  const body = Number(headers['content-length'] ?? 0)
  if ((length ?? body) > maxFileBytes)
    throw new ServiceError('bytes-too-many', `A file may have at most ${maxFileBytes} bytes.`)
  const file = readMetadata(headers['upload-metadata']?.toString(), now)
  if (!hasBody(raw)) return { length, file, bytes: undefined }
  requireBytesType(headers)
  if (length !== undefined && body > length)
    throw new ServiceError('bytes-too-many', `The body is larger than the ${length} bytes of the file.`)
  return { length, file, bytes: { offset: 0, fileBytes: undefined, checksum: checksumIn(headers) } }
}

/** An upload that has nothing to wait for is stored at once. */
async function create(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
  maxFileBytes: number,
): Promise<FastifyReply> {
  const { length, bytes } = request.announced
  const file = await open(services, request, maxFileBytes)
  const expiresAt = file.createdAt + LINK_MS
  const { url } = await issueLink(services, 'PUT', file, expiresAt)
  const first = bytes ?? (length === 0 ? NO_BYTES : undefined)
  const begun = first === undefined ? file : await appendFirst(services, request, file, first, expiresAt)
  reply.code(201).header('location', request.caller.session ? seenFrom(request, services, url) : url)
  return reply.headers(progressOf(begun, { expiresAt }, services.clock.now())).send()
}

/** A page may be at another address than the public one, and call no other than its own. */
function seenFrom({ url: here }: FastifyRequest, { addresses }: Services, link: string): string {
  return (pathOf(here).endsWith('/') ? '..' : '.') + link.slice(addresses.publicUrl.length)
}

const NO_BYTES: AppendHeaders = { offset: 0, fileBytes: undefined, checksum: undefined }

async function open(
  services: Services,
  { caller, announced: { length, file } }: FastifyRequest,
  maxFileBytes: number,
): Promise<FileRecord> {
  const { project, ...fields } = file
  const projectId = await resolveProject(services, caller, { project, organization: undefined })
  return startUpload(services, caller, {
    ...fields,
    projectId,
    sizeBytes: length ?? 0,
    maxBytes: length ?? maxFileBytes,
    lifetimeSeconds: IDLE_SECONDS,
    writeOnce: false,
    sha256: null,
  })
}

/** Where this fails, or the client breaks off, nobody learns the link of the upload, so it ends. */
async function appendFirst(
  services: Services,
  request: FastifyRequest,
  file: FileRecord,
  headers: AppendHeaders,
  linkExpiresAt: number,
): Promise<FileRecord> {
  try {
    return await append(services, request, file, { ...headers, linkExpiresAt, keepsWhatCame: false })
  } catch (error) {
    await cancelOpenUpload(services, file).catch(() => undefined)
    throw error
  }
}
