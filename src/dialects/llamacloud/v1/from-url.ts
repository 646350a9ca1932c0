import type { FastifyReply, FastifyRequest } from 'fastify'
import { resolveProject } from '../../../core/access/admit.ts'
import { ServiceError } from '../../../core/errors.ts'
import { createFile } from '../../../core/files/create-file.ts'
import type { FileRecord } from '../../../core/files/file.ts'
import { WorkLimit } from '../../../core/limits/work-limit.ts'
import { expectBytes } from '../../../core/uploads/receive-bytes.ts'
import { baseName, type ReceivedFile, receiveFile, tooLarge } from '../../../http/form-upload.ts'
import { whileCallerStays } from '../../../http/while-caller-stays.ts'
import { dispositionName } from '../../../intake/multipart/headers.ts'
import { openSource, type Source } from '../../../outbound/open-source.ts'
import { MAX_NAME_CHARACTERS } from '../fields.ts'
import type { Context } from '../routes.ts'
import { emptyFile } from '../upload.ts'
import { type RequestedFetch, readFetchRequest } from './requests.ts'
import { expiryOf } from './wire.ts'

/** Longer than any client waits for an answer that does not begin. */
const MAX_FETCH_MS = 10 * 60_000
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

/** Sources may answer as slowly as uploads may come, and each costs a connection more than those. */
const MAX_FETCHES_OF_ORGANIZATION = 16

/** How many fetches each organization has under way. */
export const fetchLimit = () =>
  new WorkLimit({
    maxAtOnce: MAX_FETCHES_OF_ORGANIZATION,
    refusal: `At most ${MAX_FETCHES_OF_ORGANIZATION} files are fetched at a time`,
  })

/**
 * Fetches a resource of the network as a file of the caller's. The fetch ends when the caller closes its connection, or the sending half
 * of it.
 * @throws ServiceError `operation-off` unless the operator allows it; `rule-violated` if it may not or cannot be fetched, or
 *   its caller has left; `rate-limited`, `bytes-too-many`, `quota-exceeded`
 */
export async function uploadFromUrl(
  context: Context,
  fetches: WorkLimit,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FileRecord> {
  const { services, settings } = context
  if (!settings.uploadFromUrl) {
    const message = 'Uploads from URLs are switched off here: ENTREPOT_LLAMACLOUD_UPLOAD_FROM_URL is not on'
    throw new ServiceError('operation-off', message)
  }
  const asked = readFetchRequest(request)
  const projectId = await resolveProject(services, request.caller, asked.scope)
  const fetchAndStore = (gone: AbortSignal) => fetchFile(context, request, projectId, asked, gone)
  const left = new ServiceError(
    'rule-violated',
    'The fetch ended because its caller closed the connection, which has to stay open both ways',
  )
  return fetches.run(request.caller.organizationId, () =>
    whileCallerStays(request, reply, left, fetchAndStore),
  )
}

async function fetchFile(
  { server, services, settings }: Context,
  { caller }: FastifyRequest,
  projectId: string,
  asked: RequestedFetch,
  gone: AbortSignal,
): Promise<FileRecord> {
  const { maxFileBytes, allowEmptyFiles, uploadFromUrlAllowedHosts: allowedHosts } = settings
  const { organizationId } = caller
  const signal = AbortSignal.any([gone, AbortSignal.timeout(MAX_FETCH_MS)])
  using opened = new DisposableStack()
  const source = opened.adopt(await openSource({ ...asked, signal }, { allowedHosts }), (open) =>
    open.close(),
  )
  const announced = Number(source.headers['content-length'] ?? Number.NaN)
  if (announced > maxFileBytes) throw tooLarge(maxFileBytes)
  const atLeast = announced || 0
  await using received = await expectBytes(services, {
    organizationId,
    size: { atLeast, atMost: announced || maxFileBytes },
    reserve: { organizationId, projectId, files: 1, bytes: atLeast },
  })
  const name = asked.name ?? nameOf(source, asked.url)
  const part = { body: source.body, filename: name, contentType: source.headers['content-type'] }
  const memory = server.memory.open(organizationId)
  const { mimeType } = await receiveFile(received, part, memory, settings).catch(asSourceFault)
  if (received.digests.sizeBytes === 0 && !allowEmptyFiles) throw emptyFile()
  gone.throwIfAborted()
  const { externalId, storageType } = asked
  const expiry = expiryOf(storageType, services.clock.now())
  const input = { projectId, name, mimeType, purpose: null, externalId, expiry }
  return await createFile(services, caller, input, received)
}

/** The caller's own body came whole: what was slow is not of its making, and the status must not say so. */
function asSourceFault(error: unknown): ReceivedFile {
  const isSlow = error instanceof ServiceError && error.code === 'body-too-slow'
  throw isSlow
    ? new ServiceError('rule-violated', 'The answer of the URL came too slowly.', { cause: error })
    : error
}

/** As the answer calls it, else the end of the path; empty where neither has a name. */
function nameOf({ headers }: Source, url: string): string {
  const names = [dispositionName(headers['content-disposition']), endOfPath(url)]
  return names.map((name) => baseName(name ?? '').trim()).find(isName) ?? ''
}

function isName(name: string): boolean {
  return name !== '' && !CONTROL.test(name) && name.isWellFormed() && [...name].length <= MAX_NAME_CHARACTERS
}

function endOfPath(url: string): string {
  const segment = new URL(url).pathname.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
