import { ServiceError } from '../../core/errors.ts'
import { checkName, faultOf, faultOfLabels, type TextRule, textRules } from '../../core/files/text-rules.ts'
import type { UpdateFile } from '../../core/files/update-file.ts'
import { parsePageToken } from '../../http/page-token.ts'

export const DEFAULT_PAGE = 100
export const MAX_PAGE = 1000
/** As many as the API has whose names are the longest, so that any name can be given back. */
export const MAX_NAME_CHARACTERS = 3000
/** RFC 3339, 5.6. */
const TIME = /^\d{4}-\d\d-(?<day>\d\d)T([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i
/** A zone may lead there. */
const YEAR_10000 = Date.UTC(10_000, 0)
const LIST_PARAMETERS = ['project', 'state', 'name', 'limit', 'after', 'order']
const COPY_FIELDS = ['project', 'name']
const UPDATE_FIELDS = ['name', 'labels', 'description', 'purpose', 'expiresAt']

type Values = Readonly<Record<string, unknown>>

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

/** @throws ServiceError `body-not-json` */
function objectOf(body: unknown): Values {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Values
  throw new ServiceError('body-not-json', 'The body must be a JSON object.')
}

function requireKnown(values: Values, known: readonly string[], ignored?: string): void {
  const field = Object.keys(values).find((name) => name !== ignored && !known.includes(name))
  if (field === undefined) return
  const shown = JSON.stringify(field.slice(0, 64).toWellFormed())
  throw new ServiceError('field-unknown', `${shown} is not known here; there are ${known.join(', ')}.`, {
    field: field.slice(0, 64).toWellFormed(),
  })
}

function parameter(values: Values, field: string): string | undefined {
  const value = values[field]
  if (value === undefined || value === '') return undefined
  if (typeof value !== 'string') throw invalid(field, 'must be given once')
  if (value.includes('\0')) throw invalid(field, 'contains control characters')
  return value
}

/** The first of the words is the default. */
function oneOf<T extends string>(values: Values, field: string, words: readonly [T, ...T[]]): T {
  const text = parameter(values, field) ?? words[0]
  const found = words.find((word) => word === text)
  if (found === undefined) throw invalid(field, `must be ${words.join(' or ')}`)
  return found
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

/** NaN if it is none; `Date` takes the 31st of February for the 3rd of March, and has years of six digits. */
function timeOf(text: string): number {
  const day = Number(TIME.exec(text)?.groups?.day)
  const at = Date.parse(text)
  return new Date(text.slice(0, 10)).getUTCDate() === day && at < YEAR_10000 ? at : Number.NaN
}

function invalid(field: string, fault: string): ServiceError {
  return new ServiceError('field-invalid', `${field} ${fault}.`, { field })
}
