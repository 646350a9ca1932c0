import type { MultipartLimits, MultipartOptions } from './multipart.ts'

/** A part as the reference sees it: all of it in memory. `filename` tells a file from a field, unless roles are given. */
export interface WholePart {
  readonly name: string
  readonly filename: string | undefined
  readonly contentType: string | undefined
  readonly content: Buffer
}

class Refusal extends Error {}

/**
 * What `parseMultipart` must find in a body, written as plainly as can be: the whole body as one string of
 * one character per byte, cut with `indexOf`. Shares no code with it. For tests only.
 * @returns the parts, or undefined where the body is to be refused
 */
export function parseWhole(
  contentType: string,
  body: Buffer,
  limits: MultipartLimits,
  roleOf: RoleOf = (_name, hasFilename) => (hasFilename ? 'file' : 'field'),
): WholePart[] | undefined {
  try {
    return cut(typeOf(contentType), body, limits, roleOf)
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

type RoleOf = NonNullable<MultipartOptions['roleOf']>

interface TypeOfForm {
  readonly boundary: string
  readonly charset: string | undefined
}

function cut(type: TypeOfForm, body: Buffer, limits: MultipartLimits, roleOf: RoleOf): WholePart[] {
  check(body.length <= limits.bodyBytes)
  const text = `\r\n${body.toString('latin1')}`
  const delimiter = `\r\n--${type.boundary}`
  const parts: WholePart[] = []
  let all = 0
  const [, preamble = refuse(), start = refuse()] =
    /^\r\n(?=\S|\s*[\r\n])([ \t\r\n]*)(--.*)/s.exec(text) ?? []
  check(preamble.length <= limits.preambleBytes && start.startsWith(delimiter.slice(2)))
  let at = text.length - start.length - 2
  for (;;) {
    at += delimiter.length
    if (text.startsWith('--', at)) return parts
    at += text.slice(at).match(/^[ \t]{0,1024}/)?.[0].length ?? 0
    check(text.startsWith('\r\n', at) && ++all <= limits.parts)
    const headerEnd = find(text, '\r\n\r\n', at)
    check(headerEnd + 4 - (at + 2) <= limits.headerBytes)
    const lines = text.slice(at + 2, headerEnd).split('\r\n')
    check(lines.length <= limits.headerLines)
    // The blank line's end may be the delimiter's beginning.
    at = find(text, delimiter, headerEnd + 2)
    const content = Buffer.from(text.slice(headerEnd + 4, Math.max(at, headerEnd + 4)), 'latin1')
    const header = headerOf(lines, type)
    const role = roleOf(header.name, header.filename !== undefined)
    if (role === 'file') parts.push({ ...header, filename: header.filename ?? '', content })
    if (role === 'field') {
      check(content.length <= limits.fieldBytes)
      const value = Buffer.from(textOf(content, type))
      parts.push({ name: header.name, filename: undefined, contentType: undefined, content: value })
    }
    check(parts.filter(({ filename }) => filename !== undefined).length <= limits.files)
  }
}

function typeOf(contentType: string): TypeOfForm {
  const [, boundary = refuse(), charset] =
    /^multipart\/form-data *; *boundary=(?:"(?=[^"]+")|(?=[^\s";]+(?:;|$)))([^"]+?)"?(?:; charset=(.+))?$/i.exec(
      contentType,
    ) ?? []
  return { boundary, charset }
}

function headerOf(lines: readonly string[], type: TypeOfForm): Omit<WholePart, 'content'> {
  const values = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase()
    check(/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name))
    const value = textOf(Buffer.from(line.slice(colon + 1), 'latin1'), type)
    check(!/[\x00-\x08\x0a-\x1f\x7f]/.test(value))
    check(!isTrap(name))
    if (values.has(name)) check(name !== 'content-disposition' && name !== 'content-transfer-encoding')
    else values.set(name, value.replace(/^[ \t]+/, '').replace(/[ \t]+$/, ''))
  }
  check(/^(binary|8bit|7bit)$/i.test(values.get('content-transfer-encoding') ?? 'binary'))
  const contentType =
    values
      .get('content-type')
      ?.replaceAll(/[^ -~\t]/g, '')
      .replaceAll('\t', ' ') || undefined
  return { ...namesOf(values.get('content-disposition') ?? refuse(), type), contentType }
}

/**
 * A quoted text but for its last quote: escaped pairs, backslashes that escape nothing, anything else, the backslash before
 * the last quote of all.
 */
