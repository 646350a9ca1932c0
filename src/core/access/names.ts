import { ServiceError } from '../errors.ts'
import { faultOf } from '../files/text-rules.ts'

export const MAX_NAME_CHARACTERS = 255
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

/** What is wrong with the name of a key or user, as the end of a sentence about it; undefined: nothing. */
export function faultOfName(text: string): string | undefined {
  if (text.trim() === '') return 'is empty'
  if (text.trim() !== text) return 'has space around it'
  if (text.length > MAX_NAME_CHARACTERS) return `is longer than ${MAX_NAME_CHARACTERS} characters`
  return faultOf(text, { maxBytes: Number.POSITIVE_INFINITY, forbidden: CONTROL })
}

/** The same for the slug of an organization or project, which must not be taken for an id, nor for all of them, and can stand in a path. */
export function faultOfSlug(text: string): string | undefined {
  if (text === '*') return 'must not be *, which stands for all'
  // Clients resolve these in a path, so that nothing could name it there.
  if (text === '.' || text === '..') return 'must not be . or .., which paths do without'
  return UUID.test(text) ? 'must not look like an ID' : faultOfName(text)
}

/** @param fault of the field. @throws ServiceError `field-invalid` if there is one */
export function requireNoFault(field: string, fault: string | undefined): void {
  if (fault !== undefined) throw new ServiceError('field-invalid', `${field} ${fault}.`, { field })
}
