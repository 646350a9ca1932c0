import type { FileRecord } from '../core/files/file.ts'
import { type IssuedLink, issueLink } from '../core/links/link.ts'
import type { ServedType } from '../core/links/signed-link.ts'
import type { Services } from '../core/services.ts'
import { shownName } from '../intake/file-type.ts'

/** A link that downloads a file under the name that it is shown by, its own or not. See `issueLink`. */
export function issueDownloadLink(
  services: Services,
  file: FileRecord,
  expiresAt: number,
  serves?: ServedType,
): IssuedLink | Promise<IssuedLink> {
  const named = file.name === '' ? { ...file, name: shownName(file) } : file
  return issueLink(services, 'GET', named, expiresAt, serves)
}