const quoted = /"(?:\\\\|\\"(?!$)|\\(?!["\\])|[^"\\]|\\(?="$))*/
const semicolonAndSegment = new RegExp(`^;((?:[^";]|${quoted.source}(?:"|$))*)(?=;|$)`)

function namesOf(disposition: string, { boundary }: TypeOfForm): Pick<WholePart, 'name' | 'filename'> {
  const parameters = new Map<string, string>()
  let rest = disposition.replace(/^form-data[ \t]*(?=;|$)/i, '')
  check(rest !== disposition)
  while (rest !== '') {
    const [, segment = refuse()] = semicolonAndSegment.exec(rest) ?? []
    rest = rest.slice(segment.length + 1)
    const [, key = refuse(), value = ''] =
      /^[ \t]*([^=]*?)[ \t]*(?:=[ \t]*(.*?)[ \t]*)?$/s.exec(segment) ?? []
    check(!(key.toLowerCase() === 'name' && parameters.has('name')))
    parameters.set(key.toLowerCase(), value)
  }
  const isBrowser = /WebKitFormBoundary|gecko|undici|-----------------------\d/.test(boundary)
  const name = parameters.get('name') ?? refuse()
  check(!name.includes('"') || new RegExp(`^${quoted.source}"$`).test(name))
  const filename = parameters.get('filename')
  const extended = extendedName(parameters.get('filename*'))
  check(Boolean(extended) || !filename?.startsWith('"') || /^".*"$/s.test(filename))
  const plain = filename === undefined ? undefined : encodedName(plainName(filename, isBrowser))
  const isLost = [...parameters.keys()].some((key) => key.startsWith('filename*'))
  check(extended !== undefined || plain !== undefined || !isLost)
  return {
    name: untrapped(withoutControls(plainName(name, isBrowser))),
    filename: extended || (plain === undefined ? extended : withoutControls(plain)),
  }
}

function plainName(text: string, isBrowser: boolean): string {
  if (!text.includes('"')) return text
  const unescaped = (text.startsWith('"') ? text.slice(1, -1) : text).replaceAll(
    /\\(["\\])/g,
    (_, escaped: string) => escaped,
  )
  return isBrowser ? unescaped.replaceAll('%22', '"') : unescaped
}

/** Encoded words, one after the other; two of one charset that follow each other are one. */
function encodedName(text: string): string {
  const words = [...text.matchAll(/=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bq])\?([^?]+)\?=/gi)]
  let decoded = ''
  let runStart = -1
  let bytes = ''
  for (const [at, { 0: all, 1: charset = '', 2: encoding = '', 3: encoded = '', index }] of words.entries()) {
    const isBase64 = encoding.toLowerCase() === 'b'
    if (
      isBase64
        ? !/^[\w+/]*={0,2}$/.test(encoded) || encoded.includes('_')
        : !/^([ -<>-~]|=[\da-f]{2})*$/i.test(encoded)
    )
      return text
    const before = words[at - 1]
    const next = words[at + 1]
    const end = index + all.length
    const follows = before !== undefined && text.slice(before.index + before[0].length, index).trim() === ''
    if (!follows) {
      if (decoded.length === runStart) return text
      decoded += text.slice(before === undefined ? 0 : before.index + before[0].length, index)
      runStart = decoded.length
    }
    bytes += isBase64
      ? Buffer.from(encoded, 'base64').toString('latin1')
      : unescape(encoded.replaceAll('%', '%25').replaceAll('_', ' ').replaceAll('=', '%'))
    const goesOn =
      next !== undefined &&
      text.slice(end, next.index).trim() === '' &&
      next[1]?.toLowerCase() === charset.toLowerCase()
    if (goesOn) continue
    const meant = strictly(charset, Buffer.from(bytes, 'latin1'))
    if (meant === undefined) return text
    decoded += meant
    bytes = ''
  }
  if (decoded.length === runStart) return text
  const last = words.at(-1)
  return decoded + text.slice(last === undefined ? 0 : last.index + last[0].length)
}

function extendedName(text: string | undefined): string | undefined {
  const [charset = '', language, value, ...more] = (text ?? '').split("'")
  if (language === undefined || value === undefined || more.length > 0) return undefined
  if (!/^[\w!#$%&+^`{}~-]+$/.test(charset) || !/^[0-9A-Za-z-]*$/.test(language)) return undefined
  if (!/^[!#$&+.^_`|~0-9A-Za-z%-]*$/.test(value) || /%(?![0-9A-Fa-f]{2})/.test(value)) return undefined
  const meant = strictly(charset, Buffer.from(unescape(value), 'latin1'))
  return meant === undefined || /\p{Cc}/u.test(meant) ? undefined : meant
}

function withoutControls(text: string): string {
  check(!/\p{Cc}/u.test(text))
  return text
}

function textOf(bytes: Buffer, { charset = 'utf-8' }: TypeOfForm): string {
  return strictly(charset, bytes) ?? strictly('latin1', bytes) ?? refuse()
}

function strictly(charset: string, bytes: Buffer): string | undefined {
  try {
    const decoder = new TextDecoder(charset, { fatal: true, ignoreBOM: true })
    const text = decoder.decode(bytes)
    return decoder.encoding === 'windows-1252' ? text.replaceAll(/[\x80-\x9f]/g, '\ufffd') : text
  } catch {
    return undefined
  }
}

function find(text: string, needle: string, from: number): number {
  const at = text.indexOf(needle, from)
  return at < 0 ? refuse() : at
}

function check(holds: boolean): void {
  if (!holds) refuse()
}

function refuse(): never {
  throw new Refusal()
}

function isTrap(name: string): boolean {
  return ['__proto__', 'prototype', 'constructor'].includes(name)
}

function untrapped(name: string): string {
  return isTrap(name) ? refuse() : name
}
