import { typeOfExtension } from './media-types.ts'

/** What people type after the last dot of a name that has no extension: nothing of this form. */
const PLAUSIBLE = /^(?=.*[a-z])[a-z\d][a-z\d_+-]{0,15}$/
/** Ends in initials: `Letter to J.R`, `(H.K`, `Bank S.A`. */
const INITIALS = /[\s.(]\p{L}\.\p{L}$/u
/** What hangs behind a name and nobody sees, or only ends a sentence or marks a copy. */
const HANGING = /[\s\p{Cf}\p{Cc}.~]/u
const COPY = /\(\d{1,4}\)$/
const PARAMETER = /[?#;][\w.%~-]{1,64}=/

/**
 * The extension of a file's name that stands for a type, in lower case without its dot. Blanks, invisible characters, dots
 * and the number of a copy behind it are passed over, and so is what a URL has behind its path.
 * @returns undefined for `README`, `.env`, `Report v1.2 final`, and for an extension that no table knows
 */
export function knownExtension(name: string): string | undefined {
  for (const part of candidates(name)) {
    const tail = tailOf(part)
    if (tail !== undefined && typeOfExtension(tail) !== undefined) return tail
  }
  return undefined
}

/** What stands behind the last dot, if it may be an extension though no table knows it: `unheard-of`, not `2 final`. */
export function unknownExtension(name: string): string | undefined {
  return tailOf(withoutHanging(name))
}

/** The name as it may be meant, the likeliest first. */
function* candidates(name: string): Generator<string> {
  const parameter = name.search(PARAMETER)
  if (parameter > 0) yield withoutHanging(name.slice(0, parameter))
  yield withoutHanging(name)
  const mark = name.search(/[?#;]/)
  if (mark > 0) yield withoutHanging(name.slice(0, mark))
}

function withoutHanging(name: string): string {
  const seen = trimmedEnd(name)
  const isCopy = seen.endsWith(')') && COPY.test(seen)
  return isCopy ? trimmedEnd(seen.slice(0, seen.lastIndexOf('('))) : seen
}

function trimmedEnd(name: string): string {
  let end = name.length
  while (end > 0 && HANGING.test(name.charAt(end - 1))) end--
  return name.slice(0, end)
}

function tailOf(name: string): string | undefined {
  const dot = name.lastIndexOf('.')
  // A name that is nothing but `.env` hides a file and has no extension, behind a path as well.
  if (dot <= 0 || /[/\\]/.test(name.charAt(dot - 1)) || INITIALS.test(name.slice(-4))) return undefined
  const tail = name.slice(dot + 1).toLowerCase()
  return PLAUSIBLE.test(tail) ? tail : undefined
}
