import { checkName, faultOf, faultOfLabels, type TextRule, textRules } from '../../core/files/text-rules.ts'
import type { UpdateFile } from '../../core/files/update-file.ts'
import { parsePageToken } from '../../http/page-token.ts'
import { invalid, objectOf, oneOf, parameter, requireKnown, timeOf, type Values } from '../request-values.ts'

export const DEFAULT_PAGE = 100
export const MAX_PAGE = 1000
/** As many as the API has whose names are the longest, so that any name can be given back. */
export const MAX_NAME_CHARACTERS = 3000
const LIST_PARAMETERS = ['project', 'state', 'name', 'limit', 'after', 'order']
const COPY_FIELDS = ['project', 'name']
const UPDATE_FIELDS = ['name', 'labels', 'description', 'purpose', 'expiresAt']

export type RequestedPage = ReturnType<typeof readListRequest>

/**
 * An empty parameter counts as absent.
 * @param keyQuery the parameter that may carry the key
 * @throws ServiceError `field-unknown`, `field-invalid`
 */
export function readListRequest(query: unknown, keyQuery: string | undefined) {
  const values = query as Values
  requireKnown(values, LIST_PARAMETERS, keyQuery)
  const limit = parameter(values, 'limit') ?? String(DEFAULT_PAGE)
  if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > MAX_PAGE)
    throw invalid('limit', `must be a whole number from 1 to ${MAX_PAGE}`)
  const name = parameter(values, 'name')
  if (name !== undefined) requireName('name', name)
  return {
    project: parameter(values, 'project'),
    state: oneOf(values, 'state', ['stored', 'pending']),
    order: oneOf(values, 'order', ['desc', 'asc']),
    name,
    limit: Number(limit),
    after: parameter(values, 'after'),
  }
}

/** Where a page goes on. @throws ServiceError `field-invalid` */
export function placeOf(after: string, boundTo: unknown) {
  const place = parsePageToken(after, boundTo)
  if (place !== undefined) return place
  throw invalid('after', 'must be `next` of a page with the same project, state, name and order')
}

/**
 * @param now in milliseconds since the epoch
 * @throws ServiceError `body-not-json`, `field-unknown`, `field-invalid`
 */
export function readUpdateRequest(body: unknown, now: number): UpdateFile {
  const values = objectOf(body)
  requireKnown(values, UPDATE_FIELDS)
  const { name, labels, description, purpose, expiresAt } = values
  return {
    ...(name === undefined ? {} : { name: requireName('name', name) }),
    ...(labels === undefined ? {} : { labels: labelsIn(labels) }),
    ...(description === undefined
      ? {}
      : { description: textOrNull('description', description, textRules.description) ?? '' }),
    ...(purpose === undefined ? {} : { purpose: purposeIn(purpose) }),
    ...(expiresAt === undefined ? {} : { expiry: { at: endIn(expiresAt, now) } }),
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

function requireName(field: string, name: unknown): string {
  if (typeof name !== 'string') throw invalid(field, 'must be a text')
  checkName(field, name)
  if ([...name].length <= MAX_NAME_CHARACTERS) return name
  throw invalid(field, `has more than ${MAX_NAME_CHARACTERS} characters`)
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

function endIn(value: unknown, now: number): number | null {
  if (value === null) return null
  const at = typeof value === 'string' ? timeOf(value) : Number.NaN
  if (Number.isNaN(at)) throw invalid('expiresAt', 'must be a time like 2030-01-31T12:00:00Z, or null')
  if (at <= now) throw invalid('expiresAt', 'is not in the future; DELETE ends a file now')
  return at
}
