import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../core/errors.ts'
import { type CreateFile, createFile } from '../core/files/create-file.ts'
import type { FileRecord } from '../core/files/file.ts'
import type { BodySize } from '../core/incoming-body.ts'
import type { Holding } from '../core/limits/fair-budget.ts'
import type { Services } from '../core/services.ts'
import { expectBytes, type ReceivedBytes } from '../core/uploads/receive-bytes.ts'
import { receiveBody } from '../intake/body.ts'
import { pacedBody } from '../intake/body-source.ts'
import { shownType, toldType } from '../intake/file-type.ts'
import { type FilePart, type MultipartOptions, parseMultipart } from '../intake/multipart/multipart.ts'
import { HeadCapture } from '../intake/sniff.ts'

/** What surrounds the file in a form: boundaries, headers and fields. */
const MAX_FORM_OVERHEAD_BYTES = 1024 * 1024
/** A name of that length in UTF-8, and once more as `filename*` with every byte escaped, and the rest. */
const MAX_PART_HEADER_BYTES = 64 * 1024

/** What a dialect takes from a form. */
export interface FormRules {
  /** The part that is the file, with a filename or without: SDKs send bytes without one. The last one counts. */
  readonly filePart: string
  /** The text parts that are read, with a filename or without; the last of a name counts. */
  readonly fields: readonly string[]
  readonly maxFileBytes: number
  /** Whether a filename loses its control characters, instead of being refused for them; default no. */
  readonly dropsControls?: boolean
  /** Whether `%22` in a name means a quote, whatever client sent it; default: only of clients whose boundary shows it. */
  readonly escapesQuotes?: boolean
}

/** How the bytes of a file are to be received. */
export interface FileRules {
  readonly maxFileBytes: number
  /** Whether the MD5 is computed on the way; default no. */
  readonly md5?: boolean
  /** Sees the bytes as they pass, in order. A chunk's memory may be reused afterwards. */
  readonly onChunk?: (chunk: Uint8Array) => void
}

export interface ReceivedFile {
  /** Without folders; empty if there was none. */
  readonly filename: string
  readonly mimeType: string
  /** As the part declared it, even if it says nothing; undefined: it did not. */
  readonly declaredType: string | undefined
  readonly sizeBytes: number
  /** How many of them were not counted against quotas before they came. */
  readonly uncountedBytes: number
}

/** A form that was read to its end. Whether its fields are good is the dialect's to judge. */
export interface ReceivedForm {
  /** Undefined: the form has no such part. */
  readonly file: ReceivedFile | undefined
  readonly fields: ReadonlyMap<string, string>
  /** Names of parts that are neither, in the order sent; at most 16. */
  readonly unknown: readonly string[]
}

/** A form that makes a file. */
export interface FormUpload {
  /** One that the caller may use. */
  readonly projectId: string
  readonly rules: FormRules & FileRules
  /**
   * Judges the form once its last part is there, and says what the file is to be besides its name and type.
   * @throws if anything is wrong with it, also if it has no file
   */
  readonly describe: (form: ReceivedForm) => FormFile | Promise<FormFile>
}

type FormFile = Omit<CreateFile, 'projectId' | 'name' | 'mimeType'>

/**
 * Makes a file of a form. The file streams to the store while the form is parsed, in whatever order its parts come; whatever is
 * wrong, nothing of it stays.
 * @throws ServiceError `quota-exceeded`, `storage-full`, those of `receiveForm`; what `describe` throws
 */
export async function createFromForm(
  services: Services,
  request: FastifyRequest,
  { projectId, rules, describe }: FormUpload,
): Promise<FileRecord> {
  await using received = await expectFormFile(services, request, projectId, rules.maxFileBytes)
  const form = await receiveForm(request, received, rules)
  const described = await describe(form)
  if (form.file === undefined) throw new Error('a form without a file was described')
  const { filename: name, mimeType } = form.file
  return await createFile(services, request.caller, { ...described, projectId, name, mimeType }, received)
}

/** Whether the body is announced to be a form that can hold a file. */
export function isForm({ headers }: FastifyRequest): boolean {
  return /^multipart\/form-data\s*(;|$)/i.test(headers['content-type'] ?? '')
}

/**
 * Before a byte is read: only a form gets in, and none that is announced to be too large.
 * @throws ServiceError `body-type-unsupported`, `bytes-too-many`
 */
