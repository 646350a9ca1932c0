/** Bidirectional controls and zero-width characters can make `exe.fdp` look like `pdf.exe`; a header has no use for them. */
const DECEPTIVE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g

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
