import type { FastifyRequest } from 'fastify'
import { resolveProject } from '../../core/access/admit.ts'
import { ServiceError } from '../../core/errors.ts'
import type { ExpiryRule } from '../../core/files/create-file.ts'
import type { FileRecord } from '../../core/files/file.ts'
import { maxFileBytesFor, requireVendorQuota, type VendorQuota } from '../../core/limits/strict-limits.ts'
import { SECOND_MS } from '../../core/ports/clock.ts'
import { createFromForm, requireForm } from '../../http/form-upload.ts'
import { operation } from '../../http/operation.ts'
import { hasBody } from '../../http/routing.ts'
import { checkFilename, readLifetime, readWorkspace, WORKSPACE_HEADER } from './requests.ts'
import { type Context, FILES_PATH, TAG } from './routes.ts'
import * as schemas from './schemas.ts'
import { toFileBody, toWorkspaceId, viewOf } from './wire.ts'

/** What the vendor documents as 500 MB and 1 TB. */
const VENDOR_MAX_FILE_BYTES = 500 * 1024 ** 2
const VENDOR_QUOTA: VendorQuota = {
  holder: 'organization',
  maxBytes: 1024 ** 4,
  refusal: 'Storage quota exceeded.',
}

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
  requireForm(request, maxFileBytesOf(request, context))
}

/** @throws ServiceError `field-invalid`, `field-missing`, `project-forbidden`, those of `createFromForm` */
async function receiveUpload(context: Context, request: FastifyRequest): Promise<FileRecord> {
  const { services } = context
  const { caller, headers } = request
  const project = readWorkspace(headers)
  const projectId = await resolveProject(services, caller, { project, organization: undefined })
  return createFromForm(services, request, {
    projectId,
    rules: { ...FORM, maxFileBytes: maxFileBytesOf(request, context) },
    async describe({ file, fields }) {
      if (file === undefined) throw fileMissing()
      checkFilename(file.filename)
      const expiry = expiryOf(readLifetime(fields))
      const { shape, isStrict } = viewOf(headers, caller)
      if (isStrict && shape === 'beta' && file.declaredType === undefined) throw typeMissing()
      await requireVendorQuota(services, caller, VENDOR_QUOTA, projectId, file.uncountedBytes)
      return { purpose: null, externalId: null, expiry }
    },
  })
}

function expiryOf(seconds: number | undefined): ExpiryRule {
  return seconds === undefined ? { policy: 'never' } : { policy: 'at', afterMs: seconds * SECOND_MS }
}

function maxFileBytesOf({ caller }: FastifyRequest, { settings }: Context): number {
  return maxFileBytesFor(caller, settings.maxFileBytes, VENDOR_MAX_FILE_BYTES)
}

function fileMissing(): ServiceError {
  return new ServiceError('field-missing', 'file: Field required', { field: 'file' })
}

function typeMissing(): ServiceError {
  return new ServiceError('field-missing', 'file: Content-Type required', { field: 'file' })
}
