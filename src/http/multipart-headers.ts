import { isUtf8 } from 'node:buffer'
import { ServiceError } from '../core/errors.ts'
import { malformed } from './multipart-malformed.ts'
import { parseParameters, type RawParameter, trimBlanks } from './multipart-parameters.ts'

/** What the header of one part says. A part with a `filename`, even an empty one, is a file. */
export interface PartHeader {
  readonly name: string
  readonly filename: string | undefined
  /** Printable ASCII, otherwise as sent; undefined when missing or empty. */
  readonly contentType: string | undefined
}

/** RFC 2046, section 5.1.1: 1 to 70 of these, the last no space. */
const legalBoundary = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/
const headerLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):/
const controlButTab = /[\u0000-\u0008\u000a-\u001f\u007f]/
const control = /[\u0000-\u001f\u007f-\u009f]/
/** Names that only an attack on JavaScript objects sends; ours are maps, and whoever takes them further may use objects. */
const trap = /^(?:__proto__|prototype|constructor)$/
const printableAscii = /^[ -~]*$/
/** RFC 8187, section 3.2.1; UTF-8 is the one charset that must be understood. */
const extendedValue = /^utf-8'[0-9A-Za-z-]*'((?:[!#$&+\-.^_`|~0-9A-Za-z]|%[0-9A-Fa-f]{2})*)$/i

/**
 * The boundary that the Content-Type of a request announces, quoted or not.
 * @throws ServiceError `body-type-unsupported` unless it is multipart/form-data; `request-malformed` when the
 * boundary is missing, repeated or not legal
 */
export function parseBoundary(contentType: string | undefined): string {
  const [type = ''] = (contentType ?? '').split(';', 1)
  if (contentType === undefined || trimBlanks(type).toLowerCase() !== 'multipart/form-data') {
    throw new ServiceError('body-type-unsupported', 'Expected multipart/form-data')
  }
  const boundary = parseParameters(contentType.slice(type.length)).get('boundary')
  if (boundary === undefined) throw malformed('The Content-Type names no boundary')
  if (!legalBoundary.test(boundary.text)) throw malformed('The boundary in the Content-Type is not legal')
  return boundary.text
}

/**
 * Reads the header lines of one part (RFC 7578, section 4): Content-Disposition, Content-Type and
 * Content-Transfer-Encoding, each at most once; others are ignored if they are well-formed.
 * @throws ServiceError `request-malformed` on bad syntax, control characters, invalid UTF-8, a missing or
 * repeated name or filename, or an encoding that would have to be undone
 */
export function parsePartHeader(lines: readonly Buffer[]): PartHeader {
  const known = new Map<string, string>()
  for (const line of lines) {
    const [name, value] = splitHeaderLine(line)
    if (known.has(name) && name.startsWith('content-')) throw malformed(`A part has two ${name} headers`)
    known.set(name, value)
  }
  const encoding = known.get('content-transfer-encoding') ?? 'binary'
  if (!['binary', '8bit', '7bit'].includes(encoding.toLowerCase())) {
    throw malformed('A part has a Content-Transfer-Encoding; send its bytes as they are')
  }
  const contentType = known.get('content-type') ?? ''
  if (!printableAscii.test(contentType)) throw malformed('The Content-Type of a part is not printable ASCII')
  return { ...parseDisposition(known.get('content-disposition')), contentType: contentType || undefined }
}

/** Name in lower case, value without blanks around it. A line that continues the one before has no name: refused. */
function splitHeaderLine(line: Buffer): [name: string, value: string] {
  if (!isUtf8(line)) throw malformed('The header of a part is not UTF-8')
  const text = line.toString('utf8')
  const [prefix, name] = headerLine.exec(text) ?? []
  if (prefix === undefined || name === undefined) throw malformed('A header line of a part cannot be read')
  if (controlButTab.test(text)) throw malformed('The header of a part has a control character')
  return [withoutTrap(name.toLowerCase()), trimBlanks(text.slice(prefix.length))]
}

function parseDisposition(header: string | undefined): Pick<PartHeader, 'name' | 'filename'> {
  if (header === undefined) throw malformed('A part has no Content-Disposition')
  const [type = ''] = header.split(';', 1)
  if (trimBlanks(type).toLowerCase() !== 'form-data') {
    throw malformed('The Content-Disposition of a part is not form-data')
  }
  const parameters = parseParameters(header.slice(type.length))
  for (const key of parameters.keys()) {
    // `name*` and continuations (`filename*0`): nobody sends them, and to ignore one is to lose a name.
    if (key.includes('*') && key !== 'filename*') throw malformed('A part has an extended parameter')
  }
  const name = parameters.get('name')
  if (name === undefined) throw malformed('The Content-Disposition of a part has no name')
  return { name: withoutTrap(decode(name)), filename: decodeFilename(parameters) }
}

/** `filename*` wins: a client that sends both means it, and `filename` is for those who cannot read it. */
function decodeFilename(parameters: ReadonlyMap<string, RawParameter>): string | undefined {
  const plain = parameters.get('filename')
  const extended = parameters.get('filename*')
  const filename = plain && decode(plain)
  return extended === undefined ? filename : decodeExtended(extended)
}

/** Undoes backslashes (curl, Go, Python) and the three escapes of browsers; any other `%` was never escaped. */
function decode({ text, quoted }: RawParameter): string {
  if (!quoted) return text
  const unescaped = text.replace(/\\([\\"])/g, '$1')
  return withoutControls(unescaped.replace(/%(?:22|0D|0A)/gi, decodeURIComponent))
}

function decodeExtended({ text, quoted }: RawParameter): string {
  const encoded = quoted ? undefined : extendedValue.exec(text)?.[1]
  if (encoded === undefined) throw malformed('The filename* of a part is not UTF-8 in the form of RFC 8187')
  try {
    return withoutControls(decodeURIComponent(encoded))
  } catch (error) {
    if (error instanceof URIError) throw malformed('The filename* of a part is not valid UTF-8')
    throw error
  }
}

function withoutControls(text: string): string {
  if (control.test(text)) throw malformed('The name or filename of a part has a control character')
  return text
}

function withoutTrap(name: string): string {
  if (trap.test(name)) throw malformed('A part or a header of it has a name that nothing may have')
  return name
}
