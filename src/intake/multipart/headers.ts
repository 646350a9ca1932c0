import { decodeEncodedWords } from './encoded-words.ts'
import { IllegalName, malformed } from './malformed.ts'
import { parseParameters, type RawParameter, trimBlanks } from './parameters.ts'
import { type Decoded, decodeAs, decodeText } from './text.ts'
import type { FormType } from './type.ts'

/** What the header of one part says. */
export interface PartHeader {
  readonly name: string
  /** May be empty; undefined when the part has none. */
  readonly filename: string | undefined
  /** Whether the header of the filename is of another charset than the form names, and was read as Latin-1. */
  readonly isFilenameGuess: boolean
  /** As sent, without what is not printable ASCII; undefined when nothing is left. */
  readonly contentType: string | undefined
}

const headerLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):/
const controlButTab = /[\u0000-\u0008\u000a-\u001f\u007f]/
const control = /[\u0000-\u001f\u007f-\u009f]/
/** Names that only an attack on JavaScript objects sends; ours are maps, and whoever takes them further may use objects. */
const trap = /^(?:__proto__|prototype|constructor)$/
const unprintable = /[^ -~]+/g
/** Of these two would contradict each other. Of a Content-Type the first counts, as with Starlette. */
const onlyOnce = new Set(['content-disposition', 'content-transfer-encoding'])
/** RFC 8187, section 3.2.1: charset, language, value. */
const extendedValue =
  /^([!#$%&+\-^_`{}~0-9A-Za-z]+)'[0-9A-Za-z-]*'((?:[!#$&+\-.^_`|~0-9A-Za-z]|%[0-9A-Fa-f]{2})*)$/
/** A name that a line break has cut in two header lines. */
const cutName = /name="([^"\r]*\r\n[^"]*)"/i

type Disposition = Pick<PartHeader, 'name' | 'filename' | 'isFilenameGuess'>

/**
 * Reads the header lines of one part (RFC 7578, section 4): Content-Disposition and Content-Transfer-Encoding, each at
 * most once, and Content-Type; others are ignored if they are well-formed.
 * @throws ServiceError `request-malformed` on bad syntax, control characters, a missing or repeated name, or an encoding
 * that would have to be undone; IllegalName if the name or filename is at fault
 */
export function parsePartHeader(lines: readonly Buffer[], form: FormType): PartHeader {
  const decoded = lines.map((line) => decodeText(line, form.charset))
  try {
    return parseLines(decoded, form)
  } catch (error) {
    const [, name] = cutName.exec(decoded.map(({ text }) => text).join('\r\n')) ?? []
    throw name === undefined ? error : new IllegalName(name)
  }
}

function parseLines(lines: readonly Decoded[], form: FormType): PartHeader {
  const known = new Map<string, Decoded>()
  for (const { text, isGuess } of lines) {
    const [name, value] = splitHeaderLine(text)
    if (!known.has(name)) known.set(name, { text: value, isGuess })
    else if (onlyOnce.has(name)) throw malformed(`A part has two ${name} headers`)
  }
  const encoding = known.get('content-transfer-encoding')?.text ?? 'binary'
  if (!['binary', '8bit', '7bit'].includes(encoding.toLowerCase())) {
    throw malformed('A part has a Content-Transfer-Encoding; send its bytes as they are')
  }
  const contentType = known.get('content-type')?.text.replaceAll('\t', ' ').replaceAll(unprintable, '')
  const disposition = parseDisposition(known.get('content-disposition'), form)
  if (lines.some(({ text }) => controlButTab.test(text)))
    throw malformed('The header of a part has a control character')
  return { ...disposition, contentType: contentType || undefined }
}

/** Name in lower case, value without blanks around it. A line that continues the one before has no name: refused. */
function splitHeaderLine(line: string): [name: string, value: string] {
  const [prefix, name] = headerLine.exec(line) ?? []
  if (prefix === undefined || name === undefined) throw malformed('A header line of a part cannot be read')
  return [withoutTrap(name.toLowerCase()), trimBlanks(line.slice(prefix.length))]
}

function parseDisposition(header: Decoded | undefined, form: FormType): Disposition {
  if (header === undefined) throw malformed('A part has no Content-Disposition')
  const [type = ''] = header.text.split(';', 1)
  if (trimBlanks(type).toLowerCase() !== 'form-data') {
    throw malformed('The Content-Disposition of a part is not form-data')
  }
  const parameters = parseParameters(header.text.slice(type.length), 'name')
  const name = parameters.get('name')
  if (name === undefined) throw malformed('The Content-Disposition of a part has no name')
  // Whoever looks at the form before us may see another name in it.
  if (name.quotes === 'astray') throw malformed('The name of a part has quotes in the wrong places')
  return {
    name: withoutTrap(legal(unquote(name, form))),
    filename: filenameIn(parameters, form),
    isFilenameGuess: header.isGuess,
  }
}

/**
 * `filename*` wins where it can be read: a client that sends both means it, and `filename` is for those who cannot.
 * @throws ServiceError `request-malformed` if nothing closes the quote of the filename, or there is only a `filename*` that
 * cannot be read; IllegalName on a control character
 */
export function filenameIn(
  parameters: ReadonlyMap<string, RawParameter>,
  form: Pick<FormType, 'escapesQuotes'>,
): string | undefined {
  const extended = decodeExtended(parameters.get('filename*'))
  if (extended) return extended
  const plain = parameters.get('filename')
  if (plain?.quotes === 'astray' && plain.text.startsWith('"'))
    throw malformed('The filename of a part begins with a quote and does not end with one')
  if (plain !== undefined) return legal(decodeEncodedWords(unquote(plain, form)))
  if (extended !== undefined) return extended
  // Continuations (RFC 2231) among them: not to read one would lose the name.
  if ([...parameters.keys()].some((key) => key.startsWith('filename*')))
    throw malformed('The filename* of a part cannot be read, and it has no filename')
  return undefined
}

/**
 * Undoes the backslashes of Go and of curl before 7.81, and `%22` where the client is a browser or undici. `%22` of
 * other clients stays, as with Starlette: requests, httpx and curl write quotes so, and leave a percent sign of the name as
 * it is. `%0D` and `%0A` stay: no name may hold what they stand for.
 */
function unquote({ text, quotes }: RawParameter, { escapesQuotes }: Pick<FormType, 'escapesQuotes'>): string {
  if (quotes === 'none') return text
  const unescaped = text.replace(/\\([\\"])/g, '$1')
  return escapesQuotes ? unescaped.replaceAll('%22', '"') : unescaped
}

/** Undefined if there is none or it cannot be read: not of RFC 8187, of another charset than it says, or no legal name. */
function decodeExtended(parameter: RawParameter | undefined): string | undefined {
  if (parameter === undefined || parameter.quotes !== 'none') return undefined
  const [, charset, value] = extendedValue.exec(parameter.text) ?? []
  if (charset === undefined || value === undefined) return undefined
  const bytes = value.replace(/%(..)/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  )
  const text = decodeAs(charset, Buffer.from(bytes, 'latin1'))
  return text === undefined || control.test(text) ? undefined : text
}

function legal(name: string): string {
  if (control.test(name)) throw new IllegalName(name)
  return name
}

function withoutTrap(name: string): string {
  if (trap.test(name)) throw malformed('A part or a header of it has a name that nothing may have')
  return name
}
