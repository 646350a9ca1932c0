import type { ExpiryRuleChange } from '../../core/files/expiry.ts'
import { checkName, faultOf, faultOfLabels, type TextRule, textRules } from '../../core/files/text-rules.ts'
import type { UpdateFile } from '../../core/files/update-file.ts'
import { invalid, objectOf, requireKnown, timeOf, type Values } from '../request-values.ts'

/** As many as the API has whose names are the longest, so that any name can be given back. */
export const MAX_NAME_CHARACTERS = 3000
/** As many as one request may delete. */
export const MAX_DELETED = 500
const DELETE_FIELDS = ['ids']
const COPY_FIELDS = ['project', 'name']
const UPDATE_FIELDS = ['name', 'labels', 'description', 'purpose', 'expiresAt', 'expiry']
const EXPIRY_FIELDS = ['policy', 'days']
/** A century. */
export const MAX_EXPIRY_DAYS = 36_525
const policies = { since_created: 'since-created', since_last_active: 'since-last-active' } as const

/**
 * @param now in milliseconds since the epoch
 * @throws ServiceError `body-not-json`, `field-unknown`, `field-invalid`
 */
export function readUpdateRequest(body: unknown, now: number): UpdateFile {
  const values = objectOf(body)
  requireKnown(values, UPDATE_FIELDS)
  const { name, labels, description, purpose, expiresAt, expiry } = values
  if (expiresAt !== undefined && expiry !== undefined) throw invalid('expiry', 'does not go with expiresAt')
  return {
    ...(name === undefined ? {} : { name: requireName('name', name) }),
    ...(labels === undefined ? {} : { labels: labelsIn(labels) }),
    ...(description === undefined
      ? {}
      : { description: textOrNull('description', description, textRules.description) ?? '' }),
    ...(purpose === undefined ? {} : { purpose: purposeIn(purpose) }),
    ...(expiresAt === undefined ? {} : { expiry: { at: endIn(expiresAt, now) } }),
    ...(expiry === undefined ? {} : { expiry: ruleIn(expiry, now) }),
  }
}

/** @throws ServiceError `body-not-json`, `field-unknown`, `field-invalid` */
export function readCopyRequest(body: unknown) {
  const values = objectOf(body)
  requireKnown(values, COPY_FIELDS)
  const { project, name } = values
  return {
    project: project === undefined ? undefined : requireName('project', project),
    name: name === undefined ? undefined : requireName('name', name),
  }
}

export function requireName(field: string, name: unknown): string {
  if (typeof name !== 'string') throw invalid(field, 'must be a text')
  checkName(field, name)
  if ([...name].length <= MAX_NAME_CHARACTERS) return name
  throw invalid(field, `has more than ${MAX_NAME_CHARACTERS} characters`)
}

/**
 * The ids as they were sent, each in any form.
 * @throws ServiceError `body-not-json`, `field-unknown`, `field-invalid`
 */
export function readDeleteRequest(body: unknown): readonly string[] {
  const values = objectOf(body)
  requireKnown(values, DELETE_FIELDS)
  const { ids } = values
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === 'string'))
    throw invalid('ids', 'must be an array of texts')
  if (ids.length <= MAX_DELETED) return ids
  throw invalid('ids', `has more than ${MAX_DELETED}; send them in several requests`)
}

function labelsIn(labels: unknown): Readonly<Record<string, string>> {
  if (labels === null) return {}
  if (typeof labels !== 'object' || Array.isArray(labels))
    throw invalid('labels', 'must be an object of texts')
  const fault = faultOfLabels(labels)
  if (fault !== undefined) throw invalid('labels', fault)
  return labels as Record<string, string>
}

function purposeIn(purpose: unknown): string | null {
  const text = textOrNull('purpose', purpose, textRules.purpose)
  if (text === '') throw invalid('purpose', 'is empty; null takes it away')
  return text
}

function textOrNull(field: string, value: unknown, rule: TextRule): string | null {
  if (value === null) return null
  const fault = typeof value === 'string' ? faultOf(value, rule) : 'must be a text or null'
  if (fault !== undefined) throw invalid(field, fault)
  return value as string
}

function ruleIn(value: unknown, now: number): ExpiryRuleChange {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('expiry', 'must be an object with policy and days')
  const rule = value as Values
  requireKnown(rule, EXPIRY_FIELDS)
  const policy = Object.entries(policies).find(([name]) => name === rule.policy)?.[1]
  if (policy === undefined) throw invalid('expiry', 'has a policy of since_created or since_last_active')
  const { days } = rule
  if (typeof days !== 'number' || !Number.isInteger(days) || days < 1 || days > MAX_EXPIRY_DAYS)
    throw invalid('expiry', `has days, a whole number from 1 to ${MAX_EXPIRY_DAYS}`)
  return { policy, ttlDays: days, defaultTtlDays: days, endsAfter: now }
}

function endIn(value: unknown, now: number): number | null {
  if (value === null) return null
  const at = typeof value === 'string' ? timeOf(value) : Number.NaN
  if (Number.isNaN(at)) throw invalid('expiresAt', 'must be a time like 2030-01-31T12:00:00Z, or null')
  if (at <= now) throw invalid('expiresAt', 'is not in the future; to end a file now, delete it')
  return at
}
