import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ByteRange } from '../core/blob-store.ts'
import { ServiceError } from '../core/errors.ts'
import type { FileRecord } from '../core/files/file.ts'
import type { Services } from '../core/services.ts'

/**
 * Headers that keep a stored file from acting as a page of ours (OWASP ASVS 5.0, 3.2.1 and 5.4.2; web.dev, "Securely
 * hosting user data"). They go on every answer that may carry a file's bytes.
 */
export const safeHeaders = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "sandbox; default-src 'none'",
  'cross-origin-resource-policy': 'cross-origin',
  'referrer-policy': 'no-referrer',
  'cache-control': 'private, no-cache',
} as const

/**
 * Sends a stored file, whole or one range of it (RFC 9110, 14), as an attachment; conditional requests and HEAD included.
 * @throws ServiceError `range-unsatisfiable`, with the headers that the answer needs already set; `bytes-lost`
 */
export async function sendFile(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
  file: FileRecord,
): Promise<FastifyReply> {
  const { blobKey, sizeBytes, storedAt } = file
  if (blobKey === null || storedAt === null) throw new Error('only a stored file can be sent')
  const etag = etagOf(file)
  const about = { etag, 'last-modified': new Date(storedAt).toUTCString(), 'accept-ranges': 'bytes' }
  reply.headers(safeHeaders)
  if (!preconditionHolds(request, etag, storedAt)) return reply.code(412).headers(about).send()
  if (isNotModified(request, etag, storedAt)) return reply.code(304).headers(about).send()
  const range = rangeOf(request, reply, etag, storedAt, sizeBytes)
  // Opened before anything is said about the bytes: an answer that they are lost must not describe them.
  // The range is asked for even if it is the whole: bytes that went missing at the end would leave the client waiting.
  const whole = sizeBytes > 0 ? { first: 0, last: sizeBytes - 1 } : undefined
  const bytes = await services.blobs.open(blobKey, range ?? whole)
  reply.headers(about).type(file.mimeType).header('content-disposition', contentDisposition(file.name))
  reply.header('content-length', range ? range.last - range.first + 1 : sizeBytes)
  if (range) reply.code(206).header('content-range', `bytes ${range.first}-${range.last}/${sizeBytes}`)
  if (request.method !== 'HEAD') return reply.send(bytes)
  // The answer to HEAD needs the bytes to be there, but not their stream.
  bytes.destroy()
  return reply.send()
}

/** Asked after the preconditions; If-None-Match wins over If-Modified-Since (RFC 9110, 13.2.2). */
function isNotModified({ headers }: FastifyRequest, etag: string, storedAt: number): boolean {
  const tags = headers['if-none-match']
  if (tags !== undefined) return matches(tags, etag)
  const since = Date.parse(headers['if-modified-since'] ?? '')
  return Math.floor(storedAt / 1000) * 1000 <= since
}

function preconditionHolds({ headers }: FastifyRequest, etag: string, storedAt: number): boolean {
  const tags = headers['if-match']
  // Compared strongly (RFC 9110, 13.1.1): a weak tag never matches.
  if (tags !== undefined) return tags.split(',').some((tag) => tag.trim() === '*' || tag.trim() === etag)
  const since = Date.parse(headers['if-unmodified-since'] ?? '')
  return Number.isNaN(since) || Math.floor(storedAt / 1000) * 1000 <= since
}

function matches(tags: string, etag: string): boolean {
  return tags.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag)
}

/**
 * One range is served, `If-Range` permitting. Several ranges, other units and malformed ones are ignored and the whole file
 * is sent, as RFC 9110 allows: nothing to amplify.
 */
function rangeOf(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  etag: string,
  storedAt: number,
  sizeBytes: number,
): ByteRange | undefined {
  const ifRange = headers['if-range']
  if (ifRange !== undefined && ifRange !== etag && ifRange !== new Date(storedAt).toUTCString())
    return undefined
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(headers.range?.trim() ?? '') ?? []
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

/** Bidirectional controls and zero-width characters can make `exe.fdp` look like `pdf.exe`; a header has no use for them. */
const DECEPTIVE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g

/** `attachment` with an ASCII fallback and the whole name in the form of RFC 8187. Both come from one cleaned name. */
export function contentDisposition(name: string): string {
  const clean = shorten(name.replace(DECEPTIVE, '').toWellFormed()) || 'file'
  const ascii = clean.replace(/[^\u0020-\u007e]|["\\%/]/g, '_')
  const encoded = encodeURIComponent(clean).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`
}

/** What file systems take; and clients refuse answers whose headers are larger than some 16 KiB. */
const MAX_NAME_BYTES = 255
const MAX_EXTENSION_BYTES = 32

/** Cuts whole characters before the extension until the name fits into 255 bytes of UTF-8. */
function shorten(name: string): string {
  if (Buffer.byteLength(name) <= MAX_NAME_BYTES) return name
  const dot = name.lastIndexOf('.')
  const extension =
    dot > 0 && Buffer.byteLength(name.slice(dot)) <= MAX_EXTENSION_BYTES ? name.slice(dot) : ''
  let bytes = Buffer.byteLength(extension)
  let kept = ''
  for (const character of name) {
    bytes += Buffer.byteLength(character)
    if (bytes > MAX_NAME_BYTES) break
    kept += character
  }
  return kept + extension
}

/** The content's digest, quoted: MD5 where it is known, as storage services do, else SHA-256. */
export function etagOf({ md5, sha256 }: Pick<FileRecord, 'md5' | 'sha256'>): string {
  return `"${md5 ?? sha256}"`
}
