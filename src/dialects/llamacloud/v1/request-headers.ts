import type { Fields, Problems } from '../../../http/fields.ts'

const PLACE = ['body', 'request_headers']
const MAX_HEADERS = 32
const MAX_CHARACTERS = 8192
/** RFC 9110, section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** What a header can carry without being read in two ways. */
const VALUE = /^[\t\u0020-\u007e]*$/

/**
 * Headers that say how a message travels, that ask for less than the whole, or that would have another host or hop believe
 * something of this one.
 */
const KEPT = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'forwarded',
  'host',
  'http2-settings',
  'keep-alive',
  'range',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
])
const KEPT_PREFIXES = ['proxy-', 'x-forwarded-', 'if-', 'sec-']

/** The headers that a caller wants sent with a fetch; nulls are left out. Notes those that are not for callers to send. */
export function readRequestHeaders(fields: Fields, problems: Problems): Readonly<Record<string, string>> {
  const headers: Record<string, string> = Object.create(null)
  let characters = 0
  for (const name of fields.names()) {
    const value = fields.text(name)
    if (value === undefined) continue
    characters += name.length + value.length
    if (TOKEN.test(name) && VALUE.test(value) && !isKept(name.toLowerCase())) headers[name] = value
    else problems.add([...PLACE, name], 'value_error', 'Value error, this header cannot be sent')
  }
  if (characters > MAX_CHARACTERS || Object.keys(headers).length > MAX_HEADERS) {
    const msg = `Value error, at most ${MAX_HEADERS} headers of ${MAX_CHARACTERS} characters together`
    problems.add(PLACE, 'value_error', msg)
  }
  return headers
}

function isKept(name: string): boolean {
  return KEPT.has(name) || KEPT_PREFIXES.some((prefix) => name.startsWith(prefix))
}
