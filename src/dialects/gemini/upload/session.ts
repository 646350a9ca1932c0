import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../../../core/caller.ts'
import { type ErrorCode, ServiceError } from '../../../core/errors.ts'
import { type FileRecord, type StateNames, stateAt } from '../../../core/files/file.ts'
import { followToken, type LinkClaim, linkInvalid } from '../../../core/links/link-token.ts'
import type { Services } from '../../../core/services.ts'
import {
  appendUpload,
  cancelOpenUpload,
  remainingOf,
  settleUpload,
} from '../../../core/uploads/append-upload.ts'
import { completeUpload } from '../../../core/uploads/complete-upload.ts'
import {
  isLengthKnown,
  isWhole,
  lengthOf,
  offsetOf,
  type TypeOf,
} from '../../../core/uploads/finish-upload.ts'
import { toServiceError } from '../../../http/errors.ts'
import { receiveBody } from '../../../intake/body.ts'
import { pacedBody } from '../../../intake/body-source.ts'
import { readType } from '../../../intake/file-type.ts'
import { invalidArgument } from '../fields.ts'
import { type Context, shown } from '../routes.ts'
import type { Version } from '../wire.ts'
import { bytesIn, type Command, commandsIn, SIZE_RECEIVED, STATUS } from './commands.ts'
import { skipRepeated } from './repeated-bytes.ts'

/** A request on the URL of an upload, its headers read. */
export interface SessionRequest {
  readonly commands: ReadonlySet<Command>
  readonly claim: LinkClaim
  /** As it is once no older request writes to it. */
  readonly file: FileRecord
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined until the upload is found. */
    session: SessionRequest | undefined
  }
}

/** After these the upload is given up, and its client is told so. Any other error leaves it to be resumed. */
const fatal: readonly ErrorCode[] = [
  'link-invalid',
  'size-mismatch',
  'bytes-too-many',
  'checksum-mismatch',
  'quota-exceeded',
  'storage-full',
]

const stateNames: StateNames = {
  pending: 'active',
  stored: 'final',
  cancelled: 'cancelled',
  expired: 'expired',
  deleted: 'deleted',
}

export interface SessionQuery {
  readonly upload_id?: unknown
  readonly fidelity?: unknown
}

/** Finds the upload of a URL, before its body is asked for. @throws ServiceError `link-invalid`, `field-invalid`, `offset-mismatch`, `size-mismatch` */
export async function findSession(services: Services, request: FastifyRequest): Promise<void> {
  const session = await lookUp(services, request)
  const commands = commandsOf(request)
  // To cancel twice is to cancel once.
  if (request.session === undefined && !(commands.has('cancel') && session.file.state === 'cancelled'))
    throw linkInvalid()
  request.session = { ...session, commands }
  if (commands.has('upload')) requireFit(request, session.file)
}

const METHODS = 'POST, PUT'

