import type { AddKey } from '../../core/access/administer-keys.ts'
import { fidelities, isScope, roles, type Scope, scopes } from '../../core/access/keys.ts'
import {
  invalid,
  objectOf,
  optionalTextIn,
  requireKnown,
  textIn,
  timeOf,
  type Values,
} from '../request-values.ts'

const FIELDS = ['name', 'organization', 'projects', 'user', 'role', 'scopes', 'fidelity', 'expiresAt']
const MAX_PROJECTS = 1000

/** @throws ServiceError `body-not-json`, `field-unknown`, `field-missing`, `field-invalid` */
export function readCreateRequest(body: unknown): AddKey {
  const values = objectOf(body)
  requireKnown(values, FIELDS)
  return {
    name: textIn(values, 'name'),
    organization: optionalTextIn(values, 'organization'),
    projects: values.projects === undefined ? undefined : textsIn(values, 'projects'),
    user: values.user === null ? null : optionalTextIn(values, 'user'),
    role: wordIn(values, 'role', roles),
    scopes: values.scopes === undefined ? undefined : scopesIn(values),
    fidelity: values.fidelity === null ? null : wordIn(values, 'fidelity', fidelities),
    expiresAt: endIn(values.expiresAt),
  }
}

function wordIn<T extends string>(values: Values, field: string, words: readonly T[]): T | undefined {
  const text = optionalTextIn(values, field)
  const found = words.find((word) => word === text)
  if (text !== undefined && found === undefined) throw invalid(field, `must be one of ${words.join(', ')}`)
  return found
}

function textsIn(values: Values, field: string): readonly string[] {
  const list = values[field]
  if (!Array.isArray(list) || !list.every((item) => typeof item === 'string' && !item.includes('\0')))
    throw invalid(field, 'must be a list of texts')
  if (list.length > MAX_PROJECTS) throw invalid(field, `has more than ${MAX_PROJECTS}`)
  return list
}

function scopesIn(values: Values): readonly Scope[] {
  const texts = textsIn(values, 'scopes')
  if (texts.every(isScope)) return texts
  throw invalid('scopes', `must be of ${scopes.join(', ')}`)
}

function endIn(value: unknown): number | null | undefined {
  if (value === undefined || value === null) return value
  const at = typeof value === 'string' ? timeOf(value) : Number.NaN
  if (Number.isNaN(at)) throw invalid('expiresAt', 'must be a time like 2030-01-31T12:00:00Z, or null')
  return at
}
