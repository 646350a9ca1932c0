import { downloadName, percentEncode } from './download-name.ts'

/** What file systems take; and clients refuse answers whose headers are larger than some 16 KiB. */
const MAX_NAME_BYTES = 255

/** `attachment` with an ASCII fallback and the whole name in the form of RFC 8187. Both come from one cleaned name. */
export function contentDisposition(name: string): string {
  const clean = downloadName(name, MAX_NAME_BYTES)
  const ascii = clean.replace(/[^\u0020-\u007e]|["\\%/]/g, '_')
  return `attachment; filename="${ascii}"; filename*=UTF-8''${percentEncode(clean)}`
}
