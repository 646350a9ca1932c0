import { typeOfExtension } from './media-types.ts'

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
export function knownExtension(name: string): string | undefined {
  for (const part of candidates(name)) {
    const tail = tailOf(part)?.toLowerCase()
    if (tail !== undefined && typeOfExtension(tail) !== undefined) return tail
  }
  return undefined
}

/** What stands behind the last dot, if it may be an extension though no table knows it: `unheard-of`, not `2 final`. */
export function unknownExtension(name: string): string | undefined {
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
