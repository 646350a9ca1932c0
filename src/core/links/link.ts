import { contentDisposition, downloadName, percentEncode } from '../files/download-name.ts'
import type { FileRecord } from '../files/file.ts'
import { servedType } from '../files/inert-type.ts'
import type { DirectTransfer } from '../ports/blob-store.ts'
import { SECOND_MS } from '../ports/clock.ts'
import type { Services } from '../services.ts'
import { directUploadOf, stagingKeyOf } from '../uploads/direct-upload.ts'
import { type IssuedClaim, issueToken, type LinkMethod, type ServedType } from './link-token.ts'

/** Where links point, below the public URL; served by `transfer/`. */
export const LINK_PATH = '/transfer/'

/** Of UTF-8: three times as many characters in the URL, which every client takes. */
const MAX_NAME_BYTES = 200

/** Needs nothing of what follows. */
const PLAIN_NAME = /^\w[\w.-]{0,199}$/

export interface IssuedLink {
  readonly url: string
  readonly expiresAt: number
  /** Exactly what a PUT has to send, by names in lower case; nothing for GET. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * A URL that lets its holder act on one file's bytes without credentials, until `expiresAt`: of the store itself where it and
 * the operator offer that, else of ours with a token, which for GET ends in the file's name. What a browser would run is downloaded without its
 * type, unless told to serve it as `declared`.
 */
export async function issueLink(
  services: Services,
  method: LinkMethod,
  file: FileRecord,
  expiresAt: number,
  serves: ServedType = 'inert',
): Promise<IssuedLink> {
  const { direct } = services.blobs
  const atStore = direct && (await directLink(direct, services, method, file, expiresAt, serves))
  if (atStore) return atStore
  const claim = { method, expiresAt, serves }
  return method === 'PUT'
    ? { url: ownLink(services, file, claim), expiresAt, headers: headersOf(file) }
    : { url: ownDownloadLink(services, file, claim), expiresAt, headers: {} }
}

/** A URL of ours, for which the store is asked nothing. */
export function ownDownloadLink(services: Services, file: FileRecord, claim: IssuedClaim): string {
  return `${ownLink(services, file, claim)}/${nameSegment(file)}`
}

function ownLink(services: Services, file: FileRecord, claim: IssuedClaim): string {
  return services.addresses.publicUrl + LINK_PATH + issueToken(services, file, claim)
}

/** A link to a stored file under the name that it is shown by. It does not outlive its file. */
export function issueDownload(
  services: Services,
  file: FileRecord,
  shownName: string,
  lifetimeSeconds: number,
  serves?: ServedType,
): Promise<IssuedLink> {
  const end = services.clock.now() + lifetimeSeconds * SECOND_MS
  const named = { ...file, name: shownName }
  return issueLink(services, 'GET', named, Math.min(end, file.expiresAt ?? end), serves)
}

/** What clients that name a file after its URL shall call it. Some split names at slashes. */
function nameSegment({ name }: FileRecord): string {
  if (PLAIN_NAME.test(name)) return name
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
