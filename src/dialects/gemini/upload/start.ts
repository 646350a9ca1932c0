import type { FastifyReply, FastifyRequest } from 'fastify'
import { defaultProject } from '../../../core/access/admit.ts'
import { ServiceError } from '../../../core/errors.ts'
import type { FileRecord } from '../../../core/files/file.ts'
import { requireVendorQuota } from '../../../core/limits/strict-limits.ts'
import { issueToken } from '../../../core/links/link-token.ts'
import { SECOND_MS } from '../../../core/ports/clock.ts'
import { requireAppends } from '../../../core/uploads/append-upload.ts'
import { UNKNOWN_TYPE } from '../../../core/uploads/receive-upload.ts'
import { startUpload } from '../../../core/uploads/start-upload.ts'
import { readJsonBody } from '../../../http/json-body.ts'
import { pathOf } from '../../../http/routing.ts'
import { withDoubleQuotes } from '../fields.ts'
import { PREFIX } from '../ids.ts'
import type { Context } from '../routes.ts'
import { STATUS } from './commands.ts'
import { maxFileBytesOf, requireFit, VENDOR_QUOTA } from './limits.ts'
import { fixedFields, readMetadata } from './metadata.ts'

/** What the vendor asks of all chunks but the last; here any size will do. */
const GRANULARITY_BYTES = 8 * 1024 * 1024

/** Begins an upload that its URL alone lets others go on with. @throws ServiceError */
export async function startResumable(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { services, settings } = context
  const { caller, headers } = request
  // A URL that was made before would not stay good.
  requireAppends(services)
  const { mimeType, sizeBytes, ...metadata } = readMetadata(
    services,
    headers,
    await readJsonBody(request, withDoubleQuotes),
  )
  const projectId = defaultProject(caller)
  const maxFileBytes = maxFileBytesOf(caller, settings)
  requireFit(maxFileBytes, sizeBytes ?? 0)
  await requireVendorQuota(services, caller, VENDOR_QUOTA, projectId, sizeBytes ?? 0)
  // A file of unknown length or type is stored as its last bytes come, when both are known.
  const isOpen = sizeBytes === undefined || mimeType === undefined
  const file = await startUpload(services, caller, {
    ...metadata,
    ...fixedFields(services, settings),
    projectId,
    mimeType: mimeType ?? UNKNOWN_TYPE,
    sizeBytes: sizeBytes ?? 0,
    ...(isOpen && { maxBytes: sizeBytes ?? maxFileBytes }),
    lifetimeSeconds: settings.uploadSeconds,
    writeOnce: false,
    sha256: null,
  }).catch((error) => {
    throw asTaken(error, metadata.alias)
  })
  const url = uploadUrlOf(context, request, file)
  return reply
    .headers({
      'x-goog-upload-url': url,
      'x-goog-upload-control-url': url,
      'x-goog-upload-chunk-granularity': String(GRANULARITY_BYTES),
      [STATUS]: 'active',
    })
    .send()
}

/** Clients add nothing to it; some put their own origin in place of the public one. */
function uploadUrlOf({ services, settings }: Context, request: FastifyRequest, file: FileRecord): string {
  const expiresAt = file.createdAt + settings.uploadSeconds * SECOND_MS
  const token = issueToken(services, file, { method: 'POST', expiresAt, serves: 'inert' })
  const path = pathOf(request.url)
  // The file is shown as the key would see it, which does not come along.
  const fidelity = request.caller.fidelity === 'strict' ? '&fidelity=strict' : ''
  return `${services.addresses.publicUrl}${path}?upload_id=${token}&upload_protocol=resumable${fidelity}`
}

/** A name that is taken, in the vendor's words. */
export function asTaken(error: unknown, alias: string | null): unknown {
  if (!(error instanceof ServiceError) || error.code !== 'name-taken') return error
  return new ServiceError('name-taken', `File ${PREFIX}${alias} already exists.`, { cause: error })
}
