import { isUtf8 } from 'node:buffer'
import { IllegalName, malformed } from './malformed.ts'

export interface PartHeader {
  readonly name: string
  /** Decoded: may be empty or hold slashes, never control characters. Undefined if the part has none. */
  readonly filename: string | undefined
  /** Whether the filename was read as Latin-1, because it is not in the charset of the form. */
  readonly isFilenameGuess: boolean
  /** Printable ASCII; other characters are removed. Undefined if nothing is left. */
  readonly contentType: string | undefined
}

export interface NameForm {
  /** A superset of ASCII; undefined: UTF-8. */
  readonly charset: string | undefined
  /** Whether `%22` in a name means a quote. */
  readonly escapesQuotes: boolean
  /** Whether a filename loses its control characters, instead of being refused for them. */
  readonly dropsControls?: boolean
}

const headerLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):/
const controlButTab = /[\u0000-\u0008\u000a-\u001f\u007f]/
const control = /[\u0000-\u001f\u007f-\u009f]/
const controls = new RegExp(control, 'g')
/** Where a proxy in front of us may see the end of a line or of a text. */
const bareEnd = /[\0\r\n]/
/** Only attacks on JavaScript objects send these names. We use maps, but later code may use objects. */
const trap = /^(?:__proto__|prototype|constructor)$/
const unprintable = /[^ -~]+/g
/** Two of these would contradict each other. The first Content-Type counts, as with Starlette. */
const onlyOnce = new Set(['content-disposition', 'content-transfer-encoding'])
/** A name cut in two header lines by a line break. */
const cutName = /name="([^"\r]*\r\n[^"]*)"/i

/**
 * Reads the header lines of a part (RFC 7578, section 4): Content-Disposition, Content-Type and Content-Transfer-Encoding.
 * Ignores others that are well-formed.
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
    // A folded line has no name, and is refused.
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
  const illegal = form.dropsControls ? bareEnd : controlButTab
  if (lines.some(({ text }) => illegal.test(text)))
    throw malformed('The header of a part has a control character')
  return { ...disposition, contentType: contentType || undefined }
}

function parseDisposition(header: Decoded | undefined, form: NameForm): Omit<PartHeader, 'contentType'> {
  if (header === undefined) throw malformed('A part has no Content-Disposition')
  const [type, parameters] = splitParameters(header.text, 'name')
  if (type !== 'form-data') throw malformed('The Content-Disposition of a part is not form-data')
  const name = parameters.get('name')
  if (name === undefined) throw malformed('The Content-Disposition of a part has no name')
  // A proxy in front of us may read another name from it.
  if (name.includes('"') && (name[0] !== '"' || closingQuote(name, 0) !== name.length - 1))
    throw malformed('The name of a part has quotes in the wrong places')
  return {
    name: withoutTrap(legal(unescaped(name, form))),
    filename: filenameIn(parameters, form),
    isFilenameGuess: header.isGuess,
  }
}

/**
 * The file name in the Content-Disposition of an answer (RFC 6266); undefined if there is none that can be read.
 * @param header as Node reads it, one character a byte
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

/** A readable `filename*` wins: clients that send both add `filename` for servers that cannot read it. */
function filenameIn(
  parameters: ReadonlyMap<string, string>,
  form: Omit<NameForm, 'charset'>,
): string | undefined {
  const extended = decodeExtended(parameters.get('filename*') ?? '', form.dropsControls)
  if (extended) return extended
  const plain = parameters.get('filename')
  if (plain?.startsWith('"') && plain === withoutQuotes(plain))
    throw malformed('The filename of a part begins with a quote and does not end with one')
  if (plain !== undefined) return legal(decodeEncodedWords(unescaped(plain, form)), form.dropsControls)
  // Also continuations (RFC 2231): to ignore one would lose the name.
  if (extended === undefined && [...parameters.keys()].some((key) => key.startsWith('filename*')))
    throw malformed('The filename* of a part cannot be read, and it has no filename')
  return extended
}

/**
 * Undoes the backslashes of Go and of curl before 7.81, and the `%22` of browsers and undici. `%22` of other clients
 * stays, as with Starlette: requests, httpx and curl write quotes so, but do not escape a percent sign. `%0D` and `%0A`
 * stay, because no name may hold line ends.
 */
function unescaped(value: string, { escapesQuotes }: Pick<NameForm, 'escapesQuotes'>): string {
  if (!value.includes('"')) return value
  const text = withoutQuotes(value).replace(/\\([\\"])/g, '$1')
  return escapesQuotes ? text.replaceAll('%22', '"') : text
}

/** RFC 8187, section 3.2.1: charset, language, value. */
const extendedValue =
  /^([!#$%&+\-^_`{}~0-9A-Za-z]+)'[0-9A-Za-z-]*'((?:[!#$&+\-.^_`|~0-9A-Za-z]|%[0-9A-Fa-f]{2})*)$/

/** Undefined if the syntax or the charset is wrong, or the name has control characters that are not dropped. */
function decodeExtended(value: string, dropsControls = false): string | undefined {
  const [, charset, escaped = ''] = extendedValue.exec(value) ?? []
  if (charset === undefined) return undefined
  const text = decodeAs(charset, bytesOf(escaped, /%(..)/g))
  if (text === undefined || !control.test(text)) return text
  return dropsControls ? legal(text, dropsControls) : undefined
}

function legal(name: string, dropsControls = false): string {
  if (!control.test(name)) return name
  if (!dropsControls) throw new IllegalName(name)
  return name.replaceAll(controls, '')
}

function withoutTrap(name: string): string {
  if (trap.test(name)) throw malformed('A part or a header of it has a name that nothing may have')
  return name
}

/**
 * A header's value in lower case, and its parameters (RFC 9110, section 5.6.6) by names in lower case, values as written.
 * Accepts what python-multipart does: blanks around `=`, a name without value, any text without quotes. The last of
 * repeated parameters counts. Takes linear time.
 * @throws ServiceError `request-malformed` if the parameter `once` comes twice
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
 * A backslash escapes a quote or a backslash; before anything else it stands for itself, because browsers do not escape
 * it. For the same reason it does not escape the last quote of the header.
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
  /** Whether the bytes are not in the announced charset, and were read as Latin-1. */
  readonly isGuess: boolean
}

/**
 * The text of a name or field, in the charset that the form announces, by default UTF-8. Bytes that are not in it are read
 * as Latin-1, as Starlette does, in the sense of encoding.spec.whatwg.org, so that they yield no control characters.
 */
export function decodeText(bytes: Buffer, charset: string | undefined): Decoded {
  const utf8 = isUtf8(bytes) ? bytes.toString('utf8') : undefined
  const text = charset === undefined ? utf8 : decodeAs(charset, bytes)
  return text === undefined ? { text: decodeLatin1(bytes), isGuess: true } : { text, isGuess: false }
}

/** @returns undefined if the charset is unknown or the bytes are not in it */
export function decodeAs(charset: string, bytes: Buffer): string | undefined {
  try {
    const decoder = new TextDecoder(charset, { fatal: true, ignoreBOM: true })
    return decoder.encoding === 'windows-1252' ? decodeLatin1(bytes) : decoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** The bytes 0x80 to 0x9F in Windows-1252, which older Nodes decode wrongly; five are undefined. */
const WINDOWS_1252 = '€\ufffd‚ƒ„…†‡ˆ‰Š‹Œ\ufffdŽ\ufffd\ufffd‘’“”•–—˜™š›œ\ufffdžŸ'

function decodeLatin1(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[\u0080-\u009f]/g, (byte) => WINDOWS_1252.charAt(byte.charCodeAt(0) - 0x80))
}

/** @param pattern matches an escaped byte and captures its two digits */
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
 * Decodes the words of RFC 2047, in which .NET and Java clients write names that are not ASCII. Blanks between two words
 * are dropped. Returns the text unchanged if one of its words cannot be read.
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
 * Decodes neighbours of one charset together, because some clients cut a character in two.
 * @returns undefined if a word cannot be read, or if all are empty: a file would lose its name
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
