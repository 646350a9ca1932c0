import { Type } from 'typebox'
import { invalid, parameter, type Values } from './request-values.ts'

const DEFAULT_LIMIT = 100

/** The parameter `limit` of a list: a whole number from 1 to `max`. @throws ServiceError `field-invalid` */
export function limitIn(values: Values, max: number): number {
  const limit = parameter(values, 'limit') ?? String(DEFAULT_LIMIT)
  const isInRange = /^\d{1,9}$/.test(limit) && Number(limit) >= 1 && Number(limit) <= max
  if (isInRange) return Number(limit)
  throw invalid('limit', `must be a whole number from 1 to ${max}`)
}

/** The same, for the documentation. */
export function limitParameter(max: number) {
  return Type.Optional(Type.Integer({ minimum: 1, maximum: max, default: DEFAULT_LIMIT }))
}
