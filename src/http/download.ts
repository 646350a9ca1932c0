import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ServiceError } from '../core/errors.ts'
import { contentDisposition } from '../core/files/download-name.ts'
import { etagOf, type FileRecord } from '../core/files/file.ts'
import { openBytes } from '../core/files/read-bytes.ts'
import type { ByteRange } from '../core/ports/blob-store.ts'
import type { Services } from '../core/services.ts'
import { shownName } from '../intake/file-type.ts'
import { isNotModified, preconditionHolds, rangeIsCurrent } from './conditions.ts'

/**
 * Keep a stored file from acting as a page of ours (OWASP ASVS 5.0, 3.2.1 and 5.4.2; web.dev, "Securely hosting user
 * data"). Set on every answer that may carry a file's bytes.
 */
export const safeHeaders = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "sandbox; default-src 'none'",
  'cross-origin-resource-policy': 'cross-origin',
  'referrer-policy': 'no-referrer',
  'cache-control': 'private, no-cache',
} as const

/**
 * Sends a stored file, whole or one range of it (RFC 9110, 14), as an attachment of this type, also to conditional requests
 * and HEAD.
 * @throws ServiceError `range-unsatisfiable`, with the answer's headers set; `file-not-found` if the file has ended since;
 * `bytes-lost`
 */
export async function sendFile(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
  file: FileRecord,
  mimeType: string,
): Promise<FastifyReply> {
  const { sizeBytes, storedAt } = file
  if (storedAt === null) throw new Error('only a stored file can be sent')
  const etag = etagOf(file)
  const about = { etag, 'last-modified': new Date(storedAt).toUTCString(), 'accept-ranges': 'bytes' }
  reply.headers(safeHeaders)
  const { headers } = request
  const there = { etag, modifiedAt: storedAt }
  const now = services.clock.now()
  if (!preconditionHolds(headers, there, now)) return reply.code(412).headers(about).send()
  if (isNotModified(headers, there, now)) return reply.code(304).headers(about).send()
  const range = rangeIsCurrent(headers, there, now) ? rangeOf(request, reply, sizeBytes) : undefined
  const proxyPath = proxyPathOf(services, request, file)
  if (proxyPath !== undefined) {
    reply
      .headers(about)
      .type(mimeType)
      .header('content-disposition', contentDisposition(shownName(file)))
    // The proxy adds its own.
    return reply.removeHeader('accept-ranges').header('x-accel-redirect', proxyPath).send()
  }
  // Opened before any header describes the bytes, because they may be lost. A range is asked for even if it is the whole:
  // the store then notices that bytes at the end are missing, and the client does not wait for them.
  const whole = sizeBytes > 0 ? { first: 0, last: sizeBytes - 1 } : undefined
  const bytes = await openBytes(services, file, range ?? whole)
  reply
    .headers(about)
    .type(mimeType)
    .header('content-disposition', contentDisposition(shownName(file)))
  reply.header('content-length', range ? range.last - range.first + 1 : sizeBytes)
  if (range) reply.code(206).header('content-range', `bytes ${range.first}-${range.last}/${sizeBytes}`)
  if (request.method !== 'HEAD') {
    const isAsIs = bytes instanceof Readable || keepsType(mimeType)
    return reply.send(isAsIs ? bytes : Readable.from([bytes], { objectMode: false }))
  }
  // HEAD needs the bytes to be there, but not their stream.
  if (bytes instanceof Readable) bytes.destroy()
  return reply.send()
}

/** A proxy would compare them with the times and tags of its own. */
const CONDITIONS = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range']

/** Where the proxy in front sends these bytes, or a range of them, by itself. */
function proxyPathOf(
  { blobs }: Services,
  { method, headers }: FastifyRequest,
  { layout, blobKey }: FileRecord,
): string | undefined {
  const isPlain = method === 'GET' && !CONDITIONS.some((name) => name in headers)
  return isPlain && layout === 'blob' && blobKey !== null ? blobs.proxyPathOf?.(blobKey) : undefined
}

/** Fastify sends bytes from memory under another type if theirs is not well-formed; that of a stream it leaves as it is. */
function keepsType(mimeType: string): boolean {
  return /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(;.*)?$/.test(mimeType)
}

/**
 * The range of a GET, the only method that has ranges (RFC 9110, 14.2). Several ranges, other units and malformed ones
 * are ignored, as RFC 9110 allows: they could only amplify.
 */
function rangeOf(
  { method, headers }: FastifyRequest,
  reply: FastifyReply,
  sizeBytes: number,
): ByteRange | undefined {
  if (method !== 'GET') return undefined
  // Names of units ignore case (RFC 9110, 14.1).
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/i.exec(headers.range?.trim() ?? '') ?? []
  if (from === '' && to === '') return undefined
  const range = resolveRange(from, to, sizeBytes)
  if (range === 'malformed') return undefined
  if (range) return range
  reply.header('content-range', `bytes */${sizeBytes}`)
  throw new ServiceError(
    'range-unsatisfiable',
    `The file has ${sizeBytes} bytes; there are none in this range.`,
  )
}

function resolveRange(from: string, to: string, sizeBytes: number): ByteRange | 'malformed' | undefined {
  if (from === '') {
    const length = Math.min(Number(to), sizeBytes)
    return length === 0 ? undefined : { first: sizeBytes - length, last: sizeBytes - 1 }
  }
  const first = Number(from)
  const last = Math.min(to === '' ? Number.POSITIVE_INFINITY : Number(to), sizeBytes - 1)
  if (to !== '' && Number(to) < first) return 'malformed'
  return first < sizeBytes ? { first, last } : undefined
}
