import { isUtf8 } from 'node:buffer'
import { fileTypeFromBuffer } from 'file-type'

/** Enough for signatures, and for the first entries of the archives that office documents are. */
export const SNIFF_BYTES = 64 * 1024

const UNKNOWN_TYPE = 'application/octet-stream'

/**
 * The MIME type that content shows, by its first bytes: signatures of formats, then markup, then text. Names play no part.
 * @returns `application/octet-stream` for what is none of these, and for nothing at all
 */
export async function sniffType(head: Uint8Array): Promise<string> {
  if (head.length === 0) return UNKNOWN_TYPE
  const found = await signatureType(head)
  if (found !== undefined) return found
  const text = textOf(head)
  if (text === undefined) return UNKNOWN_TYPE
  const start = text.trimStart().slice(0, 100).toLowerCase()
  if (/^<(!doctype html|html|head|body)\b/.test(start)) return 'text/html'
  return start.startsWith('<?xml') ? 'application/xml' : 'text/plain'
}

/** The MIME type of a format that is known by its signature. */
export async function signatureType(head: Uint8Array): Promise<string | undefined> {
  return (await fileTypeFromBuffer(head))?.mime
}

/** The text, if it is UTF-8, or UTF-16 with its mark, and has no NUL. The cut may have gone through a character. */
function textOf(head: Uint8Array): string | undefined {
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) {
    return new TextDecoder(head[0] === 0xff ? 'utf-16le' : 'utf-16be').decode(head)
  }
  const whole = head.length < SNIFF_BYTES ? head : head.subarray(0, lastCharacterStart(head))
  if (!isUtf8(whole) || whole.includes(0)) return undefined
  return Buffer.from(whole).toString('utf8')
}

/** Where the last, perhaps cut, UTF-8 character begins: the last byte that is no continuation. */
function lastCharacterStart(head: Uint8Array): number {
  let start = head.length - 1
  while (start > head.length - 4 && ((head[start] ?? 0) & 0xc0) === 0x80) start--
  return start
}
