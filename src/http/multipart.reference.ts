import type { MultipartLimits } from './multipart.ts'

/** A part as the reference sees it: all of it in memory. `filename` tells a file from a field. */
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
): WholePart[] | undefined {
  try {
    return cut(boundaryOf(contentType), body, limits)
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

function cut(boundary: string, body: Buffer, limits: MultipartLimits): WholePart[] {
  check(body.length <= limits.bodyBytes)
  const text = `\r\n${body.toString('latin1')}`
  const delimiter = `\r\n--${boundary}`
  const parts: WholePart[] = []
  let at = find(text, delimiter, 0)
  check(at - 2 <= limits.preambleBytes && isBlank(text.slice(0, at)))
  for (;;) {
    at += delimiter.length
    const mark = text.slice(at, at + 2)
    if (mark === '--') break
    check(mark === '\r\n')
    const headerEnd = find(text, '\r\n\r\n', at)
    check(headerEnd + 4 - (at + 2) <= limits.headerBytes)
    const lines = text.slice(at + 2, headerEnd).split('\r\n')
    check(lines.length <= limits.headerLines && lines.every((line) => !/[\r\n]/.test(line)))
    // The blank line's end may be the delimiter's beginning.
    at = find(text, delimiter, headerEnd + 2)
    const content = Buffer.from(text.slice(headerEnd + 4, Math.max(at, headerEnd + 4)), 'latin1')
    parts.push({ ...headerOf(lines), content })
    checkPart(parts, limits)
  }
  check(text.length - at - 2 <= limits.epilogueBytes && isBlank(text.slice(at + 2)))
  return parts
}

function checkPart(parts: readonly WholePart[], limits: MultipartLimits): void {
  check(parts.length <= limits.parts)
  check(parts.filter(({ filename }) => filename !== undefined).length <= limits.files)
  const last = parts.at(-1)
  if (last === undefined || last.filename !== undefined) return
  check(last.content.length <= limits.fieldBytes)
  utf8(last.content)
}

function boundaryOf(contentType: string): string {
  const bare = /^multipart\/form-data *; *boundary=([^\s";]+)$/i.exec(contentType)
  const quoted = /^multipart\/form-data *; *boundary="([^"]+)"$/i.exec(contentType)
  return bare?.[1] ?? quoted?.[1] ?? refuse()
}

function headerOf(lines: readonly string[]): Omit<WholePart, 'content'> {
  const values = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase()
    check(/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name))
    const value = utf8(Buffer.from(line.slice(colon + 1), 'latin1'))
    check(!/[\x00-\x08\x0a-\x1f\x7f]/.test(value))
    check(!(name.startsWith('content-') && values.has(name)))
    check(!isTrap(name))
    values.set(name, value.replace(/^[ \t]+/, '').replace(/[ \t]+$/, ''))
  }
  check(/^(binary|8bit|7bit)$/i.test(values.get('content-transfer-encoding') ?? 'binary'))
  const contentType = values.get('content-type') || undefined
  check(contentType === undefined || /^[ -~]+$/.test(contentType))
  return { ...namesOf(values.get('content-disposition') ?? refuse()), contentType }
}

function namesOf(disposition: string): Pick<WholePart, 'name' | 'filename'> {
  const parameters = new Map<string, string>()
  let rest = disposition.replace(/^form-data[ \t]*(?=;|$)/i, '')
  check(rest !== disposition)
  while (rest !== '') {
    // A quoted text: escaped pairs, backslashes that escape nothing, anything else. The last alternative is
    // the backslash before the last quote of all.
    const [all = refuse(), key, quoted, bare] =
      /^[ \t]*;[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:\\\\|\\"(?!$)|\\(?!["\\])|[^"\\]|\\(?="$))*)"|([!-~]+?(?=[ \t;]|$)))[ \t]*|(?=;|$))/.exec(
        rest,
      ) ?? []
    rest = rest.slice(all.length)
    if (key === undefined) continue
    check(!parameters.has(key.toLowerCase()) && !/["\\]/.test(bare ?? ''))
    parameters.set(key.toLowerCase(), bare ?? `"${quoted}`)
  }
  check([...parameters.keys()].every((key) => key === 'filename*' || !key.includes('*')))
  const filename = parameters.get('filename')
  const extended = parameters.get('filename*')
  const plain = filename === undefined ? undefined : plainName(filename)
  return {
    name: untrapped(plainName(parameters.get('name') ?? refuse())),
    filename: extended === undefined ? plain : extendedName(extended),
  }
}

/** Quoted texts come with their opening quote. */
function plainName(text: string): string {
  if (!text.startsWith('"')) return text
  const unescaped = text.slice(1).replaceAll(/\\(["\\])/g, (_, escaped: string) => escaped)
  return withoutControls(unescaped.replaceAll('%22', '"').replaceAll(/%0d/gi, '\r').replaceAll(/%0a/gi, '\n'))
}

function extendedName(text: string): string {
  const [charset = '', language = refuse(), value = refuse(), ...more] = text.split("'")
  check(charset.toLowerCase() === 'utf-8' && more.length === 0 && /^[0-9A-Za-z-]*$/.test(language))
  check(/^[!#$&+.^_`|~0-9A-Za-z%-]*$/.test(value) && !/%(?![0-9A-Fa-f]{2})/.test(value))
  const bytes = value.replaceAll(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return withoutControls(utf8(Buffer.from(bytes, 'latin1')))
}

function withoutControls(text: string): string {
  check(!/\p{Cc}/u.test(text))
  return text
}

function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return refuse()
  }
}

function find(text: string, needle: string, from: number): number {
  const at = text.indexOf(needle, from)
  return at < 0 ? refuse() : at
}

function isBlank(text: string): boolean {
  return /^[ \t\r\n]*$/.test(text)
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
