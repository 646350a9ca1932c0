import { DAY_MS, HOUR_MS } from '../../core/ports/clock.ts'
import { type ReadUsage, type UsageStep, usageSteps } from '../../core/usage/read-usage.ts'
import { invalid, oneOf, parameter, requireKnown, timeOf, type Values } from '../request-values.ts'

const PARAMETERS = ['organization', 'project', 'from', 'to', 'step']
/** 90 days of hours, and the ones that have begun at both ends. */
export const MAX_POINTS = 91 * 24
const DEFAULT_SPAN_MS = { hour: DAY_MS, day: 30 * DAY_MS } as const

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
  const to = Math.ceil((timeIn(values, 'to') ?? now + 1) / stepMs) * stepMs
  const from = begin(timeIn(values, 'from') ?? to - DEFAULT_SPAN_MS[step], step)
  if (from >= to) throw invalid('from', 'must be before `to`')
  if ((to - from) / HOUR_MS > MAX_POINTS) throw invalid('from', 'is more than 91 days before `to`')
  const { organization, project } = {
    organization: parameter(values, 'organization'),
    project: parameter(values, 'project'),
  }
  return { organization, project, from, to, step }
}

function begin(at: number, step: UsageStep): number {
  return at - (at % usageSteps[step])
}

function timeIn(values: Values, field: string): number | undefined {
  const text = parameter(values, field)
  if (text === undefined) return undefined
  const at = timeOf(text)
  if (Number.isNaN(at) || at < 0) throw invalid(field, 'must be a time like 2030-01-31T12:00:00Z')
  return at
}
