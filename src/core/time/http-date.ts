const DAYS = 'Mon|Tue|Wed|Thu|Fri|Sat|Sun'
const LONG_DAYS = 'Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday'
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const MONTH = `(?<month>${MONTHS.join('|')})`
/** The second 60 is a leap second. */
const TIME = '(?<hour>[01]\\d|2[0-3]):(?<minute>[0-5]\\d):(?<second>[0-5]\\d|60)'

const imfFixdate = new RegExp(`^(?:${DAYS}), (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`)
const rfc850Date = new RegExp(`^(?:${LONG_DAYS}), (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT$`)
const asctimeDate = new RegExp(`^(?:${DAYS}) ${MONTH} (?<day>\\d\\d| \\d) ${TIME} (?<year>\\d{4})$`)

/** A two-digit year further ahead than this is in the past. */
const MAX_YEARS_AHEAD = 50

/**
 * Reads an HTTP-date in one of the three forms of RFC 9110, 5.6.7, with any weekday. `now` decides the century of a
 * two-digit year.
 * @returns milliseconds since the Unix epoch, in whole seconds; undefined for any other text, which recipients ignore
 */
export function parseHttpDate(text: string, now: number): number | undefined {
  const { groups } = imfFixdate.exec(text) ?? rfc850Date.exec(text) ?? asctimeDate.exec(text) ?? {}
  if (groups === undefined) return undefined
  const { year = '', month = '', day = '', hour, minute, second } = groups
  const fullYear = year.length === 2 ? nearestYear(Number(year), now) : Number(year)
  const midnight = midnightOf(fullYear, MONTHS.indexOf(month), Number(day))
  return midnight === undefined
    ? undefined
    : midnight + ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000
}

export function isHttpDate(text: string | undefined): boolean {
  return text !== undefined && parseHttpDate(text, 0) !== undefined
}

function nearestYear(twoDigits: number, now: number): number {
  const thisYear = new Date(now).getUTCFullYear()
  const year = thisYear - (thisYear % 100) + twoDigits
  return year > thisYear + MAX_YEARS_AHEAD ? year - 100 : year
}

/** Undefined if the month has no such day. */
function midnightOf(year: number, month: number, day: number): number | undefined {
  const date = new Date(0)
  date.setUTCFullYear(year, month, day)
  return date.getUTCDate() === day ? date.getTime() : undefined
}
