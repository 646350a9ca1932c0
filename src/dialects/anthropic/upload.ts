import type { FastifyRequest } from 'fastify'
import { resolveProject } from '../../core/access/admit.ts'
import { ServiceError } from '../../core/errors.ts'
import { createFile, type ExpiryRule } from '../../core/files/create-file.ts'
import type { FileRecord } from '../../core/files/file.ts'
import { quotaExceeded } from '../../core/limits/quota.ts'
import { SECOND_MS } from '../../core/ports/clock.ts'
import type { Services } from '../../core/services.ts'
import { expectFormFile, receiveForm, requireForm } from '../../http/form-upload.ts'
import { hasBody } from '../../http/routing.ts'
import { operation } from '../operation.ts'
import { checkFilename, readLifetime, readWorkspace, WORKSPACE_HEADER } from './requests.ts'
import { type Context, FILES_PATH, TAG } from './routes.ts'
import * as schemas from './schemas.ts'
import { toFileBody, toWorkspaceId, viewOf } from './wire.ts'

/** What the vendor documents as 500 MB and 1 TB. */
const STRICT_MAX_FILE_BYTES = 500 * 1024 ** 2
const STRICT_MAX_ORGANIZATION_BYTES = 1024 ** 4

const FORM = { filePart: 'file', fields: ['expires_in_seconds'], dropsControls: true } as const

const creates = {
  access: { scope: 'files:create', limit: 'write' },
  failures: [
    'field-invalid',
    'project-forbidden',
    'request-malformed',
    'bytes-too-many',
    'quota-exceeded',
    'storage-full',
  ],
} as const

export function addUpload(context: Context): void {
  const docs = operation(TAG, 'UploadFileV1FilesPost', 'Upload a file', {
    ...creates,
    consumes: ['multipart/form-data'],
    body: schemas.UploadForm,
    response: { 200: schemas.FileBody },
  })
  context.server.post(
    FILES_PATH,
    { ...docs, onRequest: async (request) => checkAnnouncement(request, context) },
    async (request, reply) => {
      const file = await receiveUpload(context, request)
      reply.header(WORKSPACE_HEADER, toWorkspaceId(file.projectId))
      return toFileBody(file, viewOf(request.headers, request.caller))
    },
  )
}

/** Before a byte is read. @throws ServiceError `field-missing`, `body-type-unsupported`, `bytes-too-many` */
function checkAnnouncement(request: FastifyRequest, context: Context): void {
  if (!hasBody(request)) throw fileMissing()
  requireForm(request, maxFileBytesFor(request, context))
}

/**
 * A form with a file, streamed to the store while it is parsed, in whatever order its parts come. Whatever is wrong, nothing of
 * the file stays.
 * @throws ServiceError `field-invalid`, `request-malformed`, `bytes-too-many`, `quota-exceeded`, …
 */
async function receiveUpload(context: Context, request: FastifyRequest): Promise<FileRecord> {
  const { services } = context
  const { caller, headers } = request
  const project = readWorkspace(headers)
  const projectId = await resolveProject(services, caller, { project, organization: undefined })
  const maxFileBytes = maxFileBytesFor(request, context)
  await using received = await expectFormFile(services, request, projectId, maxFileBytes)
  const { file, fields } = await receiveForm(request, received, { ...FORM, maxFileBytes })
  if (file === undefined) throw fileMissing()
  checkFilename(file.filename)
  const expiry = expiryOf(readLifetime(fields))
  const { shape, isStrict } = viewOf(headers, caller)
  if (isStrict) {
    if (shape === 'beta' && file.declaredType === undefined) throw typeMissing()
    await requireVendorQuota(services, request, received.digests.sizeBytes - (received.reserved?.bytes ?? 0))
  }
  const { filename: name, mimeType } = file
  const input = { projectId, name, mimeType, purpose: null, externalId: null, expiry }
  return await createFile(services, caller, input, received)
}

function expiryOf(seconds: number | undefined): ExpiryRule {
  return seconds === undefined ? { policy: 'never' } : { policy: 'at', afterMs: seconds * SECOND_MS }
}

function maxFileBytesFor({ caller }: FastifyRequest, { settings }: Context): number {
  const { maxFileBytes } = settings
  return caller.fidelity === 'strict' ? Math.min(maxFileBytes, STRICT_MAX_FILE_BYTES) : maxFileBytes
}

/** @param moreBytes beyond what is counted already. @throws ServiceError `quota-exceeded` */
async function requireVendorQuota(
  { metadata }: Services,
  { caller }: FastifyRequest,
  moreBytes: number,
): Promise<void> {
  const { bytes } = await metadata.usage('organization', caller.organizationId)
  if (bytes + moreBytes > STRICT_MAX_ORGANIZATION_BYTES) throw quotaExceeded()
}

function fileMissing(): ServiceError {
  return new ServiceError('field-missing', 'file: Field required', { field: 'file' })
}

function typeMissing(): ServiceError {
  return new ServiceError('field-missing', 'file: Content-Type required', { field: 'file' })
}
