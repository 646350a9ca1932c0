import type { FastifyRequest } from 'fastify'
import { defaultProject } from '../../../core/access/admit.ts'
import { ServiceError } from '../../../core/errors.ts'
import { createFile } from '../../../core/files/create-file.ts'
import type { FileRecord } from '../../../core/files/file.ts'
import { requireVendorQuota } from '../../../core/limits/strict-limits.ts'
import type { Services } from '../../../core/services.ts'
import type { ReceivedBytes } from '../../../core/uploads/receive-bytes.ts'
import { expectFormFile, type ReceivedFile, receiveFile } from '../../../http/form-upload.ts'
import { parseJson } from '../../../http/json-body.ts'
import { pacedBody } from '../../../intake/body-source.ts'
import { malformed } from '../../../intake/multipart/malformed.ts'
import { parseRelated, relatedBoundary } from '../../../intake/multipart/related.ts'
import { withDoubleQuotes } from '../fields.ts'
import type { Context } from '../routes.ts'
import { maxFileBytesOf, requireFit, VENDOR_QUOTA } from './limits.ts'
import { type FileMetadata, fixedFields, readMetadata } from './metadata.ts'
import { asTaken } from './start.ts'

/** How a file comes in one request: alone, or behind its metadata. */
export type Protocol = 'raw' | 'multipart'

const MAX_METADATA_BYTES = 64 * 1024
/** What surrounds a file: boundaries, headers and metadata. */
const MAX_OVERHEAD_BYTES = 1024 * 1024

/**
 * Stores the file of one request.
 * @throws ServiceError `request-malformed`, `field-invalid`, `name-taken`, `bytes-too-many`, `size-mismatch`,
 *   `quota-exceeded`, …; then nothing of it stays
 */
export async function storeWhole(
  { services, settings }: Context,
  request: FastifyRequest,
  protocol: Protocol,
): Promise<FileRecord> {
  const { caller, headers } = request
  const projectId = defaultProject(caller)
  const maxFileBytes = maxFileBytesOf(caller, settings)
  const overhead = protocol === 'raw' ? 0 : MAX_OVERHEAD_BYTES
  requireFit(maxFileBytes, Number(headers['content-length'] ?? 0) - overhead)
  const receive = protocol === 'raw' ? receiveRaw : receiveRelated
  await using received = await expectFormFile(services, request, projectId, maxFileBytes)
  const { name, alias, mimeType, uncountedBytes } = await receive(services, request, received, maxFileBytes)
  await requireVendorQuota(services, caller, VENDOR_QUOTA, projectId, uncountedBytes)
  const fields = { projectId, name, alias, mimeType, ...fixedFields(services, settings) }
  return await createFile(services, caller, fields, received).catch((error) => {
    throw asTaken(error, alias)
  })
}

type Received = Pick<FileMetadata, 'name' | 'alias'> & Pick<ReceivedFile, 'mimeType' | 'uncountedBytes'>

/** The body is the file. Its type may stand in either header. */
async function receiveRaw(
  services: Services,
  request: FastifyRequest,
  received: ReceivedBytes,
  maxFileBytes: number,
): Promise<Received> {
  const metadata = readMetadata(services, request.headers, undefined)
  const contentType = metadata.mimeType ?? declaredType(request)
  return storeBytes(request, received, metadata, contentType, pacedBody(request.raw), maxFileBytes)
}

/** A JSON part, and behind it the file. @throws ServiceError `body-type-unsupported`, `request-malformed`, `body-not-json` */
async function receiveRelated(
  services: Services,
  request: FastifyRequest,
  received: ReceivedBytes,
  maxFileBytes: number,
): Promise<Received> {
  const boundary = relatedBoundary(declaredType(request))
  const parts = parseRelated(boundary, pacedBody(request.raw), maxFileBytes + MAX_OVERHEAD_BYTES)
  let metadata: FileMetadata | undefined
  let stored: Received | undefined
  for await (const { contentType, body } of parts) {
    if (metadata === undefined) {
      metadata = readMetadata(
        services,
        request.headers,
        parseJson(request, await gather(body), withDoubleQuotes),
      )
      continue
    }
    if (stored !== undefined) throw malformed('The body has more parts than the metadata and the file')
    const type = metadata.mimeType ?? contentType
    stored = await storeBytes(request, received, metadata, type, body, maxFileBytes)
  }
  if (stored === undefined) throw malformed('The body has no part with the file behind its metadata')
  return stored
}

/** As the client sends it; Fastify does not take every text for a type. */
function declaredType({ raw }: FastifyRequest): string | undefined {
  return raw.headersDistinct['content-type']?.[0]
}

async function storeBytes(
  { server, caller }: FastifyRequest,
  received: ReceivedBytes,
  { name, alias, sizeBytes: announcedBytes }: FileMetadata,
  contentType: string | undefined,
  body: AsyncIterable<Uint8Array>,
  maxFileBytes: number,
): Promise<Received> {
  const memory = server.memory.open(caller.organizationId)
  const part = { body, filename: name, contentType }
  const { mimeType, sizeBytes, uncountedBytes } = await receiveFile(received, part, memory, { maxFileBytes })
  if (announcedBytes !== undefined && announcedBytes !== sizeBytes) {
    const message = `The file has ${sizeBytes} bytes, but ${announcedBytes} were announced.`
    throw new ServiceError('size-mismatch', message, { field: 'sizeBytes' })
  }
  return { name, alias, mimeType, uncountedBytes }
}

async function gather(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of body) {
    bytes += piece.byteLength
    if (bytes > MAX_METADATA_BYTES) throw malformed(`The metadata exceeds ${MAX_METADATA_BYTES} bytes`)
    pieces.push(Buffer.from(piece))
  }
  return Buffer.concat(pieces)
}
