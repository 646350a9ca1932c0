import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../../core/errors.ts'
import { type CreateFile, createFile } from '../../core/files/create-file.ts'
import type { FileRecord } from '../../core/files/file.ts'
import type { Holding } from '../../core/limits/fair-budget.ts'
import type { UsageOf } from '../../core/ports/changes.ts'
import type { Services } from '../../core/services.ts'
import { expectBytes, type ReceivedBytes } from '../../core/uploads/receive-bytes.ts'
import { hasBody } from '../../http/routing.ts'
import { pacedBody, receiveBody } from '../../intake/body.ts'
import { shownType, toldType } from '../../intake/file-type.ts'
import { type FilePart, type PartRole, parseMultipart } from '../../intake/multipart/multipart.ts'
import { HeadCapture } from '../../intake/sniff.ts'
import { type Location, Problems, reading } from './fields.ts'
import { EXAMPLE_PURPOSE, type LlamaCloudSettings, type Purpose, purposes } from './settings.ts'
import { retentionOf } from './wire.ts'

/** What surrounds the file in a form: boundaries, headers and fields. */
const MAX_FORM_OVERHEAD_BYTES = 1024 * 1024
export const MAX_NAME_CHARACTERS = 3000
/** A name of that length in UTF-8, and once more as `filename*` with every byte escaped, and the rest. */
const MAX_PART_HEADER_BYTES = 64 * 1024

export interface ReceivedFile {
  readonly filename: string
  readonly mimeType: string
}

/** The form of one version of the API. */
export interface UploadForm {
  /** The part that is the file. */
  readonly filePart: string
  /** Parts that are read besides; all others are ignored. */
  readonly fields: readonly string[]
  /** Those of them that must be there. */
  readonly requiredFields: readonly string[]
  /** What the file will be, as request and fields say. Notes what is wrong with them. */
  readonly describe: (
    request: FastifyRequest,
    fields: ReadonlyMap<string, string>,
    problems: Problems,
  ) => Pick<CreateFile, 'purpose' | 'externalId' | 'expiry'>
}

/** The form of `/api/v1/beta/files`. */
export function betaForm({ clock }: Services, settings: LlamaCloudSettings): UploadForm {
  return {
    filePart: 'file',
    fields: ['purpose', 'external_file_id'],
    requiredFields: ['purpose'],
    describe: (_request, fields, problems) => {
      const purpose = readPurpose(fields, settings, problems)
      const externalId = fields.get('external_file_id') || null
      problems.notNul(['body', 'external_file_id'], externalId)
      return { purpose, externalId, expiry: retentionOf(purpose, clock.now(), settings) }
    },
  }
}

/**
 * Before a byte is read: only a form gets in, and none that is announced to be too large.
 * @throws InvalidRequest if there is no body; ServiceError `body-type-unsupported`, `bytes-too-many`
 */
export function checkAnnouncement(
  request: FastifyRequest,
  form: UploadForm,
  { maxFileBytes }: LlamaCloudSettings,
): void {
  if (!hasBody(request)) {
    // It has no content type either by now; what it lacks is the parts.
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
export async function receiveUpload(
  services: Services,
  request: FastifyRequest,
  projectId: string,
  form: UploadForm,
  settings: LlamaCloudSettings,
): Promise<FileRecord> {
  const reserve = reservation(request, projectId)
  const { organizationId } = reserve
  const size = { atLeast: reserve.bytes, atMost: mostFileBytes(request, settings) }
  await using received = await expectBytes(services, { organizationId, size, reserve })
  const { file, fields } = await receiveForm(request, received, form, settings)
  const problems = new Problems()
  const name = checkFile(file, form, problems)
  const described = form.describe(request, fields, problems)
  problems.settle()
  if (received.digests.sizeBytes === 0 && !settings.allowEmptyFiles) throw emptyFile()
  const { mimeType } = file as ReceivedFile
  return await createFile(services, request.caller, { projectId, name, mimeType, ...described }, received)
}

interface ReceivedForm {
  readonly file: ReceivedFile | undefined
  readonly fields: ReadonlyMap<string, string>
}

async function receiveForm(
  request: FastifyRequest,
  received: ReceivedBytes,
  form: UploadForm,
  settings: LlamaCloudSettings,
): Promise<ReceivedForm> {
  const fields = new Map<string, string>()
  let file: ReceivedFile | undefined
  const limits = {
    bodyBytes: settings.maxFileBytes + MAX_FORM_OVERHEAD_BYTES,
    headerBytes: MAX_PART_HEADER_BYTES,
    roleOf: (name: string, hasFilename: boolean) => roleOf(form, name, hasFilename),
  }
  const memory = request.server.memory.open(request.caller.organizationId)
  const body = pacedBody(request.raw)
  for await (const part of parseMultipart(request.headers['content-type'], body, limits)) {
    if (part.kind === 'field') fields.set(part.name, part.value)
    else {
      const filename = baseName(part.filename, part.isFilenameGuess)
      file = await receiveFile(received, { ...part, filename }, memory, settings)
    }
  }
  return { file, fields }
}

/** A file needs no filename: SDKs send bytes without one. FastAPI ignores what it has no parameter for. */
function roleOf({ filePart, fields }: UploadForm, name: string, hasFilename: boolean): PartRole {
  if (name === filePart) return 'file'
  return !hasFilename && fields.includes(name) ? 'field' : 'ignored'
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
 * What is surely needed, before the size of the file is known: one file, and what the form announces less what may surround
 * it. The rest is settled once the bytes are there.
 */
function reservation({ headers, caller }: FastifyRequest, projectId: string): UsageOf {
  const announced = Number(headers['content-length'] ?? 0)
  const bytes = Math.max(0, announced - MAX_FORM_OVERHEAD_BYTES)
  return { organizationId: caller.organizationId, projectId, files: 1, bytes }
}

function mostFileBytes({ headers }: FastifyRequest, { maxFileBytes }: LlamaCloudSettings): number {
  // A form without a length is chunked.
  return Math.min(maxFileBytes, Number(headers['content-length'] ?? Number.POSITIVE_INFINITY))
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

/** @returns the name of the file */
function checkFile(file: ReceivedFile | undefined, { filePart }: UploadForm, problems: Problems): string {
  const name = file?.filename ?? ''
  if (file === undefined) problems.missing(['body', filePart])
  checkNameLength(name, ['body', filePart], problems)
  return name
}

export function checkNameLength(name: string, loc: Location, problems: Problems): void {
  if ([...name].length <= MAX_NAME_CHARACTERS) return
  const msg = `String should have at most ${MAX_NAME_CHARACTERS} characters`
  problems.add(loc, 'string_too_long', msg, { ctx: { max_length: MAX_NAME_CHARACTERS } })
}

function readPurpose(
  fields: ReadonlyMap<string, string>,
  { anyPurpose }: LlamaCloudSettings,
  problems: Problems,
): string {
  const purpose = fields.get('purpose') ?? ''
  const loc = ['body', 'purpose']
  if (purpose === '') problems.missing(loc)
  else if (!purposes.includes(purpose as Purpose) && purpose !== EXAMPLE_PURPOSE && !anyPurpose)
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
