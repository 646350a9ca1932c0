import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto'
import { ServiceError } from '../errors.ts'
import type { FileId } from '../file-id.ts'
import { type FileRecord, isGone } from '../files/file.ts'
import type { MetadataStore } from '../ports/metadata-store.ts'
import type { Services } from '../services.ts'

/** A secret that signs links. Old ones stay listed until the links that they signed are over. */
export interface LinkKey {
  /** 8 lower-case hex characters; travels in the link. */
  readonly id: string
  /** 32 bytes, hex. */
  readonly secret: string
  readonly createdAt: number
}

/** What the holder may do: put bytes into an upload; get a file; or do all of an upload, its end and its cancel included. */
export type LinkMethod = 'PUT' | 'GET' | 'POST'

/** The type under which a download goes: the file's own as `declared`, or as far as it is `inert` (`inertType`). */
export type ServedType = 'inert' | 'declared'

/** What a token says about itself. It is only a claim until `verifyLink` has seen the file's row. */
export interface LinkClaim {
  readonly method: LinkMethod
  readonly fileId: FileId
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
  /** Always `inert` but for GET. */
  readonly serves: ServedType
  /** Never of a GET: the upload takes appends. */
  readonly appends: boolean
  /** Of a link that has a row: the id of that row. */
  readonly rowId?: string
}

/** What a token is issued for; the rest is the file's. */
export type IssuedClaim = Omit<LinkClaim, 'fileId' | 'appends'>

/**
 * What else a link is bound to, read from the file's row when signing and again when verifying. A link to an upload that takes
 * appends is bound to what these leave as it is.
 */
export type LinkBinding = FixedBinding | AppendBinding | RowBinding

/** Its row decides: it is there for as long as the link is good. */
export interface RowBinding {
  readonly appends?: false
  readonly hasRow: true
}

export interface AppendBinding {
  readonly appends: true
  readonly writeOnce: boolean
  /** Of the only bytes that may come; null: any. */
  readonly sha256: string | null
}

export interface FixedBinding {
  readonly appends?: false
  readonly hasRow?: false
  readonly mimeType: string
  readonly sizeBytes: number
  readonly writeOnce: boolean
  /** Of the only bytes that may be put; null: any. */
  readonly sha256: string | null
  /** How many bytes may be put, which are then stored without a complete; null: `sizeBytes`, and a complete. */
  readonly maxBytes: number | null
}

/*
 * The token, 63 bytes, printed as 84 base64url characters. The length is a multiple of three, so each token has exactly one
 * spelling: there are no spare bits or padding in which a forged twin could differ.
 *   0 version: 1, or 2 of a link to an upload that takes appends, or 3 of a link that has a row | 1 use | 2..5 key id |
 *   6..21 id of the file, or of the row | 22..27 expiry in ms | 28..30 random, or 0 where there is a row | 31..62 HMAC-SHA-256
 * A release that does not know a version takes no such link.
 */
const VERSION = 1
const APPENDING_VERSION = 2
const ROW_VERSION = 3
const TOKEN_BYTES = 63
const MAC_OFFSET = 31
const TOKEN = /^[A-Za-z0-9_-]{84}$/
/** By their code in the token, from 1. */
const uses = [
  { method: 'PUT', serves: 'inert' },
  { method: 'GET', serves: 'inert' },
  { method: 'GET', serves: 'declared' },
  { method: 'POST', serves: 'inert' },
] as const satisfies readonly Pick<LinkClaim, 'method' | 'serves'>[]

/**
 * A token that lets its holder act on one file without credentials, wherever it stands. Every call makes a new one, but for a link that has a row.
 * @param claim whose end, in ms since the epoch, is the token's
 */
export function issueToken(
  { linkKeys: [key], metadata }: Services,
  file: FileRecord,
  claim: IssuedClaim,
): string {
  if (key === undefined) throw new Error('no key to sign links with')
  // A server of the release before, which takes no appends, would not know such a link.
  const appends = claim.method !== 'GET' && file.uploadMaxBytes !== null && metadata.takesSegments
  const whole = { ...claim, fileId: file.id, appends }
  return signLink(key, whole, bindingOf(file, whole))
}

/**
 * The file that a token leads to, read anew on every use, so that a delete or an expiry ends it at once; and the claim.
 * @throws ServiceError `link-invalid` if altered, past its time or for another method; `file-not-found` if the file is gone
 */
export async function followToken(
  { metadata, linkKeys, clock }: Services,
  method: LinkMethod,
  token: string,
): Promise<{ readonly file: FileRecord; readonly claim: LinkClaim }> {
  const claim = readLink(token) ?? (await readRow(metadata, token))
  const file = claim && (await metadata.findFile(claim.fileId))
  if (claim === undefined || file === undefined) throw linkInvalid()
  if (!verifyLink(linkKeys, token, bindingOf(file, claim))) throw linkInvalid()
  if (claim.method !== method || clock.now() >= claim.expiresAt) throw linkInvalid()
  if (isGone(file, clock.now())) throw new ServiceError('file-not-found', 'The file is gone.')
  return { file, claim }
}

