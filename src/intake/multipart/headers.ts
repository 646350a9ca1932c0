import { isUtf8 } from 'node:buffer'
import { IllegalName, malformed } from './malformed.ts'

/** What the header of one part says. */
export interface PartHeader {
  readonly name: string
  /** As the client means it: may be empty or hold slashes; never a control character. Undefined when the part has none. */
  readonly filename: string | undefined
  /** Whether the header of the filename is of another charset than the form names, and was read as Latin-1. */
  readonly isFilenameGuess: boolean
  /** As sent, without what is not printable ASCII; undefined when nothing is left. */
  readonly contentType: string | undefined
}

/** How the names of a form are written. */
export interface NameForm {
  /** Undefined: UTF-8. It has ASCII in it. */
  readonly charset: string | undefined
  /** Whether `%22` in a name is a quote. */
  readonly escapesQuotes: boolean
}

const headerLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):/
const controlButTab = /[\u0000-\u0008\u000a-\u001f\u007f]/
const control = /[\u0000-\u001f\u007f-\u009f]/
/** Names that only an attack on JavaScript objects sends; ours are maps, and whoever takes them further may use objects. */
const trap = /^(?:__proto__|prototype|constructor)$/
const unprintable = /[^ -~]+/g
/** Of these two would contradict each other. Of a Content-Type the first counts, as with Starlette. */
const onlyOnce = new Set(['content-disposition', 'content-transfer-encoding'])
/** A name that a line break has cut in two header lines. */
const cutName = /name="([^"\r]*\r\n[^"]*)"/i

/**
 * Reads the header lines of one part (RFC 7578, section 4): Content-Disposition and Content-Transfer-Encoding, each at
 * most once, and Content-Type; others are ignored if they are well-formed.
 * @throws ServiceError `request-malformed` on bad syntax, control characters, a missing or repeated name, or an encoding
 * that would have to be undone; IllegalName if the name or filename is at fault
 */
export function parsePartHeader(lines: readonly Buffer[], form: NameForm): PartHeader {
  const decoded = lines.map((line) => decodeText(line, form.charset))
  try {
    return parseLines(decoded, form)
  } catch (error) {
    const [, name] = cutName.exec(decoded.map(({ text }) => text).join('\r\n')) ?? []
    throw name === undefined ? error : new IllegalName(name)
  }
}

function parseLines(lines: readonly Decoded[], form: NameForm): PartHeader {
  const known = new Map<string, Decoded>()
  for (const { text, isGuess } of lines) {
    // A line that continues the one before has no name.
    const [start, name] = headerLine.exec(text) ?? []
    if (start === undefined || name === undefined) throw malformed('A header line of a part cannot be read')
    const key = withoutTrap(name.toLowerCase())
    if (!known.has(key)) known.set(key, { text: trimBlanks(text.slice(start.length)), isGuess })
    else if (onlyOnce.has(key)) throw malformed(`A part has two ${key} headers`)
  }
  if (!/^(?:binary|8bit|7bit)$/i.test(known.get('content-transfer-encoding')?.text ?? 'binary'))
    throw malformed('A part has a Content-Transfer-Encoding; send its bytes as they are')
  const contentType = known.get('content-type')?.text.replaceAll('\t', ' ').replaceAll(unprintable, '')
  const disposition = parseDisposition(known.get('content-disposition'), form)
  if (lines.some(({ text }) => controlButTab.test(text)))
    throw malformed('The header of a part has a control character')
  return { ...disposition, contentType: contentType || undefined }
}

function parseDisposition(header: Decoded | undefined, form: NameForm): Omit<PartHeader, 'contentType'> {
  if (header === undefined) throw malformed('A part has no Content-Disposition')
  const [type, parameters] = splitParameters(header.text, 'name')
  if (type !== 'form-data') throw malformed('The Content-Disposition of a part is not form-data')
  const name = parameters.get('name')
  if (name === undefined) throw malformed('The Content-Disposition of a part has no name')
  // Whoever looks at the form before us may see another name in it.
  if (name.includes('"') && (name[0] !== '"' || closingQuote(name, 0) !== name.length - 1))
    throw malformed('The name of a part has quotes in the wrong places')
  return {
    name: withoutTrap(legal(unescaped(name, form))),
    filename: filenameIn(parameters, form),
    isFilenameGuess: header.isGuess,
  }
}

/**
 * The file name that the Content-Disposition of an answer (RFC 6266) gives.
 * @param header as Node reads it, one character a byte
 * @returns undefined if there is none, or none that can be read: there are other names for the file
 */
export function dispositionName(header = ''): string | undefined {
  const { text } = decodeText(Buffer.from(header, 'latin1'), undefined)
  try {
    const [, parameters] = splitParameters(text, 'filename')
    return filenameIn(parameters, { escapesQuotes: false })
  } catch {
    return undefined
  }
}

/** `filename*` wins where it can be read: a client that sends both means it, and `filename` is for those who cannot. */
function filenameIn(
  parameters: ReadonlyMap<string, string>,
  form: Pick<NameForm, 'escapesQuotes'>,
): string | undefined {
  const extended = decodeExtended(parameters.get('filename*') ?? '')
  if (extended) return extended
  const plain = parameters.get('filename')
  if (plain?.startsWith('"') && plain === withoutQuotes(plain))
    throw malformed('The filename of a part begins with a quote and does not end with one')
  if (plain !== undefined) return legal(decodeEncodedWords(unescaped(plain, form)))
  // Continuations (RFC 2231) among them: not to read one would lose the name.
  if (extended === undefined && [...parameters.keys()].some((key) => key.startsWith('filename*')))
    throw malformed('The filename* of a part cannot be read, and it has no filename')
  return extended
}

/**
 * Undoes the backslashes of Go and of curl before 7.81, and `%22` where the client is a browser or undici. `%22` of
 * other clients stays, as with Starlette: requests, httpx and curl write quotes so, and leave a percent sign of the name as
 * it is. `%0D` and `%0A` stay: no name may hold what they stand for.
 */
function unescaped(value: string, { escapesQuotes }: Pick<NameForm, 'escapesQuotes'>): string {
  if (!value.includes('"')) return value
  const text = withoutQuotes(value).replace(/\\([\\"])/g, '$1')
  return escapesQuotes ? text.replaceAll('%22', '"') : text
}

/** RFC 8187, section 3.2.1: charset, language, value. */
const extendedValue =
  /^([!#$%&+\-^_`{}~0-9A-Za-z]+)'[0-9A-Za-z-]*'((?:[!#$&+\-.^_`|~0-9A-Za-z]|%[0-9A-Fa-f]{2})*)$/

/** Undefined if it is not of RFC 8187, of another charset than it says, or no legal name. */
function decodeExtended(value: string): string | undefined {
  const [, charset, escaped = ''] = extendedValue.exec(value) ?? []
  if (charset === undefined) return undefined
  const text = decodeAs(charset, bytesOf(escaped, /%(..)/g))
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

/**
 * A header's first value in lower case, and the parameters behind it (RFC 9110, section 5.6.6), as they are written, with
 * whatever python-multipart takes besides: blanks around `=`, a name without value, any text without quotes. Names come
 * in lower case; of a repeated one the last counts. Takes time linear in the length of the text.
 * @throws ServiceError `request-malformed` when the parameter `once` comes twice
 */
export function splitParameters(
  header: string,
  once: string,
): [value: string, parameters: ReadonlyMap<string, string>] {
  const text = trimBlanks(header)
  const [first = ''] = text.split(';', 1)
  const parameters = new Map<string, string>()
  for (let start = first.length + 1; start < text.length; ) {
    let end = start
    for (; end < text.length && text[end] !== ';'; end++) if (text[end] === '"') end = closingQuote(text, end)
    const segment = text.slice(start, end)
    const [written = ''] = segment.split('=', 1)
    const name = trimBlanks(written).toLowerCase()
    if (name === once && parameters.has(name)) throw malformed(`A header has the parameter ${once} twice`)
    parameters.set(name, trimBlanks(segment.slice(written.length + 1)))
    start = end + 1
  }
  return [trimBlanks(first).toLowerCase(), parameters]
}

/**
 * A backslash escapes a quote or a backslash and is otherwise itself, for browsers do not escape it. For the same reason one
 * before the very last quote of the header is itself: an escaped quote would close nothing.
 * @returns the length of the text if nothing closes the quote
 */
function closingQuote(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at++) {
    if (text[at] === '"') return at
    const next = text[at + 1]
    if (text[at] === '\\' && (next === '\\' || (next === '"' && at + 2 < text.length))) at++
  }
  return text.length
}

export function withoutQuotes(value: string): string {
  return value.replace(/^"(.*)"$/s, '$1')
}

/** Without spaces and tabs at both ends. (`trim` would take Unicode blanks too.) */
function trimBlanks(text: string): string {
  return text.replace(/^[ \t]+|(?<![ \t])[ \t]+$/g, '')
}

export interface Decoded {
  readonly text: string
  /** Whether the bytes are of another charset than announced, and the text is what they are in Latin-1. */
  readonly isGuess: boolean
}

/**
 * The text of a name or field of a form: in the charset that the form announces, UTF-8 if it announces none. Bytes that are
 * not of that charset are read as Latin-1, as Starlette reads them, in the sense of encoding.spec.whatwg.org, so that no
 * control character comes out of them.
 */
export function decodeText(bytes: Buffer, charset: string | undefined): Decoded {
  const utf8 = isUtf8(bytes) ? bytes.toString('utf8') : undefined
  const text = charset === undefined ? utf8 : decodeAs(charset, bytes)
  return text === undefined ? { text: decodeLatin1(bytes), isGuess: true } : { text, isGuess: false }
}

/** @returns undefined if the charset is unknown or the bytes are not of it */
export function decodeAs(charset: string, bytes: Buffer): string | undefined {
  try {
    const decoder = new TextDecoder(charset, { fatal: true, ignoreBOM: true })
    return decoder.encoding === 'windows-1252' ? decodeLatin1(bytes) : decoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** The bytes 0x80 to 0x9F in Windows-1252, which older decoders of Node get wrong; five stand for nothing. */
const WINDOWS_1252 = '€\ufffd‚ƒ„…†‡ˆ‰Š‹Œ\ufffdŽ\ufffd\ufffd‘’“”•–—˜™š›œ\ufffdžŸ'

function decodeLatin1(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[\u0080-\u009f]/g, (byte) => WINDOWS_1252.charAt(byte.charCodeAt(0) - 0x80))
}

/** @param pattern finds what stands for a byte, and its two digits */
function bytesOf(text: string, pattern: RegExp): Buffer {
  const toByte = (_: string, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))
  return Buffer.from(text.replace(pattern, toByte), 'latin1')
}

/** `=?charset?B or Q?text?=`, the text not empty; the charset may name a language (RFC 2047, section 2; RFC 2231, section 5). */
const word = /=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bq])\?([^?]+)\?=/gi
const wordRun = new RegExp(`${word.source}(?:\\s*${word.source})*`, 'gi')
const base64 = /^[0-9A-Za-z+/]*={0,2}$/
/** Printable ASCII, in which `=` begins two digits (RFC 2047, section 4.2). */
const quotedPrintable = /^(?:[ -<>-~]|=[0-9A-Fa-f]{2})*$/

/**
 * Undoes RFC 2047, in which .NET and Java clients write names that are not ASCII. Blanks between two words are no part of
 * the text, which stays as it is if one of its words cannot be read.
 */
function decodeEncodedWords(text: string): string {
  let isReadable = true
  const decoded = text.replace(wordRun, (written) => {
    const meant = decodeWords(written)
    isReadable &&= meant !== undefined
    return meant ?? written
  })
  return isReadable ? decoded : text
}

/**
 * Words of one charset that follow each other are decoded together: some clients cut a character in two.
 * @returns undefined if a word cannot be read, or all of them stand for nothing: a file would lose its name
 */
function decodeWords(written: string): string | undefined {
  const runs: { readonly charset: string; readonly pieces: Buffer[] }[] = []
  for (const [, name = '', encoding, encoded = ''] of written.matchAll(word)) {
    const isBase64 = encoding?.toLowerCase() === 'b'
    if (!(isBase64 ? base64 : quotedPrintable).test(encoded)) return undefined
    const bytes = isBase64 ? Buffer.from(encoded, 'base64') : bytesOf(encoded.replaceAll('_', ' '), /=(..)/g)
    const charset = name.toLowerCase()
    const last = runs.at(-1)
    if (last?.charset === charset) last.pieces.push(bytes)
    else runs.push({ charset, pieces: [bytes] })
  }
  const texts = runs.map(({ charset, pieces }) => decodeAs(charset, Buffer.concat(pieces)))
  return texts.includes(undefined) ? undefined : texts.join('') || undefined
}
