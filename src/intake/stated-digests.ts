import type { IncomingHttpHeaders } from 'node:http'
import { ServiceError } from '../core/errors.ts'
import {
  type DigestAlgorithm,
  digestBytes,
  type FurtherDigests,
  type HexDigests,
} from './digest-algorithms.ts'

/** A digest that the sender of a body tells in a header. */
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

const NONE: readonly StatedDigest[] = []

/**
 * What the headers of a body tell of its digests: Content-MD5 (RFC 1864), Content-Digest and Repr-Digest (RFC 9530), which
 * mean the same where bodies have no coding and are no ranges, and S3's `x-amz-checksum-*`.
 * @throws ServiceError `field-invalid` if one is malformed, or an `x-amz-checksum-*` is of an algorithm that is not known
 *   here; in the fields of RFC 9530 such members are ignored
 */
export function statedDigests(headers: IncomingHttpHeaders): readonly StatedDigest[] {
  let stated: StatedDigest[] | undefined
  for (const field in headers) {
    const value = headers[field]
    const found = typeof value === 'string' ? digestsIn(field, value) : undefined
    if (found !== undefined) stated = [...(stated ?? NONE), ...found]
  }
  return stated ?? NONE
}

/** Undefined if this is no header of digests. */
function digestsIn(field: string, value: string): readonly StatedDigest[] | undefined {
  if (field === 'content-md5') return [digestOf(field, 'md5', value)]
  if (field === 'content-digest' || field === 'repr-digest') return membersOf(field, value)
  if (!field.startsWith(AMAZON_PREFIX)) return undefined
  const algorithm = amazonNames.get(field.slice(AMAZON_PREFIX.length).replaceAll('-', ''))
  if (algorithm === undefined) throw invalid(field, 'is of an algorithm that is not known here')
  return [digestOf(field, algorithm, value)]
}

/** @throws ServiceError `digest-mismatch` */
export function requireStated(stated: readonly StatedDigest[], digests: HexDigests): void {
  for (const { field, algorithm, hex } of stated) {
    if (digests[algorithm] === hex) continue
    const message = `The bytes that came do not have the ${algorithm} that ${field} tells.`
    throw new ServiceError('digest-mismatch', message, { field })
  }
}

/** What has to be computed for them beside SHA-256. */
export function algorithmsOf(stated: readonly StatedDigest[]): FurtherDigests {
  const algorithms = new Set<FurtherDigests[number]>()
  for (const { algorithm } of stated) if (algorithm !== 'sha256') algorithms.add(algorithm)
  return [...algorithms]
}

const KEY = '[a-z*][a-z0-9_.*-]*'
const STRING = '"(?:[^"\\\\]|\\\\.)*"'
const BYTES = ':[A-Za-z0-9+/=]*:'
/** Its content is escaped UTF-8 (RFC 9651, 3.3.8), which nobody here reads. */
const DISPLAY_STRING = '%"(?:[^"%]|%[0-9a-f]{2})*"'
const BARE = `${STRING}|${DISPLAY_STRING}|${BYTES}|[^\\s,;:"()][^\\s,;"()]*`
/**
 * One member of a dictionary, with the comma after all but the last (RFC 9651, 3.2 and 4.2.2): its key, and its value if that
 * is a byte sequence.
 */
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
    // Of members with one key the last counts.
    if (algorithm !== undefined) found.set(algorithm, digestOf(field, algorithm, member[2] ?? ''))
  }
  return [...found.values()]
}

function digestOf(field: string, algorithm: DigestAlgorithm, base64: string): StatedDigest {
  const bytes = Buffer.from(base64, 'base64')
  const isDigest = /^[A-Za-z0-9+/]+={0,2}$/.test(base64) && bytes.byteLength === digestBytes[algorithm]
  if (!isDigest) throw invalid(field, `is no base64 of the ${digestBytes[algorithm]} bytes of ${algorithm}`)
  return { field, algorithm, hex: bytes.toString('hex') }
}

function invalid(field: string, what: string): ServiceError {
  return new ServiceError('field-invalid', `The header ${field} ${what}.`, { field })
}
