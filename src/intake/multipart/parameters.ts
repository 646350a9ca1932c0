import { malformed } from './malformed.ts'

/** A parameter as written: what stood between the quotes is still escaped. */
export interface RawParameter {
  readonly text: string
  /**
   * `around`: the text stood between two quotes. `astray`: it has further quotes, which nothing escapes, or one that
   * nothing closes; the outer two are not in the text if there are two.
   */
  readonly quotes: 'none' | 'around' | 'astray'
}

/**
 * Reads `; name=value; name="value"`, the part of a header that follows its first value (RFC 9110, section 5.6.6), and
 * whatever python-multipart takes besides: blanks around `=`, a name without value, any text without quotes. Names come in
 * lower case; of a repeated one the last counts. Takes time linear in the length of the text.
 * @throws ServiceError `request-malformed` when the parameter `once` comes twice, or the text does not begin with `;`
 */
export function parseParameters(header: string, once: string): Map<string, RawParameter> {
  const text = trimBlanks(header)
  const parameters = new Map<string, RawParameter>()
  let at = 0
  while (at < text.length) {
    if (text[at] !== ';') throw malformed('A header has parameters that cannot be read')
    const end = segmentEnd(text, at + 1)
    const [name, parameter] = readSegment(text.slice(at + 1, end))
    if (name === once && parameters.has(name)) throw malformed(`A header has the parameter ${once} twice`)
    parameters.set(name, parameter)
    at = end
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

/** The place of the next semicolon outside quotes. A quote that nothing closes goes on to the end. */
function segmentEnd(text: string, start: number): number {
  let at = start
  while (at < text.length && text[at] !== ';') {
    at = text[at] === '"' ? closingQuote(text, at + 1) + 1 : at + 1
  }
  return Math.min(at, text.length)
}

function readSegment(segment: string): [name: string, parameter: RawParameter] {
  const equals = segment.indexOf('=')
  if (equals < 0) return [trimBlanks(segment).toLowerCase(), { text: '', quotes: 'none' }]
  return [trimBlanks(segment.slice(0, equals)).toLowerCase(), readValue(segment.slice(equals + 1))]
}

function readValue(written: string): RawParameter {
  const text = trimBlanks(written)
  if (!text.includes('"')) return { text, quotes: 'none' }
  const last = text.length - 1
  if (last === 0 || text[0] !== '"' || text[last] !== '"') return { text, quotes: 'astray' }
  return { text: text.slice(1, -1), quotes: closingQuote(text, 1) === last ? 'around' : 'astray' }
}

/**
 * A backslash escapes a quote or a backslash and is otherwise itself, for browsers do not escape it. For the same reason one
 * before the very last quote of the header is itself: an escaped quote would close nothing.
 * @returns the length of the text if nothing closes the quote
 */
function closingQuote(text: string, start: number): number {
  for (let at = start; at < text.length; at++) {
    if (text[at] === '"') return at
    if (text[at] !== '\\') continue
    const next = text[at + 1]
    if (next === '\\' || (next === '"' && at + 2 < text.length)) at++
  }
  return text.length
}
