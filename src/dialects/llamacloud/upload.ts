import type { FastifyReply, FastifyRequest } from 'fastify'
import { resolveProject } from '../../core/access/admit.ts'
import { ServiceError } from '../../core/errors.ts'
import type { CreateFile } from '../../core/files/create-file.ts'
import type { FileRecord } from '../../core/files/file.ts'
import { issueDownload } from '../../core/links/link.ts'
import type { Services } from '../../core/services.ts'
import { Fields, type Problems, reading } from '../../http/fields.ts'
import { createFromForm, requireForm } from '../../http/form-upload.ts'
import { operation } from '../../http/operation.ts'
import { hasBody } from '../../http/routing.ts'
import { leaveBodiesUnread } from '../../http/unread-body.ts'
import { shownName } from '../../intake/file-type.ts'
import { checkNameLength, externalIdIn, readScope } from './fields.ts'
import { DEFAULT_URL_SECONDS } from './requests.ts'
import { beta, type Context, creates, firstVersion } from './routes.ts'
import * as schemas from './schemas.ts'
import { EXAMPLE_PURPOSE, type LlamaCloudSettings, type Purpose, purposes } from './settings.ts'
import * as v1Schemas from './v1/schemas.ts'
import * as v1 from './v1/wire.ts'
import { retentionOf, toFileBody } from './wire.ts'

/** The form of one version of the API. */
interface UploadForm {
  /** The part that is the file. */
  readonly filePart: string
  /** Parts that are read besides; all others are ignored. */
  readonly fields: readonly string[]
  /** Those of them that must be there. */
  readonly requiredFields: readonly string[]
  /** What the file will be, as request and fields say. Notes what is wrong with them. */
  readonly describe: (
    request: FastifyRequest,
    fields: Fields,
    problems: Problems,
  ) => Pick<CreateFile, 'purpose' | 'externalId' | 'expiry'>
}

/** The uploads of both versions. The server leaves their bodies alone: each form is read from the connection as it comes. */
export function addUploads(context: Context): void {
  const { server, services, settings } = context
  leaveBodiesUnread(server)
  const takesForm = { ...creates, consumes: ['multipart/form-data'] }
  const docs = operation(beta.tag, 'files.create', 'Upload a file', {
    ...takesForm,
    querystring: schemas.ScopeQuery,
    body: schemas.CreateForm,
    response: { 201: schemas.FileBody },
  })
  addUpload(context, beta.path, docs, betaForm(context), async (file, reply) => {
    const link = settings.urlOnCreate
      ? await issueDownload(services, file, shownName(file), DEFAULT_URL_SECONDS)
      : undefined
    reply.code(201)
    return toFileBody(file, link, settings)
  })
  const firstDocs = operation(firstVersion.tag, 'v1.upload_file', 'Upload a file', {
    ...takesForm,
    querystring: v1Schemas.UploadQuery,
    body: v1Schemas.UploadForm,
    response: { 200: v1Schemas.FileBody },
  })
  addUpload(context, firstVersion.path, firstDocs, firstForm(context), async (file) => v1.toFileBody(file))
}

function betaForm({ services, settings }: Context): UploadForm {
  return {
    filePart: 'file',
    fields: ['purpose', 'external_file_id'],
    requiredFields: ['purpose'],
    describe(_request, fields, problems) {
      const purpose = readPurpose(fields, settings, problems)
      const externalId = externalIdIn(fields)
      return { purpose, externalId, expiry: retentionOf(purpose, services.clock.now(), settings) }
    },
  }
}

function firstForm({ services }: Context): UploadForm {
  return {
    filePart: 'upload_file',
    fields: [],
    requiredFields: [],
    describe(request, _fields, problems) {
      const query = Fields.of(request.query, ['query'], problems)
      const externalId = externalIdIn(query)
      const storageType = query.oneOf('storage_type', v1.storageTypes)
      return { purpose: null, externalId, expiry: v1.expiryOf(storageType, services.clock.now()) }
    },
  }
}

function addUpload(
  { server, services, settings }: Context,
  path: string,
  docs: ReturnType<typeof operation>,
  form: UploadForm,
  answer: (file: FileRecord, reply: FastifyReply) => Promise<object>,
): void {
  server.post(
    path,
    { ...docs, onRequest: async (request) => checkAnnouncement(request, form, settings) },
    async (request, reply) => answer(await receiveUpload(services, request, form, settings), reply),
  )
}

/**
 * Before a byte is read: only a form gets in, and none that is announced to be too large.
 * @throws InvalidRequest if there is no body; ServiceError `body-type-unsupported`, `bytes-too-many`
 */
function checkAnnouncement(
  request: FastifyRequest,
  form: UploadForm,
  { maxFileBytes }: LlamaCloudSettings,
): void {
  if (!hasBody(request)) {
    // Whatever type it names, what it lacks is the parts.
    reading((problems) => {
      for (const name of [form.filePart, ...form.requiredFields]) problems.missing(['body', name])
    })
  }
  requireForm(request, maxFileBytes)
}

/** @throws InvalidRequest with all problems; what `createFromForm` throws */
async function receiveUpload(
  services: Services,
  request: FastifyRequest,
  form: UploadForm,
  { maxFileBytes, allowEmptyFiles }: LlamaCloudSettings,
): Promise<FileRecord> {
  const projectId = await resolveProject(services, request.caller, readScope(request.query))
  const { filePart, fields } = form
  return createFromForm(services, request, {
    projectId,
    rules: { filePart, fields, maxFileBytes },
    describe({ file, fields: sent }) {
      const described = reading((problems) => {
        const loc = ['body', filePart]
        if (file === undefined) problems.missing(loc)
        else checkNameLength(problems, loc, file.filename)
        return form.describe(request, Fields.of(Object.fromEntries(sent), ['body'], problems), problems)
      })
      if (file?.sizeBytes === 0 && !allowEmptyFiles) throw emptyFile()
      return described
    },
  })
}

function readPurpose(fields: Fields, { anyPurpose }: LlamaCloudSettings, problems: Problems): string {
  const purpose = fields.required('purpose')
  const loc = ['body', 'purpose']
  if (purpose !== '' && !purposes.includes(purpose as Purpose) && purpose !== EXAMPLE_PURPOSE && !anyPurpose)
    problems.notOneOf(loc, purposes, purpose)
  else problems.notNul(loc, purpose)
  return purpose
}

export function emptyFile(): ServiceError {
  return new ServiceError('rule-violated', 'Uploaded file is empty')
}
