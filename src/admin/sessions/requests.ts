import type { SessionPlace } from '../../core/access/sessions.ts'
import { ServiceError } from '../../core/errors.ts'
import { uuidForm } from '../../core/file-id.ts'
import { limitIn } from '../page-limit.ts'
import { invalid, objectOf, parameter, requireKnown, type Values } from '../request-values.ts'

export const MAX_PAGE = 500

/** @param keyQuery the parameter that may carry the key. @throws ServiceError `field-unknown`, `field-invalid` */
export function readListRequest(query: unknown, keyQuery: string | undefined) {
  const values = query as Values
  requireKnown(values, ['limit', 'after'], keyQuery)
  const after = parameter(values, 'after')
  return { limit: limitIn(values, MAX_PAGE), after: after === undefined ? undefined : placeIn(after) }
}

export function printPlace({ expiresAt, id }: SessionPlace): string {
  return `${expiresAt}.${id}`
}

function placeIn(after: string): SessionPlace {
  const [, expiresAt, id = ''] = /^(\d{1,15})\.([\da-f-]{36})$/.exec(after) ?? []
  if (uuidForm.parse(id) === id) return { expiresAt: Number(expiresAt), id }
  throw invalid('after', 'must be `next` of a page')
}

/** The key, without blanks around it. @throws ServiceError `body-not-json`, `field-unknown`, `field-missing`, `field-invalid` */
export function readSignInRequest(body: unknown): string {
  const values = objectOf(body)
  requireKnown(values, ['key'])
  const { key } = values
  if (key === undefined) throw new ServiceError('field-missing', 'key is missing.', { field: 'key' })
  if (typeof key !== 'string' || key.trim() === '') throw invalid('key', 'must be a text, and not empty')
  return key.trim()
}
