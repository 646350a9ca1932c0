import type { IncomingMessage } from 'node:http'
import type { FastifyContextConfig, FastifyReply, FastifyRequest } from 'fastify'
import { leaveBodiesUnread } from '../../../http/unread-body.ts'
import { invalidArgument } from '../fields.ts'
import { type Context, describedIn, shown } from '../routes.ts'
import * as schemas from '../schemas.ts'
import type { Version } from '../wire.ts'
import { commandsIn } from './commands.ts'
import { answerSession, endingIfFatal, findSession, headersAfter, refuseMethod } from './session.ts'
import { startResumable } from './start.ts'
import { type Protocol, storeWhole } from './whole.ts'

/** Where uploads are started, and the version that their answers are of. */
const addresses: readonly (readonly [path: string, version: Version])[] = [
  ['/upload/v1/files', 'v1'],
  ['/upload/v1beta/files', 'v1beta'],
  // Of clients whose version is empty.
  ['/upload/files', 'v1beta'],
  // Of @google/genai 2, where a call has options of its own.
  ['/v1/upload/v1beta/files', 'v1'],
  ['/v1beta/upload/v1beta/files', 'v1beta'],
]

/** Routes with `constraints: { googUpload: 'session' }` are for requests on the URL of an upload; its query tells. */
const googUpload = {
  name: 'googUpload',
  // To the router nothing and null are one (lib/handler-storage.js).
  storage: () => new Map() as never,
  // Runs on every request.
  deriveConstraint: ({ url = '' }: IncomingMessage) => (/[?&]upload_id=/.test(url) ? 'session' : undefined),
  validate: () => true,
}

const docs = {
  access: { scope: 'files:create', limit: 'write' },
  failures: [
    'field-invalid',
    'name-taken',
    'request-malformed',
    'bytes-too-many',
    'quota-exceeded',
    'storage-full',
  ],
  headers: schemas.UploadHeaders,
  body: schemas.UploadBody,
  response: schemas.uploads,
} as const

/**
 * Uploads in pieces and whole ones. Clients declare JSON whatever they send, so a body is read as what its command or protocol
 * says, and its type counts only where the protocol gives it a meaning.
 */
export function addUploads(context: Context): void {
  const { server } = context
  leaveBodiesUnread(server)
  server.decorateRequest('session')
  // It may be what Fastify takes for no type at all.
  server.addHook('onRequest', async ({ headers }) => void delete headers['content-type'])
  for (const [path, version] of addresses) addStart(context, path, version)
}

function addStart(context: Context, path: string, version: Version): void {
  const { server } = context
  const described = describedIn(
    version,
    'generativelanguage.media.upload',
    'Start an upload, or upload a file whole',
    docs,
  )
  // The others are the same.
  const isFirst = path === addresses[0]?.[0]
  const options: { config: FastifyContextConfig } = isFirst ? described : { config: { access: docs.access } }
  server.post(path, options, async (request, reply) => {
    const protocol = protocolOf(request)
    if (protocol === 'resumable') return startResumable(context, request, reply)
    const { fidelity } = request.caller
    return { file: shown(context, request, version, fidelity, await storeWhole(context, request, protocol)) }
  })
}

/** @throws ServiceError `field-invalid` */
function protocolOf({ headers, query }: FastifyRequest): Protocol | 'resumable' {
  const commands = commandsIn(headers)
  if (commands.size > 0 && !commands.has('start'))
    throw invalidArgument(
      'X-Goog-Upload-Command',
      'The URL of an upload takes this command, with its upload_id',
    )
  const { uploadType } = query as { readonly uploadType?: unknown }
  const named = headers['x-goog-upload-protocol']?.toString().trim().toLowerCase()
  const protocol = named ?? (uploadType === 'media' ? 'raw' : uploadType) ?? 'resumable'
  if (protocol === 'raw' || protocol === 'multipart') return protocol
  // The older protocol of this name, which puts bytes to a Location, is not spoken here.
  if (protocol === 'resumable' && uploadType === undefined) return 'resumable'
  throw invalidArgument('X-Goog-Upload-Protocol', `Unknown upload protocol: ${protocol}`)
}

/** Requests on the URL of an upload: it is the credential, and each answer tells how the upload stands. */
export function addSessions(context: Context): void {
  const { server, services } = context
  if (!server.hasConstraintStrategy(googUpload.name)) server.addConstraintStrategy(googUpload as never)
  server.setErrorHandler((error, request: FastifyRequest, reply: FastifyReply) => {
    reply.headers(headersAfter(error, request))
    throw error
  })
  for (const [path, version] of addresses) {
    const session = {
      url: path,
      constraints: { googUpload: 'session' },
      config: { access: 'link' },
    } as const
    server.route({
      ...session,
      // The vendor's guides have POST; its resumable protocols elsewhere have PUT.
      method: ['POST', 'PUT'],
      onRequest: (request) => endingIfFatal(services, request, () => findSession(services, request)),
      handler: (request, reply) =>
        endingIfFatal(services, request, () => answerSession(context, version, request, reply)),
    })
    const refuse = (request: FastifyRequest, reply: FastifyReply) => refuseMethod(services, request, reply)
    server.route({ ...session, method: ['GET', 'PATCH', 'DELETE'], onRequest: refuse, handler: refuse })
  }
}