/** Tells how the upload stands where the method can do nothing with it. @throws ServiceError `link-invalid`, `method-not-allowed` */
export async function refuseMethod(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<never> {
  await lookUp(services, request)
  if (request.session === undefined) throw linkInvalid()
  reply.header('allow', METHODS)
  throw new ServiceError('method-not-allowed', `This address takes ${METHODS}.`)
}

/** The upload of a URL, which is the session of the request unless it is over. @throws ServiceError `link-invalid` */
async function lookUp(services: Services, request: FastifyRequest): Promise<SessionRequest> {
  const { upload_id: token } = request.query as SessionQuery
  if (typeof token !== 'string') throw linkInvalid()
  const { file: asked, claim } = await followToken(services, 'POST', token).catch((error) => {
    // The file is gone, and with it the upload.
    throw error instanceof ServiceError && error.code === 'file-not-found' ? linkInvalid() : error
  })
  const file = await settleUpload(services, asked, typeOf(asked))
  const session = { commands: new Set<Command>(), claim, file }
  if (['pending', 'stored'].includes(stateAt(file, services.clock.now()))) request.session = session
  return session
}

function typeOf({ name }: FileRecord): TypeOf {
  return (content) => readType(name, content)
}

function commandsOf({ headers }: FastifyRequest): ReadonlySet<Command> {
  const commands = commandsIn(headers)
  if (commands.size > 0 && !commands.has('start')) return commands
  const message = 'The URL of an upload takes the commands upload, finalize, query and cancel'
  throw invalidArgument('X-Goog-Upload-Command', message)
}

/** Bytes may be repeated, but not left out. @throws ServiceError `offset-mismatch`, `size-mismatch`, `field-invalid` */
function requireFit(request: FastifyRequest, file: FileRecord): void {
  const offset = offsetIn(request)
  const comes = offsetOf(file)
  if (offset > comes) {
    const message = `The upload goes on at byte ${comes}, not at byte ${offset}.`
    throw new ServiceError('offset-mismatch', message, { offset: comes })
  }
  const bodyBytes = bytesIn(request.headers, 'Content-Length') ?? 0
  if (isLengthKnown(file) && offset + bodyBytes > lengthOf(file)) throw tooLong(file)
}

function offsetIn({ headers }: FastifyRequest): number {
  const offset = bytesIn(headers, 'X-Goog-Upload-Offset')
  if (offset !== undefined) return offset
  throw invalidArgument('X-Goog-Upload-Offset', 'Send X-Goog-Upload-Offset')
}

function tooLong(file: FileRecord): ServiceError {
  return new ServiceError('size-mismatch', `The upload has ${lengthOf(file)} bytes, and more were sent.`)
}

/** Does what the commands ask for. */
export async function answerSession(
  context: Context,
  version: Version,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { services } = context
  const { session } = request
  if (session === undefined) throw new Error('an upload that was not looked up')
  const { commands } = session
  if (commands.has('cancel')) return cancel(services, session.file, reply)
  const after = commands.has('query') ? session.file : await receive(services, request, session)
  const isFinal = stateAt(after, services.clock.now()) === 'stored' && !isWaiting(session, after)
  reply.headers({ [STATUS]: isFinal ? 'final' : 'active', [SIZE_RECEIVED]: String(offsetOf(after)) })
  if (!isFinal) return reply.send()
  // Whoever goes on with an upload need not send the key that began it.
  const { fidelity } = request.query as SessionQuery
  const file = shown(context, request, version, fidelity === 'strict' ? 'strict' : 'open', after)
  return reply.send({ file })
}

/** An upload of unknown type is stored with its last byte; its client still has the right to finalize it. */
function isWaiting({ commands, file }: SessionRequest, after: FileRecord): boolean {
  return file.state === 'pending' && after.uploadMaxBytes !== null && !commands.has('finalize')
}

async function cancel(services: Services, file: FileRecord, reply: FastifyReply): Promise<FastifyReply> {
  if (file.state === 'stored') throw alreadyFinal()
  if (file.state === 'pending') await cancelOpenUpload(services, file)
  return reply.header(STATUS, 'cancelled').send()
}

/**
 * Takes the bytes of the request, and finalizes the upload if that is asked for and they have all come.
 * @throws ServiceError `link-invalid` if it was cancelled meanwhile, and what `appendUpload` throws
 */
async function receive(
  services: Services,
  request: FastifyRequest,
  session: SessionRequest,
): Promise<FileRecord> {
  const { commands, file } = session
  const isLast = commands.has('finalize')
  const bytes = commands.has('upload') ? await newBytes(services, request, file) : undefined
  let after = file
  if (!isWhole(file) && (bytes !== undefined || isLast))
    after = await append(services, request, session, bytes ?? none())
  else if (bytes !== undefined) await requireEmpty(bytes, file)
  if (!isLast || after.state !== 'pending' || !isWhole(after)) return after
  const input = { id: after.id, stateNames, md5: undefined }
  return completeUpload(services, callerFor(after), input).catch((error) => {
    throw error instanceof ServiceError && error.code === 'state-conflict' ? linkInvalid() : error
  })
}

/** The bytes of the request that have not come before; undefined: there are none. */
async function newBytes(
  services: Services,
  request: FastifyRequest,
  file: FileRecord,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const offset = offsetIn(request)
  return offset === offsetOf(file) ? request.raw : skipRepeated(services, file, request.raw, offset)
}

/** @throws ServiceError `size-mismatch` */
async function requireEmpty(bytes: AsyncIterable<Uint8Array>, file: FileRecord): Promise<void> {
  for await (const chunk of pacedBody(bytes)) if (chunk.byteLength > 0) throw tooLong(file)
}

async function* none(): AsyncGenerator<Uint8Array, void> {}

/** What came of a body that breaks off is kept: its client asks how far it has come, or sends the same bytes again. */
function append(
  services: Services,
  request: FastifyRequest,
  { commands, claim, file }: SessionRequest,
  bytes: AsyncIterable<Uint8Array>,
): Promise<FileRecord> {
  const offset = offsetOf(file)
  const isUpload = commands.has('upload')
  const length = isUpload ? bytesIn(request.headers, 'Content-Length') : 0
  const bodyBytes = length === undefined ? undefined : length - (isUpload ? offset - offsetIn(request) : 0)
  const isAll = offset === 0 && bodyBytes === remainingOf(file)
  const wanted = { md5: false, ...(isAll ? {} : { carried: { upload: file.id, offset } }) }
  const memory = request.server.memory.open(file.organizationId)
  return appendUpload(services, file, {
    offset,
    bodyBytes,
    isLast: commands.has('finalize'),
    body: (stop, maxBytes) =>
      receiveBody(bytes, { maxBytes, keepsWhatCame: true, stop }, wanted, 'passing', memory),
    linkExpiresAt: claim.expiresAt,
    typeOf: typeOf(file),
  })
}

/** Whoever has the URL finalizes the upload for who began it. */
function callerFor({ organizationId, projectId, createdBy }: FileRecord): Caller {
  return {
    keyId: '',
    organizationId,
    projectIds: [projectId],
    subject: { type: 'user', id: createdBy },
    role: 'member',
    scopes: ['files:create'],
    fidelity: 'open',
  }
}

/** Tells how an upload stands, also where the request is refused. */
export function headersAfter(thrown: unknown, { session }: FastifyRequest): Record<string, string> {
  const { code, offset } = toServiceError(thrown)
  if (session?.file.state === 'stored') return { [STATUS]: 'final' }
  if (fatal.includes(code)) return { [STATUS]: 'cancelled' }
  const received = offset ?? (session && offsetOf(session.file))
  return { [STATUS]: 'active', ...(received === undefined ? {} : { [SIZE_RECEIVED]: String(received) }) }
}

/** Runs a step of a request. An error that ends the upload frees what it holds, unless another request has finalized it. */
export async function endingIfFatal<T>(
  services: Services,
  request: FastifyRequest,
  step: () => Promise<T>,
): Promise<T> {
  try {
    return await step()
  } catch (error) {
    const { session } = request
    const { code } = toServiceError(error)
    if (session === undefined || !fatal.includes(code)) throw error
    const file = await services.metadata.findFile(session.file.id).catch(() => undefined)
    if (file?.state === 'stored') {
      request.session = { ...session, file }
      throw code === 'link-invalid' ? alreadyFinal() : error
    }
    await cancelOpenUpload(services, session.file).catch(() => undefined)
    throw error
  }
}

function alreadyFinal(): ServiceError {
  return new ServiceError('rule-violated', 'The upload is final.')
}
