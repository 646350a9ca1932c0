import type { IncomingHttpHeaders } from 'node:http'
import { ServiceError } from '../core/errors.ts'

/** Every digest that can be computed of a body, and its length. */
export const digestBytes = { sha256: 32, md5: 16, sha1: 20, sha512: 64, crc32: 4, crc32c: 4 } as const

export type DigestAlgorithm = keyof typeof digestBytes

/** Lower-case hex; a CRC is big-endian. */
export type HexDigests = { readonly sha256: string } & {
  readonly [algorithm in DigestAlgorithm]?: string
}

/** Algorithms computed beside SHA-256. */
export type FurtherDigests = readonly Exclude<DigestAlgorithm, 'sha256'>[]

/** A digest of the body in a request header. */
export interface StatedDigest {
  /** The header, in lower case. */
  readonly field: string
  readonly algorithm: DigestAlgorithm
  /** Lower-case hex. */
  readonly hex: string
}

/** By their keys in Content-Digest and Repr-Digest (RFC 9530, 5), and the sibling of CRC32C that stores have. */
const digestKeys: ReadonlyMap<string, DigestAlgorithm> = new Map([
  ['md5', 'md5'],
  ['sha', 'sha1'],
  ['sha-256', 'sha256'],
  ['sha-512', 'sha512'],
  ['crc32', 'crc32'],
  ['crc32c', 'crc32c'],
])

const AMAZON_PREFIX = 'x-amz-checksum-'
/** By what follows the prefix, hyphens left out. */
const amazonNames: ReadonlyMap<string, DigestAlgorithm> = new Map([
  ...[...digestKeys].map(([key, algorithm]) => [key.replaceAll('-', ''), algorithm] as const),
  ['sha1', 'sha1'],
])

/**
 * Digests in Content-MD5 (RFC 1864), Content-Digest and Repr-Digest (RFC 9530; the same here, where bodies have no coding
 * and are no ranges), and S3's `x-amz-checksum-*`. RFC 9530 has us ignore unknown algorithms in its fields.
 * @throws ServiceError `field-invalid` if one is malformed, or an `x-amz-checksum-*` has an unknown algorithm
 */
export function statedDigests(headers: IncomingHttpHeaders): readonly StatedDigest[] {
  const fields = Object.entries(headers)
  return fields.flatMap(([field, value]) => (typeof value === 'string' ? digestsIn(field, value) : []))
}

function digestsIn(field: string, value: string): readonly StatedDigest[] {
  if (field === 'content-md5') return [statedIn(field, 'md5', value)]
  if (field === 'content-digest' || field === 'repr-digest') return membersOf(field, value)
  if (!field.startsWith(AMAZON_PREFIX)) return []
  const algorithm = amazonNames.get(field.slice(AMAZON_PREFIX.length).replaceAll('-', ''))
  if (algorithm === undefined) throw invalid(field, 'is of an algorithm that is not known here')
  return [statedIn(field, algorithm, value)]
}

/** @throws ServiceError `digest-mismatch` */
export function requireStated(stated: readonly StatedDigest[], digests: HexDigests): void {
  for (const { field, algorithm, hex } of stated) {
    if (digests[algorithm] === hex) continue
    const message = `The bytes that came do not have the ${algorithm} that ${field} tells.`
    throw new ServiceError('digest-mismatch', message, { field })
  }
}

export function algorithmsOf(stated: readonly StatedDigest[]): FurtherDigests {
  const algorithms = new Set(stated.map(({ algorithm }) => algorithm))
  return [...algorithms].filter((algorithm) => algorithm !== 'sha256')
}

const KEY = '[a-z*][a-z0-9_.*-]*'
const STRING = '"(?:[^"\\\\]|\\\\.)*"'
const BYTES = ':[A-Za-z0-9+/=]*:'
/** Escaped UTF-8 (RFC 9651, 3.3.8), ignored here. */
const DISPLAY_STRING = '%"(?:[^"%]|%[0-9a-f]{2})*"'
const BARE = `${STRING}|${DISPLAY_STRING}|${BYTES}|[^\\s,;:"()][^\\s,;"()]*`
/** A member of a dictionary with the comma behind it (RFC 9651, 3.2 and 4.2.2): its key, and its value if that is a byte sequence. */
const MEMBER = new RegExp(
  `(${KEY})(?:=(?::([A-Za-z0-9+/=]*):|\\((?:${STRING}|[^")])*\\)|${BARE}))?` +
    `(?:; *${KEY}(?:=(?:${BARE}))?)*(?:[ \\t]*,[ \\t]*(?!$)|$)`,
  'y',
)

function membersOf(field: string, value: string): readonly StatedDigest[] {
  const text = value.trim()
  const found = new Map<DigestAlgorithm, StatedDigest>()
  MEMBER.lastIndex = 0
  while (MEMBER.lastIndex < text.length) {
    const member = MEMBER.exec(text)
    if (member === null) throw invalid(field, 'is no dictionary of byte sequences (RFC 9530)')
    const algorithm = digestKeys.get(member[1] ?? '')
    // The last member of a key counts.
    if (algorithm !== undefined) found.set(algorithm, statedIn(field, algorithm, member[2] ?? ''))
  }
  return [...found.values()]
}

function statedIn(field: string, algorithm: DigestAlgorithm, base64: string): StatedDigest {
  const bytes = Buffer.from(base64, 'base64')
  const isDigest = /^[A-Za-z0-9+/]+={0,2}$/.test(base64) && bytes.byteLength === digestBytes[algorithm]
  if (!isDigest) throw invalid(field, `is no base64 of the ${digestBytes[algorithm]} bytes of ${algorithm}`)
  return { field, algorithm, hex: bytes.toString('hex') }
}

function invalid(field: string, what: string): ServiceError {
  return new ServiceError('field-invalid', `The header ${field} ${what}.`, { field })
}
