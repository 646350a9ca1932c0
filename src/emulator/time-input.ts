import { ServiceError } from '../core/errors.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../core/ports/clock.ts'

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: SECOND_MS,
  m: MINUTE_MS,
  h: HOUR_MS,
  d: DAY_MS,
  w: 7 * DAY_MS,
}
const SPAN = /^(?:\d{1,15}(?:ms|[smhdw]))+$/
/** RFC 3339: with a zone, or it would mean another instant on each machine. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/

/**
 * @param given seconds, or a text of numbers with the units ms, s, m, h, d, w: `1d12h`
 * @returns whole milliseconds, 0 or more
 * @throws ServiceError `field-invalid`
 */
export function parseSpan(field: string, given: unknown): number {
  if (typeof given === 'number' && given >= 0 && Number.isFinite(given)) return Math.round(given * SECOND_MS)
  if (typeof given === 'string' && given.length <= 64 && SPAN.test(given)) {
    const parts = given.matchAll(/(\d+)(ms|[smhdw])/g)
    return [...parts].reduce((sum, [, count, unit = '']) => sum + Number(count) * (units[unit] ?? 0), 0)
  }
  throw new ServiceError(
    'field-invalid',
    `${field} must be seconds, 0 or more, or like "1d12h" or "500ms".`,
    {
      field,
    },
  )
}

/** @returns milliseconds since the Unix epoch. @throws ServiceError `field-invalid` */
export function parseInstant(field: string, given: unknown): number {
  if (typeof given === 'string' && INSTANT.test(given) && isDay(given.slice(0, 10))) {
    const at = Date.parse(given)
    if (!Number.isNaN(at)) return at
  }
  throw new ServiceError('field-invalid', `${field} must be a time like "2027-01-31T12:00:00Z".`, { field })
}

/** 31 February would become a day in March. */
function isDay(day: string): boolean {
  const at = Date.parse(day)
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(day)
}
