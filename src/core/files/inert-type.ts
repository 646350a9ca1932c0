import type { ServedType } from '../links/link-token.ts'
import type { FileRecord } from './file.ts'

const NEUTRAL_TYPE = 'application/octet-stream'

/**
 * `type/subtype` (RFC 6838, 4.2), then parameters. No comma there unless quoted: some browsers take what follows it for a
 * second type, and the last one counts.
 */
const WELL_FORMED = /^([a-z\d][\w!#$&^.+-]*\/[a-z\d][\w!#$&^.+-]*) *(;([^",]|"[^"]*")*)?$/i

const activeFamilies: readonly RegExp[] = [
  // Pages in all spellings: `xhtml+xml`, `x-server-parsed-html`, `mhtml`.
  /html/,
  // Mail and multipart bodies (MHTML, `x-mixed-replace`) bring pages along, each with a type of its own.
  /^(multipart|message)\//,
  // Any XML may name a style sheet (XSLT) or hold SVG and XHTML with scripts. `openxmlformats` is a ZIP, and none of it.
  /[/+.-]xml($|[.+-])/,
  /\/(x-)?(svg|xslt?($|[+-]))/,
  // `text/javascript1.5`, `application/x-ecmascript`, `text/jscript` and the others of WHATWG's MIME Sniffing, 4.6.
  /\/(x-)?(java|ecma|j|live|vb)script/,
  /flash/,
  /\/x-silverlight/,
  /\/(x-)?java-(applet|archive|bean|jnlp-file|vm)/,
]

const activeTypes: ReadonlySet<string> = new Set([
  // Whole pages in one file.
  'application/signed-exchange',
  'application/webbundle',
  'application/x-mimearchive',
  'application/x-webarchive',
  'text/rdf',
  // What acts in the page, or the browser, that loads it.
  'application/wasm',
  'application/x-ns-proxy-autoconfig',
  'text/cache-manifest',
  'text/css',
  'text/scriptlet',
  'text/vbs',
  'text/x-component',
  'text/x-scriptlet',
  // Plug-ins, programs and extensions that start from a link.
  'application/futuresplash',
  'application/hta',
  'application/x-chrome-extension',
  'application/x-director',
  'application/x-hta',
  'application/x-ms-application',
  'application/x-ms-xbap',
  'application/x-xpinstall',
])

/**
 * The type under which bytes that nobody vouches for may go to a browser: their own, or `application/octet-stream` if a browser
 * would run it, draw it as a page with scripts, or load it into one; or cannot be sure to read it as we do. PDF, plain text,
 * Markdown, CSV and JSON keep theirs: they act in no page of ours.
 */
export function inertType(mimeType: string): string {
  const essence = WELL_FORMED.exec(mimeType)?.[1]?.toLowerCase()
  return essence === undefined || isActive(essence) ? NEUTRAL_TYPE : mimeType
}

/** The type that a file's bytes are sent under: its own, if its link serves it as `declared`. */
export function servedType({ mimeType }: FileRecord, serves: ServedType): string {
  return serves === 'declared' ? mimeType : inertType(mimeType)
}

function isActive(essence: string): boolean {
  return activeTypes.has(essence) || activeFamilies.some((family) => family.test(essence))
}
