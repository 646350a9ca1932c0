/*
 * The two kinds of Items that upload headers are (RFC 9651, 3.3 and 4.2). A header that came twice is joined by a comma and is
 * no Item.
 */

const KEY = '[a-z*][a-z0-9_.*-]*'
const NUMBER = '-?\\d{1,12}\\.\\d{1,3}|-?\\d{1,15}'
const STRING = '"(?:[ !#-\\[\\]-~]|\\\\["\\\\])*"'
const TOKEN = "[A-Za-z*][!#$%&'*+.^_`|~\\w:/-]*"
const BYTES = ':[A-Za-z0-9+/=]*:'
const DATE = '@-?\\d{1,15}'
const DISPLAY_STRING = '%"(?:[ !#$&-~]|%[0-9a-f]{2})*"'
const BARE_ITEM = `${NUMBER}|${STRING}|${TOKEN}|${BYTES}|\\?[01]|${DATE}|${DISPLAY_STRING}`
/** Ignored: no upload header defines any. */
const PARAMETERS = `(?:; *${KEY}(?:=(?:${BARE_ITEM}))?)*`

const BOOLEAN = new RegExp(`^ *\\?([01])${PARAMETERS} *$`)
const INTEGER = new RegExp(`^ *(-?\\d{1,15})${PARAMETERS} *$`)

/** @returns undefined if the text is no Boolean */
export function parseBoolean(text: string): boolean | undefined {
  const digit = BOOLEAN.exec(text)?.[1]
  return digit === undefined ? undefined : digit === '1'
}

/** @returns undefined if the text is no Integer, which has at most 15 digits */
export function parseInteger(text: string): number | undefined {
  const digits = INTEGER.exec(text)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

export function printBoolean(value: boolean): string {
  return value ? '?1' : '?0'
}
