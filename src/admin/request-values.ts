import { ServiceError } from '../core/errors.ts'

/** A body or a query, whose fields nobody has looked at. */
export type Values = Readonly<Record<string, unknown>>

/** RFC 3339, 5.6. */
const TIME = /^\d{4}-\d\d-(?<day>\d\d)T([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i
/** A zone may lead there. */
const YEAR_10000 = Date.UTC(10_000, 0)

/** @throws ServiceError `body-not-json` */
export function objectOf(body: unknown): Values {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Values
  throw new ServiceError('body-not-json', 'The body must be a JSON object.')
}

/**
 * @param ignored may be there, too
 * @throws ServiceError `field-unknown`
 */
export function requireKnown(values: Values, known: readonly string[], ignored?: string): void {
  const field = Object.keys(values).find((name) => name !== ignored && !known.includes(name))
  if (field === undefined) return
  const shown = JSON.stringify(field.slice(0, 64).toWellFormed())
  throw new ServiceError('field-unknown', `${shown} is not known here; there are ${known.join(', ')}.`, {
    field: field.slice(0, 64).toWellFormed(),
  })
}

/** Undefined if it is absent or empty. @throws ServiceError `field-invalid` */
export function parameter(values: Values, field: string): string | undefined {
  const value = values[field]
  if (value === undefined || value === '') return undefined
  if (typeof value !== 'string') throw invalid(field, 'must be given once')
  if (value.includes('\0')) throw invalid(field, 'contains control characters')
  return value
}

/** The first of the words is the default. @throws ServiceError `field-invalid` */
export function oneOf<T extends string>(values: Values, field: string, words: readonly [T, ...T[]]): T {
  const text = parameter(values, field) ?? words[0]
  const found = words.find((word) => word === text)
  if (found === undefined) throw invalid(field, `must be ${words.join(' or ')}`)
  return found
}

/** Milliseconds since the epoch; NaN if it is none. `Date` takes the 31st of February for the 3rd of March, and has years of six digits. */
export function timeOf(text: string): number {
  const day = Number(TIME.exec(text)?.groups?.day)
  const at = Date.parse(text)
  return new Date(text.slice(0, 10)).getUTCDate() === day && at < YEAR_10000 ? at : Number.NaN
}

/** A time in a query, in milliseconds since the epoch; undefined if it is absent or empty. @throws ServiceError `field-invalid` */
export function timeIn(values: Values, field: string): number | undefined {
  const text = parameter(values, field)
  if (text === undefined) return undefined
  const at = timeOf(text)
  if (!Number.isNaN(at)) return at
  throw invalid(field, 'must be a time like 2030-01-31T12:00:00Z')
}

/** @param fault what follows the name of the field in the message */
export function invalid(field: string, fault: string): ServiceError {
  return new ServiceError('field-invalid', `${field} ${fault}.`, { field })
}

/** A text that has to be there. @throws ServiceError `field-missing`, `field-invalid` */
export function textIn(values: Values, field: string): string {
  const text = optionalTextIn(values, field)
  if (text === undefined) throw new ServiceError('field-missing', `${field} is missing.`, { field })
  return text
}

/** @throws ServiceError `field-invalid` */
export function optionalTextIn(values: Values, field: string): string | undefined {
  const value = values[field]
  if (value === undefined) return undefined
  if (typeof value !== 'string') throw invalid(field, 'must be a text')
  if (value.includes('\0')) throw invalid(field, 'contains control characters')
  return value
}
