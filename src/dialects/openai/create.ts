import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FileRecord } from '../../core/files/file.ts'
import { createFromForm, requireForm } from '../../http/form-upload.ts'
import { hasBody } from '../../http/routing.ts'
import { flavourOf } from './flavours.ts'
import { expiryOf, formFields, missing, readFormFields, refuseUnknown, requireName } from './requests.ts'
import { type Context, creates, onEachPath, projectOf, TAG } from './routes.ts'
import * as schemas from './schemas.ts'
import { maxBytesOf, requireTaken } from './strict.ts'
import { toFileBody } from './wire.ts'

export const takesForm = {
  ...creates,
  failures: [...creates.failures, 'request-malformed', 'bytes-too-many', 'rule-violated'],
  consumes: ['multipart/form-data'],
} as const

/** A file that comes whole. Its form is read from the connection as it comes. */
export function addCreate(context: Context): void {
  const { server, settings } = context
  onEachPath((basePath, documented) => {
    const docs = documented(TAG, 'createFile', 'Upload a file', {
      ...takesForm,
      body: schemas.CreateForm,
      response: { 200: schemas.FileBody },
    })
    const onRequest = async (request: FastifyRequest) =>
      requireFormOf('file', request, maxBytesOf(request.caller, settings, 'whole'))
    server.post(`${basePath}/files`, { ...docs, onRequest }, async (request, reply: FastifyReply) => {
      reply.code(flavourOf(request).createdStatus(basePath))
      return toFileBody(await receiveFile(context, request))
    })
  })
}

/**
 * Before a byte is read: only a form gets in, and none that is announced to be too large.
 * @throws ServiceError `field-missing`, `body-type-unsupported`, `bytes-too-many`
 */
export function requireFormOf(part: string, request: FastifyRequest, maxBytes: number): void {
  if (!hasBody(request)) throw missing(part)
  requireForm(request, maxBytes)
}

/** @throws ServiceError those of `readFormFields`, `requireTaken` and `createFromForm` */
async function receiveFile({ services, settings }: Context, request: FastifyRequest): Promise<FileRecord> {
  const { caller } = request
  const projectId = await projectOf(services, request)
  const maxFileBytes = maxBytesOf(caller, settings, 'whole')
  return createFromForm(services, request, {
    projectId,
    // Its SDKs write a quote so where they stream, too, which no boundary shows.
    rules: { filePart: 'file', fields: formFields, escapesQuotes: true, maxFileBytes },
    async describe({ file, fields, unknown }) {
      refuseUnknown(unknown, settings)
      if (file === undefined) throw missing('file')
      requireName('file', file.filename)
      const asked = readFormFields(fields, flavourOf(request))
      const { purpose } = asked
      const { filename: name, sizeBytes, uncountedBytes } = file
      await requireTaken(services, caller, { projectId, name, purpose, sizeBytes, uncountedBytes })
      return { purpose, externalId: null, expiry: expiryOf(asked, settings) }
    },
  })
}
