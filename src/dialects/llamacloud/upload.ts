import type { FastifyReply, FastifyRequest } from 'fastify'
import { resolveProject } from '../../core/access/admit.ts'
import { ServiceError } from '../../core/errors.ts'
import { type CreateFile, createFile } from '../../core/files/create-file.ts'
import type { FileRecord } from '../../core/files/file.ts'
import type { Holding } from '../../core/limits/fair-budget.ts'
import { issueDownload } from '../../core/links/link.ts'
import type { Services } from '../../core/services.ts'
import { expectBytes, type ReceivedBytes } from '../../core/uploads/receive-bytes.ts'
import { hasBody } from '../../http/routing.ts'
import { receiveBody } from '../../intake/body.ts'
import { pacedBody } from '../../intake/body-source.ts'
import { shownName, shownType, toldType } from '../../intake/file-type.ts'
import { type FilePart, type MultipartOptions, parseMultipart } from '../../intake/multipart/multipart.ts'
import { HeadCapture } from '../../intake/sniff.ts'
import { operation } from '../operation.ts'
import { Fields, type Problems, reading, readScope } from './fields.ts'
import { DEFAULT_URL_SECONDS } from './requests.ts'
import { beta, type Context, creates, firstVersion } from './routes.ts'
import * as schemas from './schemas.ts'
import { EXAMPLE_PURPOSE, type LlamaCloudSettings, type Purpose, purposes } from './settings.ts'
import * as v1Schemas from './v1/schemas.ts'
import * as v1 from './v1/wire.ts'
import { retentionOf, toFileBody } from './wire.ts'

/** What surrounds the file in a form: boundaries, headers and fields. */
const MAX_FORM_OVERHEAD_BYTES = 1024 * 1024
/** A name of that length in UTF-8, and once more as `filename*` with every byte escaped, and the rest. */
const MAX_PART_HEADER_BYTES = 64 * 1024

export interface ReceivedFile {
  readonly filename: string
  readonly mimeType: string
}

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
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', (_request, _payload, done) => done(null))
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
      const externalId = fields.externalId()
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
      const externalId = query.externalId()
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
  const { headers } = request
  if (!/^multipart\/form-data\s*(;|$)/i.test(headers['content-type'] ?? '')) {
    throw new ServiceError('body-type-unsupported', 'Expected multipart/form-data')
  }
  if (Number(headers['content-length'] ?? 0) > maxFileBytes + MAX_FORM_OVERHEAD_BYTES)
    throw tooLarge(maxFileBytes)
}

/**
 * A form with a file, streamed to the store while it is parsed, in whatever order its parts come. What the fields say is
 * judged once the last part is there; whatever is wrong, nothing of the file stays.
 * @throws InvalidRequest with all problems; ServiceError `request-malformed`, `bytes-too-many`, `quota-exceeded`, …
 */
async function receiveUpload(
  services: Services,
  request: FastifyRequest,
  form: UploadForm,
  settings: LlamaCloudSettings,
): Promise<FileRecord> {
  const projectId = await resolveProject(services, request.caller, readScope(request.query))
  const { organizationId } = request.caller
  // A form is longer than its file, by the overhead at most. A chunked one does not announce its length.
  const { 'content-length': length } = request.headers
  const atLeast = Math.max(0, Number(length ?? 0) - MAX_FORM_OVERHEAD_BYTES)
  const atMost = Math.min(settings.maxFileBytes, Number(length ?? Number.POSITIVE_INFINITY))
  const reserve = { organizationId, projectId, files: 1, bytes: atLeast }
  await using received = await expectBytes(services, { organizationId, size: { atLeast, atMost }, reserve })
  const { file, fields } = await receiveForm(request, received, form, settings)
  const described = reading((problems) => {
    const loc = ['body', form.filePart]
    if (file === undefined) problems.missing(loc)
    else problems.nameTooLong(loc, file.filename)
    return form.describe(request, Fields.of(fields, ['body'], problems), problems)
  })
  if (received.digests.sizeBytes === 0 && !settings.allowEmptyFiles) throw emptyFile()
  const { filename: name, mimeType } = file as ReceivedFile
  return await createFile(services, request.caller, { projectId, name, mimeType, ...described }, received)
}

/** The file, if there is one, and the fields that the form knows. */
async function receiveForm(
  request: FastifyRequest,
  received: ReceivedBytes,
  form: UploadForm,
  settings: LlamaCloudSettings,
): Promise<{ file: ReceivedFile | undefined; fields: object }> {
  const fields = new Map<string, string>()
  let file: ReceivedFile | undefined
  const options: MultipartOptions = {
    bodyBytes: settings.maxFileBytes + MAX_FORM_OVERHEAD_BYTES,
    headerBytes: MAX_PART_HEADER_BYTES,
    // A file needs no filename: SDKs send bytes without one. FastAPI ignores what it has no parameter for.
    roleOf(name, hasFilename) {
      if (name === form.filePart) return 'file'
      return !hasFilename && form.fields.includes(name) ? 'field' : 'ignored'
    },
  }
  const memory = request.server.memory.open(request.caller.organizationId)
  const body = pacedBody(request.raw)
  for await (const part of parseMultipart(request.headers['content-type'], body, options)) {
    if (part.kind === 'field') fields.set(part.name, part.value)
    else {
      const filename = baseName(part.filename, part.isFilenameGuess)
      file = await receiveFile(received, { ...part, filename }, memory, settings)
    }
  }
  return { file, fields: Object.fromEntries(fields) }
}

/**
 * Bytes with a name, and the type that they are told to have, or show.
 * @throws ServiceError `bytes-too-many`, and what the body throws; then nothing of them stays
 */
export async function receiveFile(
  received: ReceivedBytes,
  { body, filename, contentType }: Pick<FilePart, 'body' | 'filename' | 'contentType'>,
  memory: Holding,
  { maxFileBytes }: LlamaCloudSettings,
): Promise<ReceivedFile> {
  const type = toldType(contentType, filename) ?? new HeadCapture(body)
  const bytes = typeof type === 'string' ? body : type
  try {
    await received.fill(receiveBody(bytes, { maxBytes: maxFileBytes }, { md5: false }, 'passing', memory))
    const mimeType = typeof type === 'string' ? type : await shownType(filename, type)
    return { filename, mimeType }
  } catch (error) {
    throw error instanceof ServiceError && error.code === 'bytes-too-many' ? tooLarge(maxFileBytes) : error
  }
}

/**
 * The last segment of a path of any system. SDKs send paths; a file has a name.
 * @param isGuess whether the text is what bytes of an unknown charset are in Latin-1. In Shift-JIS, GBK and Big5 the byte of
 * a backslash is half of many characters, always behind one of 0x80 or more; behind such a byte it separates nothing.
 */
export function baseName(filename: string, isGuess = false): string {
  const separator = isGuess ? /(?<=^|[\0-\x7f])\\|\//g : /[\\/]/g
  return filename.split(separator).at(-1) ?? ''
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

export function tooLarge(maxFileBytes: number): ServiceError {
  return new ServiceError('bytes-too-many', `File exceeds the maximum upload size of ${maxFileBytes} bytes`)
}
