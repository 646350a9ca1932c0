import { mediaTypes } from './media-types.ts'
import { HeadCapture } from './sniff.ts'

const PRINTABLE_ASCII = /^[\u0020-\u007e]{1,255}$/

/**
 * The type of a file before its content is seen: the declared one, unchanged, unless it says nothing; else the one that
 * the name implies. The name may be a path or a URL.
 * @returns undefined if only the content can show it, see `shownType`
 */
export function toldType(declared: string | undefined, name: string): string | undefined {
  const type = declared?.trim()
  if (type !== undefined && PRINTABLE_ASCII.test(type) && !saysNothing(type)) return type
  const extension = knownExtension(name)
  if (extension === undefined || otherTypes.has(extension)) return undefined
  return mediaTypes.getType(extension) ?? undefined
}

/**
 * The type of a file for which `toldType` knows none: the type of its extension, unless that is ambiguous and the first
 * bytes show another of its types; without an extension, what the bytes show.
 */
export async function shownType(name: string, content: HeadCapture): Promise<string> {
  const shown = await content.type()
  const extension = knownExtension(name)
  if (extension === undefined || otherTypes.get(extension)?.includes(shown)) return shown
  return mediaTypes.getType(extension) ?? shown
}

/** As `shownType`, of content that is read for nothing else: no more of it than shows the type. */
export async function readType(name: string, content: AsyncIterable<Uint8Array>): Promise<string> {
  return shownType(name, await new HeadCapture(content).read())
}

/** Ambiguous extensions, with the further types that content can show. */
const otherTypes: ReadonlyMap<string, readonly string[]> = new Map([
  // TypeScript, and MPEG transport streams of cameras.
  ['ts', ['video/mp2t']],
  ['mts', ['video/mp2t']],
  // Keynote, and private keys.
  ['key', ['text/plain']],
  // Publisher, and public keys.
  ['pub', ['text/plain']],
  // Templates of Word, and graphs.
  ['dot', ['text/plain']],
  ['ai', ['application/pdf']],
  ['ogg', ['video/ogg']],
])

/** The extension of a file's name, else the usual one of its type; without the dot, in lower case. */
export function extensionOf({ name, mimeType }: { name: string; mimeType: string }): string | undefined {
  return knownExtension(name) ?? unknownExtension(name) ?? extensionOfType(mimeType)
}

/** The name that a file is shown and saved under: its own, or its id with the extension of its type. */
export function shownName({ id, name, mimeType }: { id: string; name: string; mimeType: string }): string {
  return name || `${id}.${extensionOfType(mimeType) ?? 'bin'}`
}

/** The usual extension of a type, without its dot; parameters play no part. */
function extensionOfType(mimeType: string): string | undefined {
  return saysNothing(mimeType) ? undefined : (mediaTypes.getExtension(mimeType) ?? undefined)
}

/** RFC 6838, 4.2. A range (`image/*`) is not the type of a file. */
const TYPE = /^[a-z\d][\w!#$&^.+-]*\/[a-z\d][\w!#$&^.+-]*$/

/**
 * Types that programs send when they know none: IANA's own, those of old mail and web clients, those of file system
 * entries, and those of the forms that carry files.
 */
const NOTHING =
  /^([\w-]+\/(x-)?unknown|inode\/.+|((x-)?application|binary|bin|content|unknown|file)\/(x-)?(octet-?(stream|string)|stream|empty|binary|download(file)?|force-?download|save|file|data|bin|none|null|undefined|unknown(-content-type|-application-octet-stream)?)|multipart\/form-data|application\/x-www-form-urlencoded|application\/mac-?binary)$/

function saysNothing(mimeType: string): boolean {
  const [type = ''] = mimeType.split(';', 1)
  const essence = type.trim().toLowerCase()
  return !TYPE.test(essence) || NOTHING.test(essence)
}

/** The form of an extension: no number, no sentence, no word that begins with a capital (`Dr.Smith`). */
const PLAUSIBLE = /^(?=.*[a-z])[a-z\d][a-z\d_+-]{0,15}$|^(?=.*[A-Z])[A-Z\d][A-Z\d_+-]{0,15}$/
/** Initials at the end: `Letter to J.R`, `(H.K`, `Bank S.A`; or alone: `S.A`, but not `a.c`, a source. */
const INITIALS = /[\s.(]\p{L}\.\p{L}$|^\p{Lu}\.\p{Lu}$/u
/** A host, if its end is no known extension: `www.example.de`, not `www.example.pdf`. */
const HOST = /(^|[/\\])www\.[^/\\]*$/i
/** A host (`www.example.com`) or a product (`ASP.NET`), although its end is a known extension. */
const NAME_END = /(^|[/\\])[Ww]{3}\.[^/\\]*\.(com|COM)$|\.NET$/
/** Characters behind a name that are invisible, end a sentence or mark a backup. */
const HANGING = /[\s\p{Cf}\p{Cc}.~]/u
/** What programs add to a name: the word and number of a copy, in several languages, or the mark of a partial file or a backup. */
const ADDED =
  /(( -)? (copy|copia|cópia|copie|kopie|копия)( \(?\d{1,4}\)?)?|\(\d{1,4}\)|\[\d{1,4}\]|_\d{1,4}|\.(part|partial|crdownload|download|tmp|temp|bak|backup|old|orig))$/i
/** What follows the path in a URL, perhaps escaped once more. */
const MARK = /[?#;]|%(3f|23|3b)/i
const PARAMETER = /([?#;]|%(3f|23|3b))([\w.~-]|%(?!3d)){1,64}(=|%3d)/i

/**
 * The extension of a name, if the table has a type for it; without its dot, in lower case. Skips what programs add to a
 * name (` (1)`, `.part`), and what follows the path in a URL.
 * @returns undefined for `README`, `.env`, `Report v1.2 final`
 */
function knownExtension(name: string): string | undefined {
  for (const part of candidates(name)) {
    const tail = tailOf(part)?.toLowerCase()
    if (tail !== undefined && mediaTypes.getType(tail) !== null) return tail
  }
  return undefined
}

/** The extension of a name, in or out of the table, by its form: `unheard-of`, not `2 final`. */
function unknownExtension(name: string): string | undefined {
  const tail = HOST.test(name) ? undefined : tailOf(trimmedEnd(name))
  return tail !== undefined && PLAUSIBLE.test(tail) ? tail.toLowerCase() : undefined
}

/** Readings of the name, the likeliest first. */
function* candidates(name: string): Generator<string> {
  const parameter = name.search(PARAMETER)
  if (parameter > 0) yield trimmedEnd(name.slice(0, parameter))
  const seen = trimmedEnd(name)
  yield seen
  yield trimmedEnd(seen.replace(ADDED, ''))
  const mark = name.search(MARK)
  if (mark > 0) yield trimmedEnd(name.slice(0, mark))
}

function trimmedEnd(name: string): string {
  let end = name.length
  while (end > 0 && HANGING.test(name.charAt(end - 1))) end--
  return name.slice(0, end)
}

/** What follows the last dot, unless that begins the name or stands between initials. */
function tailOf(name: string): string | undefined {
  const dot = name.lastIndexOf('.')
  // `.env` is a hidden file without an extension, behind a path as well.
  if (dot <= 0 || /[/\\]/.test(name.charAt(dot - 1)) || INITIALS.test(name.slice(-4))) return undefined
  if (NAME_END.test(name)) return undefined
  const tail = name.slice(dot + 1)
  return tail === '' || /^\d+$/.test(tail) ? undefined : tail
}
