import { malformed } from './multipart-malformed.ts'

/** A parameter as written: what stood between the quotes is still escaped. */
export interface RawParameter {
  readonly text: string
  readonly quoted: boolean
}

const separator = /[ \t]*;[ \t]*/y
const nameAndEquals = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=/y
/** Wider than a token: clients leave boundaries unquoted that should not be. */
const bareValue = /[!#-:<-[\]-~]+/y

/**
 * Reads `; name=value; name="value"`, the part of a header that follows its first value (RFC 9110, section
 * 5.6.6). Names come in lower case. Takes time linear in the length of the text.
 * @throws ServiceError `request-malformed` on anything else, or when a name comes twice
 */
export function parseParameters(header: string): Map<string, RawParameter> {
  const text = trimBlanks(header)
  const parameters = new Map<string, RawParameter>()
  let at = 0
  while (at < text.length) {
    at += match(separator, text, at)[0].length
    // The grammar allows empty parameters, and a semicolon at the end is common.
    if (at === text.length || text[at] === ';') continue
    const [written, name = ''] = match(nameAndEquals, text, at)
    at += written.length
    const parameter = readValue(text, at)
    at += parameter.text.length + (parameter.quoted ? 2 : 0)
    const key = name.toLowerCase()
    if (parameters.has(key)) throw malformed('A header names a parameter twice')
    parameters.set(key, parameter)
  }
  return parameters
}

/** Without spaces and tabs at both ends. (`trim` would take Unicode blanks too, a pattern quadratic time.) */
export function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text[start])) start++
  while (end > start && isBlank(text[end - 1])) end--
  return text.slice(start, end)
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t'
}

function readValue(text: string, at: number): RawParameter {
  if (text[at] !== '"') return { text: match(bareValue, text, at)[0], quoted: false }
  return { text: text.slice(at + 1, closingQuote(text, at + 1)), quoted: true }
}

/**
 * A backslash escapes a quote or a backslash and is otherwise itself, for browsers do not escape it. For the
 * same reason one before the very last quote of the header is itself: an escaped quote would close nothing.
 */
function closingQuote(text: string, start: number): number {
  for (let at = start; at < text.length; at++) {
    if (text[at] === '"') return at
    if (text[at] !== '\\') continue
    const next = text[at + 1]
    if (next === '\\' || (next === '"' && at + 2 < text.length)) at++
  }
  throw malformed('A header has a quote that nothing closes')
}

/** The match right at the place, or a refusal. */
function match(sticky: RegExp, text: string, at: number): RegExpExecArray {
  sticky.lastIndex = at
  const found = sticky.exec(text)
  if (found === null) throw malformed('A header has parameters that cannot be read')
  return found
}
