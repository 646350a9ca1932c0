import { type Parser, WrongValue } from './setting.ts'
import { parseSize } from './size.ts'

export const text: Parser<string> = (given) => given

export function integer(minimum: number, maximum: number, or = ''): Parser<number> {
  return (given) => {
    const value = /^\d+$/.test(given) ? Number(given) : Number.NaN
    if (value >= minimum && value <= maximum) return value
    throw new WrongValue(`must be ${or}a whole number from ${minimum} to ${maximum}, not "${given}".`)
  }
}

/** A number of bytes, also with a unit: `64MiB`. */
export function size(minimumBytes: number, maximumBytes = Number.MAX_SAFE_INTEGER): Parser<number> {
  const most = maximumBytes === Number.MAX_SAFE_INTEGER ? 'on' : `to ${maximumBytes}`
  return (given) => {
    const bytes = parseSize(given)
    if (bytes !== undefined && bytes >= minimumBytes && bytes <= maximumBytes) return bytes
    throw new WrongValue(
      `must be a size from ${minimumBytes} ${most}, in bytes or like 500MB or 5GiB, not "${given}".`,
    )
  }
}

/** Undefined: `off`. */
export function integerOrOff(minimum: number, maximum: number): Parser<number | undefined> {
  const parse = integer(minimum, maximum, 'off or ')
  return (given, isGiven) => (given === 'off' ? undefined : parse(given, isGiven))
}

/** A port, or undefined for `off`. Not getting a port that the operator asked for is an error. */
export const optionalPort: Parser<{ readonly port: number | undefined; readonly required: boolean }> = (
  given,
  isGiven,
) => ({ port: integerOrOff(0, 65_535)(given, isGiven), required: isGiven })

export function oneOf<const T extends string>(...allowed: readonly T[]): Parser<T> {
  return (given) => {
    const found = allowed.find((value) => value === given)
    if (found !== undefined) return found
    throw new WrongValue(
      `must be ${allowed.length > 1 ? 'one of ' : ''}${allowed.join(', ')}, not "${given}".`,
    )
  }
}

export const onOff: Parser<boolean> = (given, isGiven) => oneOf('on', 'off')(given, isGiven) === 'on'

/** Without a trailing slash. A wrong value is not repeated: it may hold a password. */
export const url: Parser<string> = (given) => {
  const { protocol, username, password, search, hash } = URL.parse(given) ?? {}
  if (/^https?:$/.test(protocol ?? '') && !username && !password && !search && !hash)
    return given.replace(/\/+$/, '')
  throw new WrongValue('must be like https://files.example.com, without user, query or fragment.')
}

/**
 * Parts with commas between them; none of an empty text.
 * @param parse returns undefined for a part that is wrong; all of these are named, or the whole text if one is empty
 */
export function list<T>(example: string, parse: (part: string) => T | undefined): Parser<readonly T[]> {
  return (given) => {
    if (given === '') return []
    const parts = given.split(',').map((part) => part.trim())
    const values = parts.map(parse)
    const wrong = parts.filter((_, index) => values[index] === undefined)
    if (wrong.length === 0) return values as T[]
    const named = (wrong.includes('') ? [given] : wrong).map((part) => `"${part}"`)
    throw new WrongValue(`must be like "${example}", not ${named.join(', ')}.`)
  }
}
