import { mediaTypes } from './media-types.ts'
import { sniffType } from './sniff.ts'

const PRINTABLE_ASCII = /^[\u0020-\u007e]{1,255}$/

/**
 * The type that a file is told to have before its content is seen: the one declared with it, kept as it is, unless that says
 * nothing; then the one that its name implies. The name may be a path or a URL.
 * @returns undefined where the content has to show it, see `shownType`
 */
export function toldType(declared: string | undefined, name: string): string | undefined {
  const type = declared?.trim()
  if (type !== undefined && PRINTABLE_ASCII.test(type) && !saysNothing(type)) return type
  const extension = knownExtension(name)
  if (extension === undefined || otherTypes.has(extension)) return undefined
  return mediaTypes.getType(extension) ?? undefined
}

/**
 * The type of a file that was told none: what its first bytes show; of those that an ambiguous extension stands for, the one
 * that they fit.
 * @param head the first bytes, up to `SNIFF_BYTES`
 * @param directory that of a compound file, see `HeadCapture`
 */
export async function shownType(name: string, head: Uint8Array, directory?: Uint8Array): Promise<string> {
  const shown = await sniffType(head, directory)
  const extension = knownExtension(name)
  if (extension === undefined || otherTypes.get(extension)?.includes(shown)) return shown
  return mediaTypes.getType(extension) ?? shown
}

/** Extensions of several formats: the types of those that content tells from the one that the extension stands for else. */
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

/**
 * The extension that people expect of a file, without its dot, in lower case: that of its name, else the usual one of its
 * type.
 */
export function extensionOf({ name, mimeType }: { name: string; mimeType: string }): string | undefined {
  return knownExtension(name) ?? unknownExtension(name) ?? extensionOfType(mimeType)
}

/** The name that a file is shown and saved under: its own, or for one that has none its id with the extension of its type. */
export function shownName({ id, name, mimeType }: { id: string; name: string; mimeType: string }): string {
  return name || `${id}.${extensionOfType(mimeType) ?? 'bin'}`
}

/** The usual extension of a type, without its dot; parameters play no part. */
function extensionOfType(mimeType: string): string | undefined {
  return saysNothing(mimeType) ? undefined : (mediaTypes.getExtension(mimeType) ?? undefined)
}

/** RFC 6838, 4.2. A range (`image/*`) is none, for what `Accept` takes no file is. */
const TYPE = /^[a-z\d][\w!#$&^.+-]*\/[a-z\d][\w!#$&^.+-]*$/

/**
 * What programs send that know no type: IANA's own word for it, the ones of old mail and web clients, those that tell of a
 * file system's entry, and the types of the forms that carry files.
 */
const NOTHING =
  /^([\w-]+\/(x-)?unknown|inode\/.+|((x-)?application|binary|bin|content|unknown|file)\/(x-)?(octet-?(stream|string)|stream|empty|binary|download(file)?|force-?download|save|file|data|bin|none|null|undefined|unknown(-content-type|-application-octet-stream)?)|multipart\/form-data|application\/x-www-form-urlencoded|application\/mac-?binary)$/

/** Whether a declared type is none: no type by its form, or one of those that clients send for want of a better. */
function saysNothing(mimeType: string): boolean {
  const [type = ''] = mimeType.split(';', 1)
  const essence = type.trim().toLowerCase()
  return !TYPE.test(essence) || NOTHING.test(essence)
}

/** A tail of this form may be an extension: no number, no sentence, no word that begins with a capital (`Dr.Smith`). */
const PLAUSIBLE = /^(?=.*[a-z])[a-z\d][a-z\d_+-]{0,15}$|^(?=.*[A-Z])[A-Z\d][A-Z\d_+-]{0,15}$/
/** Ends in initials: `Letter to J.R`, `(H.K`, `Bank S.A`; or is nothing else: `S.A`, but a source may be `a.c`. */
const INITIALS = /[\s.(]\p{L}\.\p{L}$|^\p{Lu}\.\p{Lu}$/u
/** Names a host, unless it ends in an extension that a table knows: `www.example.de`, not `www.example.pdf`. */
const HOST = /(^|[/\\])www\.[^/\\]*$/i
/** Ends the name of a host (`www.example.com`) or of a product (`ASP.NET`), though there are programs of that extension. */
const NAME_END = /(^|[/\\])[Ww]{3}\.[^/\\]*\.(com|COM)$|\.NET$/
/** What hangs behind a name and nobody sees, or only ends a sentence or marks a backup. */
const HANGING = /[\s\p{Cf}\p{Cc}.~]/u
/**
 * What programs add to a name: the number of a copy, the word for one in the languages of file managers; a word while they
 * load, save or keep the file.
 */
const ADDED =
  /(( -)? (copy|copia|cópia|copie|kopie|копия)( \(?\d{1,4}\)?)?|\(\d{1,4}\)|\[\d{1,4}\]|_\d{1,4}|\.(part|partial|crdownload|download|tmp|temp|bak|backup|old|orig))$/i
/** What stands behind the path of a URL, perhaps escaped once more. */
const MARK = /[?#;]|%(3f|23|3b)/i
const PARAMETER = /([?#;]|%(3f|23|3b))([\w.~-]|%(?!3d)){1,64}(=|%3d)/i

/**
 * The extension of a file's name that stands for a type, in lower case without its dot. Passed over are blanks, invisible
 * characters and dots behind it, what programs add to a whole name (` (1)`, `.part`), and what a URL has behind its path.
 * @returns undefined for `README`, `.env`, `Report v1.2 final`, and for an extension that no table knows
 */
function knownExtension(name: string): string | undefined {
  for (const part of candidates(name)) {
    const tail = tailOf(part)?.toLowerCase()
    if (tail !== undefined && mediaTypes.getType(tail) !== null) return tail
  }
  return undefined
}

/** What stands behind the last dot, if it may be an extension though no table knows it: `unheard-of`, not `2 final`. */
function unknownExtension(name: string): string | undefined {
  const tail = HOST.test(name) ? undefined : tailOf(trimmedEnd(name))
  return tail !== undefined && PLAUSIBLE.test(tail) ? tail.toLowerCase() : undefined
}

/** The name as it may be meant, the likeliest first. */
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

/** What stands behind the last dot, unless that begins the name or is one between initials. */
function tailOf(name: string): string | undefined {
  const dot = name.lastIndexOf('.')
  // A name that is nothing but `.env` hides a file and has no extension, behind a path as well.
  if (dot <= 0 || /[/\\]/.test(name.charAt(dot - 1)) || INITIALS.test(name.slice(-4))) return undefined
  if (NAME_END.test(name)) return undefined
  const tail = name.slice(dot + 1)
  return tail === '' || /^\d+$/.test(tail) ? undefined : tail
}
