import type { FastifyRequest } from 'fastify'
import { defaultProject } from '../../core/access/admit.ts'
import type { Caller } from '../../core/caller.ts'
import type { FileRecord } from '../../core/files/file.ts'
import { faultOf, textRules } from '../../core/files/text-rules.ts'
import { maxFileBytesFor } from '../../core/limits/strict-limits.ts'
import { reading } from '../../http/fields.ts'
import {
  createFromForm,
  isForm,
  type ReceivedFile,
  type ReceivedForm,
  requireForm,
  tooLarge,
} from '../../http/form-upload.ts'
import { operation } from '../../http/operation.ts'
import { leaveBodiesUnread } from '../../http/unread-body.ts'
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

function maxBytesFor(caller: Caller, { maxFileBytes }: MistralSettings): number {
  return maxFileBytesFor(caller, maxFileBytes, STRICT_MAX_FILE_BYTES)
}

/** @throws InvalidRequest with all problems; InvalidFormat; what `createFromForm` throws */
function receiveUpload({ services, settings }: Context, request: FastifyRequest): Promise<FileRecord> {
  const { caller } = request
  let lineCount = 0
  const rules = {
    filePart: FILE_PART,
    fields: ['purpose', 'expiry', 'visibility'],
    maxFileBytes: maxBytesFor(caller, settings),
    // The vendor's `signature`.
    md5: true,
    // Whether the file has lines is clear only after its bytes, where the purpose comes behind them.
    onChunk: (chunk: Uint8Array) => {
      lineCount += newlinesIn(chunk)
    },
  }
  return createFromForm(services, request, {
    projectId: defaultProject(caller),
    rules,
    describe: (form) => {
      const { file, purpose, visibility, expiry } = readForm(form, settings)
      if (caller.fidelity === 'strict') checkAsVendor(file, purpose)
      return {
        purpose,
        externalId: null,
        expiry,
        visibility: visibility === 'user' ? 'subject' : 'project',
        lineCount: isJsonLines({ name: file.filename, mimeType: file.mimeType }) ? lineCount : null,
      }
    },
  })
}

/** @throws InvalidRequest */
function readForm({ file, fields }: ReceivedForm, settings: MistralSettings) {
  const described = reading((problems) => {
    if (file === undefined) problems.missing(['body', FILE_PART])
    const fault = file && faultOf(file.filename, textRules.name)
    if (fault !== undefined)
      problems.add(['body', FILE_PART], 'value_error', `Value error, the filename ${fault}`)
    return readUploadFields(fields, settings, problems)
  })
  const found = file as ReceivedFile
  return { ...described, file: found, purpose: described.purpose ?? defaultPurpose(found.filename) }
}

/** What the vendor refuses although it could be kept. @throws InvalidRequest, InvalidFormat, ServiceError `bytes-too-many` */
function checkAsVendor({ filename: name, mimeType, sizeBytes }: ReceivedFile, purpose: string): void {
  if (sizeBytes === 0)
    reading((problems) => problems.add(['body', FILE_PART], 'value_error', 'Value error, the file is empty'))
  const takes = refusedTypes(purpose, { name, mimeType })
  if (takes !== undefined) throw new InvalidFormat(mimeType, takes)
  const maxBytes = maxBytesOf(purpose) ?? STRICT_MAX_FILE_BYTES
  if (sizeBytes > maxBytes) throw tooLarge(maxBytes)
}

function newlinesIn(bytes: Uint8Array): number {
  let found = 0
  // Not `for … of`, which takes seven times as long.
  for (let at = 0; at < bytes.length; at++) if (bytes[at] === NEWLINE) found++
  return found
}
