import type { FastifyRequest } from 'fastify'
import { defaultProject } from '../../core/access/admit.ts'
import type { Caller } from '../../core/caller.ts'
import { type CreateFile, createFile } from '../../core/files/create-file.ts'
import type { FileRecord } from '../../core/files/file.ts'
import { faultOf, textRules } from '../../core/files/text-rules.ts'
import { reading } from '../../http/fields.ts'
import {
  expectFormFile,
  isForm,
  type ReceivedFile,
  receiveForm,
  requireForm,
  tooLarge,
} from '../../http/form-upload.ts'
import { leaveBodiesUnread } from '../../http/unread-body.ts'
import { operation } from '../operation.ts'
import { InvalidFormat } from './errors.ts'
import { defaultPurpose, isJsonLines, maxBytesOf, refusedTypes } from './purposes.ts'
import { readUploadFields } from './requests.ts'
import { type Context, creates, FILES } from './routes.ts'
import { CreateForm, FileBody } from './schemas.ts'
import type { MistralSettings } from './settings.ts'
import { toFileBody } from './wire.ts'

/** What the vendor documents as 512 MB. */
const STRICT_MAX_FILE_BYTES = 512 * 1024 * 1024
const FILE_PART = 'file'
const NEWLINE = 10

/** The server leaves the bodies of uploads alone: each form is read from the connection as it comes. */
export function addUpload(context: Context): void {
  const { server, settings } = context
  leaveBodiesUnread(server)
  const docs = operation('Files', 'mistral.upload', 'Upload File', {
    ...creates,
    consumes: ['multipart/form-data'],
    body: CreateForm,
    response: { 200: FileBody },
  })
  server.post(
    FILES,
    { ...docs, onRequest: async (request) => checkAnnouncement(request, settings) },
    async (request) => toFileBody(await receiveUpload(context, request)),
  )
}

/** @throws InvalidRequest if there is no form; ServiceError `bytes-too-many` */
function checkAnnouncement(request: FastifyRequest, settings: MistralSettings): void {
  // Whatever else it is, what it lacks is the parts.
  if (!isForm(request)) reading((problems) => problems.missing(['body', FILE_PART]))
  requireForm(request, maxBytesFor(request.caller, settings))
}

function maxBytesFor({ fidelity }: Caller, { maxFileBytes }: MistralSettings): number {
  return fidelity === 'strict' ? Math.min(maxFileBytes, STRICT_MAX_FILE_BYTES) : maxFileBytes
}

/**
 * Streams the file to the store while the form is parsed, in whatever order its parts come. What the fields say is judged
 * once the last part is there; whatever is wrong, nothing of the file stays.
 * @throws InvalidRequest with all problems; InvalidFormat; ServiceError `request-malformed`, `bytes-too-many`,
 *   `quota-exceeded`, …
 */
async function receiveUpload({ services, settings }: Context, request: FastifyRequest): Promise<FileRecord> {
  const { caller } = request
  const projectId = defaultProject(caller)
  const maxFileBytes = maxBytesFor(caller, settings)
  await using received = await expectFormFile(services, request, projectId, maxFileBytes)
  let lineCount = 0
  const { file, fields } = await receiveForm(request, received, {
    filePart: FILE_PART,
    fields: ['purpose', 'expiry', 'visibility'],
    maxFileBytes,
    // The vendor's `signature`.
    md5: true,
    // Whether the file has lines is clear only after its bytes, where the purpose comes behind them.
    onChunk: (chunk) => {
      lineCount += newlinesIn(chunk)
    },
  })
  const described = reading((problems) => {
    if (file === undefined) problems.missing(['body', FILE_PART])
    const fault = file && faultOf(file.filename, textRules.name)
    if (fault !== undefined)
      problems.add(['body', FILE_PART], 'value_error', `Value error, the filename ${fault}`)
    return readUploadFields(fields, settings, problems)
  })
  const { filename: name, mimeType } = file as ReceivedFile
  const purpose = described.purpose ?? defaultPurpose(name)
  const input: CreateFile = {
    projectId,
    name,
    mimeType,
    purpose,
    externalId: null,
    expiry: described.expiry,
    visibility: described.visibility === 'user' ? 'subject' : 'project',
    lineCount: isJsonLines({ name, mimeType }) ? lineCount : null,
  }
  if (caller.fidelity === 'strict') checkAsVendor(input, purpose, received.digests.sizeBytes)
  return await createFile(services, caller, input, received)
}

/** What the vendor refuses although it could be kept. @throws InvalidRequest, InvalidFormat, ServiceError `bytes-too-many` */
function checkAsVendor(file: CreateFile, purpose: string, sizeBytes: number): void {
  if (sizeBytes === 0)
    reading((problems) => problems.add(['body', FILE_PART], 'value_error', 'Value error, the file is empty'))
  const takes = refusedTypes(purpose, file)
  if (takes !== undefined) throw new InvalidFormat(file.mimeType, takes)
  const maxBytes = maxBytesOf(purpose) ?? STRICT_MAX_FILE_BYTES
  if (sizeBytes > maxBytes) throw tooLarge(maxBytes)
}

function newlinesIn(bytes: Uint8Array): number {
  let found = 0
  // Not `for … of`, which takes seven times as long.
  for (let at = 0; at < bytes.length; at++) if (bytes[at] === NEWLINE) found++
  return found
}