export function linkInvalid(): ServiceError {
  return new ServiceError('link-invalid', 'This link is not valid, or its time is over.')
}

/** A server of a release that does not know one of the conditions of a PUT takes none that has it. */
function bindingOf(file: FileRecord, { method, appends, rowId }: LinkClaim): LinkBinding {
  if (rowId !== undefined) return { hasRow: true }
  const { mimeType, sizeBytes, writeOnce } = file
  const sha256 = method === 'GET' ? null : file.expectedSha256
  if (appends) return { appends, writeOnce, sha256 }
  const maxBytes = method === 'GET' ? null : file.uploadMaxBytes
  return { mimeType, sizeBytes, writeOnce, sha256, maxBytes }
}

export function signLink(key: LinkKey, claim: LinkClaim, binding: LinkBinding): string {
  const token = Buffer.allocUnsafe(TOKEN_BYTES)
  const { rowId, appends } = claim
  token[0] = rowId !== undefined ? ROW_VERSION : appends ? APPENDING_VERSION : VERSION
  token[1] = codeOf(claim)
  token.write(key.id, 2, 'hex')
  token.write((rowId ?? claim.fileId).replaceAll('-', ''), 6, 'hex')
  token.writeUIntBE(claim.expiresAt, 22, 6)
  // The last digits of a UUIDv4 are all random, and Node hands them out faster than single bytes. That of a row is random itself.
  token.write(rowId === undefined ? randomUUID().slice(-6) : '000000', 28, 'hex')
  token.write(macOf(key, token, binding), MAC_OFFSET, 'hex')
  return token.toString('base64url')
}

/** Reads what a token claims, without believing it. Undefined if it is not of our form, or has a row. */
export function readLink(token: string): LinkClaim | undefined {
  const found = fieldsOf(token)
  if (found === undefined || found.version === ROW_VERSION) return undefined
  const { version, use, id, expiresAt } = found
  return { ...use, appends: version === APPENDING_VERSION, fileId: id, expiresAt }
}

/** As `readLink`, for a link that has a row, while the row is there. */
async function readRow(metadata: MetadataStore, token: string): Promise<LinkClaim | undefined> {
  const found = fieldsOf(token)
  if (found?.version !== ROW_VERSION) return undefined
  const { use, id, expiresAt } = found
  const row = await metadata.findLink(id)
  return row && { ...use, appends: false, fileId: row.fileId, expiresAt, rowId: id }
}

function fieldsOf(token: string) {
  if (!TOKEN.test(token)) return undefined
  const bytes = Buffer.from(token, 'base64url')
  const use = uses[(bytes[1] ?? 0) - 1]
  const version = bytes[0] ?? 0
  if (version < VERSION || version > ROW_VERSION || use === undefined) return undefined
  const hex = bytes.toString('hex', 6, 22)
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  return { version, use, id, expiresAt: bytes.readUIntBE(22, 6) }
}

function codeOf({ method, serves }: LinkClaim): number {
  return 1 + uses.findIndex((use) => use.method === method && use.serves === serves)
}

/** Whether one of our keys signed this very token for a file that is bound like this. Constant time in the signature. */
export function verifyLink(keys: readonly LinkKey[], token: string, binding: LinkBinding): boolean {
  const bytes = Buffer.from(token, 'base64url')
  const key = keys.find(({ id }) => id === bytes.toString('hex', 2, 6))
  if (bytes.length !== TOKEN_BYTES || key === undefined) return false
  return timingSafeEqual(Buffer.from(macOf(key, bytes, binding), 'hex'), bytes.subarray(MAC_OFFSET))
}

/** In hex: Node takes a fifth longer to sign if it has to make a Buffer of the result. */
function macOf(key: LinkKey, token: Buffer, binding: LinkBinding): string {
  const claim = token.toString('hex', 0, MAC_OFFSET)
  return createHmac('sha256', Buffer.from(key.secret, 'hex'))
    .update(`${claim}\n${textOf(binding)}`)
    .digest('hex')
}

function textOf(binding: LinkBinding): string {
  if (!binding.appends && binding.hasRow) return 'row'
  const { writeOnce, sha256 } = binding
  const only = sha256 === null ? '' : `\n${sha256}`
  if (binding.appends) return `${writeOnce}${only}`
  const { sizeBytes, mimeType, maxBytes } = binding
  const upTo = maxBytes === null ? '' : `\n<=${maxBytes}`
  return `${sizeBytes}\n${writeOnce}\n${mimeType}${only}${upTo}`
}
