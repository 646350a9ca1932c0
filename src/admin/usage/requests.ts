import { HOUR_MS } from '../../core/ports/clock.ts'
import { type ReadUsage, type UsageStep, usageSteps } from '../../core/usage/read-usage.ts'
import { invalid, oneOf, parameter, requireKnown, timeIn, type Values } from '../request-values.ts'

const PARAMETERS = ['organization', 'project', 'from', 'to', 'hours', 'step']
/** 90 days of hours, and the ones that have begun at both ends. */
export const MAX_POINTS = 91 * 24
const DEFAULT_HOURS = { hour: 24, day: 30 * 24 } as const

export interface UsageRequest extends Omit<ReadUsage, 'holder'> {
  readonly organization: string | undefined
  readonly project: string | undefined
}

/**
 * An empty parameter counts as absent.
 * @param keyQuery the parameter that may carry the key
 * @throws ServiceError `field-unknown`, `field-invalid`
 */
export function readUsageRequest(query: unknown, keyQuery: string | undefined, now: number): UsageRequest {
  const values = query as Values
  requireKnown(values, PARAMETERS, keyQuery)
  const step = oneOf(values, 'step', ['hour', 'day'])
  const stepMs = usageSteps[step]
  const hours = hoursIn(values)
  const to = Math.ceil((stepTimeIn(values, 'to') ?? now + 1) / stepMs) * stepMs
  const from = begin(stepTimeIn(values, 'from') ?? to - (hours ?? DEFAULT_HOURS[step]) * HOUR_MS, step)
  if (from >= to) throw invalid('from', 'must be earlier than the end')
  if ((to - from) / HOUR_MS > MAX_POINTS) throw invalid('from', 'is more than 91 days before the end')
  const { organization, project } = {
    organization: parameter(values, 'organization'),
    project: parameter(values, 'project'),
  }
  return { organization, project, from, to, step }
}

function begin(at: number, step: UsageStep): number {
  return at - (at % usageSteps[step])
}

/** @throws ServiceError `field-invalid` */
function hoursIn(values: Values): number | undefined {
  const text = parameter(values, 'hours')
  if (text === undefined) return undefined
  if (parameter(values, 'from') !== undefined) throw invalid('hours', 'does not go together with from')
  const hours = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (hours < 1 || hours > MAX_POINTS)
    throw invalid('hours', `must be a whole number from 1 to ${MAX_POINTS}`)
  return hours
}

/** Steps are counted from 1970 on. */
function stepTimeIn(values: Values, field: string): number | undefined {
  const at = timeIn(values, field)
  if (at !== undefined && at < 0) throw invalid(field, 'must be 1970-01-01T00:00:00Z or later')
  return at
}
