import { ServiceError } from '../errors.ts'
import { contentDisposition, downloadName, percentEncode } from '../files/download-name.ts'
import { type FileRecord, isGone } from '../files/file.ts'
import { inertType } from '../files/inert-type.ts'
import type { DirectTransfer } from '../ports/blob-store.ts'
import { type Clock, SECOND_MS } from '../ports/clock.ts'
import type { Services } from '../services.ts'
import { directUploadOf, stagingKeyOf } from '../uploads/direct-upload.ts'
import {
  type LinkBinding,
  type LinkMethod,
  readLink,
  type ServedType,
  signLink,
  verifyLink,
} from './signed-link.ts'

/** Where links point, below the public URL; served by `transfer/`. */
export const LINK_PATH = '/transfer/'

/** Of UTF-8: three times as many characters in the URL, which every client takes. */
const MAX_NAME_BYTES = 200

export interface IssuedLink {
  readonly url: string
  readonly expiresAt: number
  /** Exactly what a PUT has to send, by names in lower case; nothing for GET. */
  readonly headers: Readonly<Record<string, string>>
}

/** What a link leads to. */
export interface LinkedFile {
  readonly file: FileRecord
  /** The type that its bytes are sent under. */
  readonly servedType: string
}

/**
 * A URL that lets its holder act on one file's bytes without credentials, until `expiresAt`: of the store itself where it and
 * the operator offer that, else of ours, which for GET ends in the file's name. What a browser would run is downloaded without its type, unless told to serve it as
 * `declared`. A promise only where the store offers it.
 */
export function issueLink(
  services: Services,
  method: LinkMethod,
  file: FileRecord,
  expiresAt: number,
  serves: ServedType = 'inert',
): IssuedLink | Promise<IssuedLink> {
  const { direct } = services.blobs
  const own = () => ownLink(services, method, file, expiresAt, serves)
  if (direct === undefined) return own()
  return directLink(direct, services, method, file, expiresAt, serves).then((link) => link ?? own())
}

function ownLink(
  services: Services,
  method: LinkMethod,
  file: FileRecord,
  expiresAt: number,
  serves: ServedType,
): IssuedLink {
  const [key] = services.linkKeys
  if (key === undefined) throw new Error('no key to sign links with')
  const claim = { method, fileId: file.id, expiresAt, serves }
  const token = signLink(key, claim, bindingOf(file, method))
  const url = services.publicUrl() + LINK_PATH + token
  if (method === 'PUT') return { url, expiresAt, headers: headersOf(file) }
  return { url: `${url}/${nameSegment(file)}`, expiresAt, headers: {} }
}

/** What clients that name a file after its URL shall call it. Some split names at slashes. */
function nameSegment({ name }: FileRecord): string {
  return percentEncode(downloadName(name, MAX_NAME_BYTES).replace(/[/\\]/g, '_'))
}

/** What `transfer/` asks for. */
function headersOf({ mimeType, writeOnce, uploadMaxBytes }: FileRecord): Record<string, string> {
  if (uploadMaxBytes !== null) return {}
  return writeOnce ? { 'content-type': mimeType, 'if-none-match': '*' } : { 'content-type': mimeType }
}

async function directLink(
  direct: DirectTransfer,
  { clock, policy }: Services,
  method: LinkMethod,
  file: FileRecord,
  expiresAt: number,
  serves: ServedType,
): Promise<IssuedLink | undefined> {
  const seconds = Math.max(1, Math.floor((expiresAt - clock.now()) / SECOND_MS))
  if (method === 'PUT') {
    const upload = directUploadOf(file)
    if (!upload || !direct.takes(upload)) return undefined
    return { ...(await direct.putUrl(stagingKeyOf(file), upload, seconds)), expiresAt }
  }
  // Nobody would tell us of downloads that move the end of the file.
  const countsDownloads = policy.touchOn !== 'none' && file.expiryPolicy === 'since-last-active'
  if (countsDownloads || file.blobKey === null) return undefined
  const disposition = contentDisposition(file.name)
  const as = { mimeType: servedType(file, serves), disposition }
  return { url: await direct.getUrl(file.blobKey, as, seconds), expiresAt, headers: {} }
}

/**
 * The file that a link leads to, read anew on every use, so that a delete or an expiry ends the link at once.
 * @throws ServiceError `link-invalid` if altered, past its time or for another method; `file-not-found` if the file is gone
 */
export async function followLink(services: Services, method: LinkMethod, token: string): Promise<LinkedFile> {
  const claim = readLink(token)
  const file = claim && (await services.metadata.findFile(claim.fileId))
  if (claim === undefined || file === undefined) throw invalid()
  if (!verifyLink(services.linkKeys, token, bindingOf(file, claim.method))) throw invalid()
  if (claim.method !== method || isOver(claim.expiresAt, services.clock)) throw invalid()
  if (isGone(file, services.clock.now())) throw new ServiceError('file-not-found', 'The file is gone.')
  return { file, servedType: servedType(file, claim.serves) }
}

function servedType({ mimeType }: FileRecord, serves: ServedType): string {
  return serves === 'declared' ? mimeType : inertType(mimeType)
}

/** A server of a release that does not know one of the conditions of a PUT takes none that has it. */
function bindingOf(file: FileRecord, method: LinkMethod): LinkBinding {
  const { mimeType, sizeBytes, writeOnce } = file
  const sha256 = method === 'PUT' ? file.expectedSha256 : null
  const maxBytes = method === 'PUT' ? file.uploadMaxBytes : null
  return { mimeType, sizeBytes, writeOnce, sha256, maxBytes }
}

function isOver(expiresAt: number, clock: Clock): boolean {
  return clock.now() >= expiresAt
}

function invalid(): ServiceError {
  return new ServiceError('link-invalid', 'This link is not valid, or its time is over.')
}