export function requireForm(request: FastifyRequest, maxFileBytes: number): void {
  if (!isForm(request)) throw new ServiceError('body-type-unsupported', 'Expected multipart/form-data')
  if (Number(request.headers['content-length'] ?? 0) > maxFileBytes + MAX_FORM_OVERHEAD_BYTES)
    throw tooLarge(maxFileBytes)
}

/**
 * A place for the file of a form that is about to be read. The owner gives it up by `await using`.
 * @throws ServiceError `quota-exceeded`, `storage-full`
 */
export function expectFormFile(
  services: Services,
  request: FastifyRequest,
  projectId: string,
  maxFileBytes: number,
): Promise<ReceivedBytes> {
  const { organizationId } = request.caller
  const size = formFileSize(request, maxFileBytes)
  const reserve = { organizationId, projectId, files: 1, bytes: size.atLeast }
  return expectBytes(services, { organizationId, size, reserve })
}

/** What the headers tell of the size of a form's file. */
export function formFileSize({ headers }: FastifyRequest, maxFileBytes: number): BodySize {
  // A form is longer than its file, by the overhead at most. A chunked one does not announce its length.
  const { 'content-length': length } = headers
  const atLeast = Math.max(0, Number(length ?? 0) - MAX_FORM_OVERHEAD_BYTES)
  return { atLeast, atMost: Math.min(maxFileBytes, Number(length ?? Number.POSITIVE_INFINITY)) }
}

/** At most so many names of unknown parts are told. */
const MAX_UNKNOWN = 16

/**
 * Reads a form to its end, in whatever order its parts come; the file streams into `received`.
 * @throws ServiceError `request-malformed`, `body-too-large`, `bytes-too-many`, and what the body throws; then nothing of the
 *   file stays
 */
export async function receiveForm(
  request: FastifyRequest,
  received: ReceivedBytes,
  { filePart, fields: known, dropsControls = false, escapesQuotes = false, ...rules }: FormRules & FileRules,
): Promise<ReceivedForm> {
  const fields = new Map<string, string>()
  const unknown: string[] = []
  let file: ReceivedFile | undefined
  const options: MultipartOptions = {
    bodyBytes: rules.maxFileBytes + MAX_FORM_OVERHEAD_BYTES,
    headerBytes: MAX_PART_HEADER_BYTES,
    dropsControls,
    escapesQuotes,
    roleOf(name) {
      if (name === filePart) return 'file'
      // With a filename, too: a Blob in a form has one, and what its sender asks for must not be lost.
      if (known.includes(name)) return 'field'
      if (unknown.length < MAX_UNKNOWN) unknown.push(name)
      return 'ignored'
    },
  }
  const memory = request.server.memory.open(request.caller.organizationId)
  const body = pacedBody(request.raw)
  for await (const part of parseMultipart(request.headers['content-type'], body, options)) {
    if (part.kind === 'field') fields.set(part.name, part.value)
    else {
      const filename = baseName(part.filename, part.isFilenameGuess)
      file = await receiveFile(received, { ...part, filename }, memory, rules)
    }
  }
  return { file, fields, unknown }
}

/**
 * Bytes with a name, and the type that they are told to have, or show.
 * @throws ServiceError `bytes-too-many`, and what the body throws; then nothing of them stays
 */
export async function receiveFile(
  received: ReceivedBytes,
  { body, filename, contentType }: Pick<FilePart, 'body' | 'filename' | 'contentType'>,
  memory: Holding,
  { maxFileBytes, md5 = false, onChunk }: FileRules,
): Promise<ReceivedFile> {
  const type = toldType(contentType, filename) ?? new HeadCapture(body)
  const bytes = typeof type === 'string' ? body : type
  const seen = onChunk === undefined ? bytes : watched(bytes, onChunk)
  try {
    await received.fill(receiveBody(seen, { maxBytes: maxFileBytes }, { md5 }, 'passing', memory))
    const mimeType = typeof type === 'string' ? type : await shownType(filename, type)
    const { sizeBytes } = received.digests
    const uncountedBytes = sizeBytes - (received.reserved?.bytes ?? 0)
    return { filename, mimeType, declaredType: contentType, sizeBytes, uncountedBytes }
  } catch (error) {
    throw error instanceof ServiceError && error.code === 'bytes-too-many' ? tooLarge(maxFileBytes) : error
  }
}

async function* watched(
  bytes: AsyncIterable<Uint8Array>,
  onChunk: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    onChunk(chunk)
    yield chunk
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

export function tooLarge(maxFileBytes: number): ServiceError {
  return new ServiceError('bytes-too-many', `File exceeds the maximum upload size of ${maxFileBytes} bytes`)
}
