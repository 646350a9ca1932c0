import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../../core/errors.ts'
import type { FileRecord } from '../../core/files/file.ts'
import type { Services } from '../../core/services.ts'
import { appendUpload, remainingOf } from '../../core/uploads/append-upload.ts'
import { isLengthKnown, lengthOf, offsetOf, type TypeOf } from '../../core/uploads/finish-upload.ts'
import { receiveBody } from '../../intake/body.ts'
import { algorithmsOf, type HexDigests, requireStated, type StatedDigest } from '../../intake/digests.ts'
import { readType } from '../../intake/file-type.ts'
import { invalid } from './headers.ts'

/** The headers of a request that describe its body. */
export interface AppendHeaders {
  /** Where they begin in the file. */
  readonly offset: number
  /** Of the whole file; undefined: the request has no Upload-Length. */
  readonly fileBytes: number | undefined
  /** Of these bytes alone. */
  readonly checksum: StatedDigest | undefined
}

/**
 * Compares the headers with the upload, before a byte is asked for.
 * @throws ServiceError `offset-mismatch`, `field-invalid`, `bytes-too-many`
 */
export function requireFit(file: FileRecord, headers: AppendHeaders, bodyBytes = 0): void {
  const { offset, fileBytes } = headers
  const comes = offsetOf(file)
  if (offset !== comes) {
    const message = `The upload goes on at ${comes}, not at ${offset}.`
    throw new ServiceError('offset-mismatch', message, { field: 'Upload-Offset', offset: comes })
  }
  const limit = lengthOf(file)
  if (fileBytes !== undefined && isLengthKnown(file) && fileBytes !== limit)
    throw invalid('Upload-Length', `is ${limit} and cannot be changed`)
  if (fileBytes !== undefined && fileBytes < offset)
    throw invalid('Upload-Length', `is less than the ${offset} bytes that have come`)
  const end = offset + bodyBytes
  if (end > (fileBytes ?? limit) || (fileBytes ?? 0) > limit)
    throw new ServiceError(
      'bytes-too-many',
      `The file may have ${Math.min(fileBytes ?? limit, limit)} bytes.`,
    )
}

/** How the body of a request is stored. */
export interface AppendOptions extends AppendHeaders {
  /** Milliseconds since the epoch. */
  readonly linkExpiresAt: number
  /** Keep what came of a body that breaks off, unless it has a checksum. */
  readonly keepsWhatCame: boolean
}

/**
 * Appends the body of a request.
 * @throws ServiceError what `appendUpload` throws; `digest-mismatch` if the bytes are not those of the checksum
 */
export function append(
  services: Services,
  { raw, headers, server }: FastifyRequest,
  file: FileRecord,
  { offset, fileBytes, checksum, linkExpiresAt, keepsWhatCame }: AppendOptions,
): Promise<FileRecord> {
  const stated = checksum === undefined ? [] : [checksum]
  const length = headers['content-length']
  const isAll = offset === 0 && Number(length) === remainingOf(file, fileBytes)
  const wanted = {
    md5: false,
    further: algorithmsOf(stated),
    ...(isAll ? {} : { carried: { upload: file.id, offset } }),
    check: (digests: HexDigests) => requireStated(stated, digests),
  }
  const memory = server.memory.open(file.organizationId)
  return appendUpload(services, file, {
    offset,
    fileBytes,
    bodyBytes: length === undefined ? undefined : Number(length),
    body(stop, maxBytes) {
      const limits = { maxBytes, keepsWhatCame: keepsWhatCame && checksum === undefined, stop }
      return receiveBody(raw, limits, wanted, 'passing', memory)
    },
    linkExpiresAt,
    typeOf: typeOf(file),
  })
}

/** Reads the type of a file from its content. */
export function typeOf({ name }: FileRecord): TypeOf {
  return (content) => readType(name, content)
}
