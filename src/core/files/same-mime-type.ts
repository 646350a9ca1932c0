/**
 * Whether two spellings name one MIME type (RFC 9110, 8.3.1): case, white space, quotes and the order of parameters make no
 * difference. The case of parameters' values makes none either, since that of charsets does not.
 */
export function isSameMimeType(one: string, other: string): boolean {
  return one === other || normalized(one) === normalized(other)
}

/** From one separator to the next, those in quoted strings left out. */
const PART = /(?:"(?:[^"\\]|\\.)*"|[^;])+/g

function normalized(mimeType: string): string {
  const [type = '', ...parameters] = (mimeType.toLowerCase().match(PART) ?? []).map((part) => part.trim())
  const named = parameters.filter((parameter) => parameter !== '').map(withoutQuotes)
  return [type, ...named.sort()].join(';')
}

function withoutQuotes(parameter: string): string {
  const equals = parameter.indexOf('=')
  const value = parameter.slice(equals + 1)
  if (equals < 0 || !/^".*"$/s.test(value)) return parameter
  return parameter.slice(0, equals + 1) + value.slice(1, -1).replace(/\\(.)/g, '$1')
}
