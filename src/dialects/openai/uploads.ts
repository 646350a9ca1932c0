import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../../core/errors.ts'
import { type PartsUpload, readPartsUpload } from '../../core/files/read-file.ts'
import { addPart, expectPart } from '../../core/uploads/add-part.ts'
import { cancelPartsUpload } from '../../core/uploads/parts-upload.ts'
import { placeParts } from '../../core/uploads/place-parts.ts'
import { UNKNOWN_TYPE } from '../../core/uploads/receive-upload.ts'
import { startUpload } from '../../core/uploads/start-upload.ts'
import { formFileSize, receiveForm } from '../../http/form-upload.ts'
import type { operation } from '../../http/operation.ts'
import { readType, toldType } from '../../intake/file-type.ts'
import { requireFormOf, takesForm } from './create.ts'
import { flavourOf } from './flavours.ts'
import { uploadIds } from './ids.ts'
import { expiryOf, missing, readCompleteBody, readUploadBody, refuseUnknown } from './requests.ts'
import { type Context, creates, onEachPath, projectOf } from './routes.ts'
import * as schemas from './schemas.ts'
import { maxBytesOf, requireTaken } from './strict.ts'
import { toPartBody, toUploadBody, UPLOAD_SESSION_SECONDS, uploadStatus } from './wire.ts'

const TAG = 'Uploads'
const MAX_PART_BYTES = 64 * 1024 * 1024
/** Parts that were sent again, because nobody saw the answer, are kept until the upload is complete. */
const MAX_PARTS_OVER = 2

const ofUpload = ['upload-not-found', 'state-conflict'] as const

interface ById {
  Params: { upload_id: string }
}

/** The operations of uploads that take JSON. */
export function addUploads(context: Context): void {
  onEachPath((basePath, documented) => {
    const path = `${basePath}/uploads`
    addStart(context, path, documented)
    addEndings(context, `${path}/:upload_id`, documented)
  })
}

function addStart({ server, services, settings }: Context, path: string, documented: typeof operation): void {
  const docs = documented(TAG, 'createUpload', 'Create an upload', {
    ...creates,
    failures: [...creates.failures, 'rule-violated', 'bytes-too-many'],
    body: schemas.UploadRequest,
    response: { 200: schemas.UploadBody },
  })
  server.post(path, docs, async (request) => {
    const { caller } = request
    const maxBytes = maxBytesOf(caller, settings, 'parts')
    const asked = readUploadBody(request.body, flavourOf(request), maxBytes, settings)
    const { filename: name, mimeType, sizeBytes, purpose } = asked
    const projectId = await projectOf(services, request)
    await requireTaken(services, caller, { projectId, name, purpose, sizeBytes, uncountedBytes: sizeBytes })
    const upload = await startUpload(services, caller, {
      projectId,
      name,
      mimeType: toldType(mimeType, name) ?? UNKNOWN_TYPE,
      sizeBytes: 0,
      maxBytes: sizeBytes,
      takesParts: true,
      purpose,
      lifetimeSeconds: UPLOAD_SESSION_SECONDS,
      writeOnce: false,
      sha256: null,
      expiry: expiryOf(asked, settings),
    })
    return toUploadBody(upload as PartsUpload, services.clock.now())
  })
}

function addEndings(
  { server, services, settings }: Context,
  path: string,
  documented: typeof operation,
): void {
  const common = { ...creates, params: schemas.UploadParams, response: { 200: schemas.UploadBody } }
  const completes = documented(TAG, 'completeUpload', 'Complete an upload', {
    ...common,
    failures: [
      ...[...creates.failures, ...ofUpload],
      ...(['bytes-missing', 'size-mismatch', 'checksum-mismatch', 'bytes-lost'] as const),
    ],
    body: schemas.CompleteRequest,
  })
  server.post<ById>(`${path}/complete`, completes, async ({ caller, params, body }) => {
    const parts = readCompleteBody(body, settings)
    const upload = await byUploadId(params, (id) =>
      placeParts(services, caller, { ...parts, id, stateNames: uploadStatus, typeOf }),
    )
    return toUploadBody(upload, services.clock.now())
  })
  const cancels = documented(TAG, 'cancelUpload', 'Cancel an upload', {
    ...common,
    failures: [...ofUpload, 'storage-full'],
  })
  server.post<ById>(`${path}/cancel`, cancels, async ({ caller, params }) => {
    const upload = await byUploadId(params, (id) =>
      cancelPartsUpload(services, caller, { id, stateNames: uploadStatus }),
    )
    return toUploadBody(upload, services.clock.now())
  })
}

/** Parts, whose forms are read from the connection as they come. */
export function addParts(context: Context): void {
  const { server, services } = context
  onEachPath((basePath, documented) => {
    const docs = documented(TAG, 'addUploadPart', 'Add a part to an upload', {
      ...takesForm,
      failures: [...takesForm.failures.filter((code) => code !== 'bytes-too-many'), ...ofUpload],
      params: schemas.UploadParams,
      body: schemas.PartForm,
      response: { 200: schemas.PartBody },
    })
    const onRequest = (request: FastifyRequest) =>
      boundedPart(async () => requireFormOf('data', request, MAX_PART_BYTES))
    server.post<ById>(`${basePath}/uploads/:upload_id/parts`, { ...docs, onRequest }, async (request) => {
      const { caller, params } = request
      const upload = await byUploadId(params, (id) => readPartsUpload(services, caller, id))
      const start = await boundedPart(() => receivePart(context, request, upload))
      return toPartBody(start, upload, services.clock.now())
    })
  })
}

/** A part that is too large is refused as every other part is, by 400, where a file gets 413. */
async function boundedPart<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== 'bytes-too-many') throw error
    throw new ServiceError('rule-violated', `A part has at most ${MAX_PART_BYTES} bytes.`, { field: 'data' })
  }
}

/** Whatever is wrong, nothing of the part stays. */
async function receivePart(
  { services, settings }: Context,
  request: FastifyRequest,
  upload: PartsUpload,
): Promise<number> {
  const size = formFileSize(request, MAX_PART_BYTES)
  await using received = await expectPart(services, upload, size, uploadStatus)
  const rules = { filePart: 'data', fields: [], maxFileBytes: MAX_PART_BYTES }
  const { file, unknown } = await receiveForm(request, received, rules)
  refuseUnknown(unknown, settings)
  if (file === undefined) throw missing('data')
  if (received.digests.sizeBytes === 0)
    throw new ServiceError('field-invalid', 'The part is empty.', { field: 'data' })
  const allPartsBytes = MAX_PARTS_OVER * upload.uploadMaxBytes + MAX_PART_BYTES
  return await addPart(services, upload, { received, allPartsBytes, stateNames: uploadStatus })
}

function typeOf({ name }: PartsUpload) {
  return (content: AsyncIterable<Uint8Array>) => readType(name, content)
}

/** Uploads have ids of their own. The error names the one that the caller wrote. */
async function byUploadId<T>(
  { upload_id: text }: ById['Params'],
  work: (id: string) => Promise<T>,
): Promise<T> {
  try {
    return await work(uploadIds.parse(text) ?? text)
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== 'upload-not-found') throw error
    throw new ServiceError(error.code, error.message, { id: text })
  }
}
