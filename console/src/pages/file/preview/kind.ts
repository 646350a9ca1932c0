/** How a file is shown. */
export type PreviewKind = 'image' | 'text' | 'pdf' | 'none'

/** What browsers draw in an `<img>`, where nothing of it runs: SVG, too. */
const IMAGES = [
  'image/png',
  'image/jpeg',
  'image/gif',
  'image/webp',
  'image/avif',
  'image/bmp',
  'image/svg+xml',
  'image/x-icon',
  'image/vnd.microsoft.icon',
]
/** Types of texts that do not begin with `text/` or end in `+json` or `+xml`. */
const TEXTS = [
  'application/json',
  'application/jsonl',
  'application/x-ndjson',
  'application/ndjson',
  'application/xml',
  'application/javascript',
  'application/ecmascript',
  'application/typescript',
  'application/x-sh',
  'application/sql',
  'application/toml',
  'application/yaml',
  'application/x-yaml',
  'application/x-tex',
  'application/xhtml+xml',
  'application/rtf',
  'application/x-httpd-php',
  'application/x-subrip',
  'message/rfc822',
]

/** By the declared type alone: bytes that say otherwise are still shown as what they were sent as. */
export function kindOf(mimeType: string): PreviewKind {
  const type = essenceOf(mimeType)
  if (IMAGES.includes(type)) return 'image'
  if (type === 'application/pdf') return 'pdf'
  if (type.startsWith('text/') || /\+(json|xml|yaml)$/.test(type) || TEXTS.includes(type)) return 'text'
  return 'none'
}

/** The type without its parameters. */
export function essenceOf(mimeType: string): string {
  return (mimeType.split(';')[0] ?? '').trim().toLowerCase()
}
