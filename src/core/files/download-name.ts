/**
 * Removed from names that are shown or saved: control characters; embeddings, overrides and isolates, which reorder the
 * text around them (`\u202efdp.exe` reads as `exe.pdf`); characters that hide text or are hidden. Joiners (U+200C, U+200D)
 * stay, because Persian, Hindi and emoji need them; so do U+061C, U+200E and U+200F, which only direct the punctuation
 * beside them, and tags that spell a flag (Unicode Technical Standard 51, C.1).
 */
const DECEPTIVE =
  /(\u{1f3f4}[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{3,6}\u{e007f})|[\u0000-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu

/**
 * The name under which a client may save a file: without deceptive characters, cut to `maxBytes` of UTF-8. `file` if
 * nothing is left, or a step of a path.
 */
export function downloadName(name: string, maxBytes: number): string {
  const clean = shorten(name.replace(DECEPTIVE, '$1').toWellFormed(), maxBytes)
  return /^\.{0,2}$/.test(clean) ? 'file' : clean
}

/** Escapes a name for both the path of a URL (RFC 3986, 3.3) and an extended parameter (RFC 8187, 3.2.1). */
export function percentEncode(name: string): string {
  return encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}

const MAX_EXTENSION_BYTES = 32

/** Characters as readers see them: an emoji with its joiners, a letter with its marks. Made when first needed: it takes 7 ms. */
let characters: Intl.Segmenter | undefined

/** Cuts whole characters before the extension until the name fits. */
function shorten(name: string, maxBytes: number): string {
  if (Buffer.byteLength(name) <= maxBytes) return name
  const dot = name.lastIndexOf('.')
  const extension =
    dot > 0 && Buffer.byteLength(name.slice(dot)) <= MAX_EXTENSION_BYTES ? name.slice(dot) : ''
  let bytes = Buffer.byteLength(extension)
  let kept = ''
  characters ??= new Intl.Segmenter('und', { granularity: 'grapheme' })
  for (const { segment } of characters.segment(name)) {
    bytes += Buffer.byteLength(segment)
    if (bytes > maxBytes) break
    kept += segment
  }
  // A character with many marks can be longer than that.
  return (kept || 'file') + extension
}

/** The limit of file systems; and clients refuse answers whose headers are larger than some 16 KiB. */
const MAX_HEADER_NAME_BYTES = 255

/** `attachment` with an ASCII fallback and the whole name in the form of RFC 8187. */
export function contentDisposition(name: string): string {
  const clean = downloadName(name, MAX_HEADER_NAME_BYTES)
  const ascii = clean.replace(/[^\u0020-\u007e]|["\\%/]/g, '_')
  return `attachment; filename="${ascii}"; filename*=UTF-8''${percentEncode(clean)}`
}
