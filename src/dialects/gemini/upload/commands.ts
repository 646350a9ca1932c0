import type { IncomingHttpHeaders } from 'node:http'
import { invalidArgument } from '../fields.ts'

export const STATUS = 'x-goog-upload-status'
export const SIZE_RECEIVED = 'x-goog-upload-size-received'

export type Command = 'start' | 'upload' | 'query' | 'finalize' | 'cancel'

/** What one request may ask for. */
const combinations: readonly (readonly Command[])[] = [
  ['start'],
  ['upload'],
  ['upload', 'finalize'],
  ['finalize'],
  ['query'],
  ['cancel'],
]

/**
 * The commands of a request: a set, in any order, case and spacing.
 * @throws ServiceError `field-invalid` if they are unknown or do not go together
 */
export function commandsIn(headers: IncomingHttpHeaders): ReadonlySet<Command> {
  const text = headers['x-goog-upload-command']?.toString() ?? ''
  const given = new Set(text.split(',').flatMap((part) => part.trim().toLowerCase() || []))
  const found = combinations.find((each) => each.length === given.size && each.every((one) => given.has(one)))
  if (found !== undefined || given.size === 0) return new Set(found)
  throw invalidArgument('X-Goog-Upload-Command', `Invalid X-Goog-Upload-Command: ${text}`)
}

/** Bytes that a header tells of; undefined: it is absent. @throws ServiceError `field-invalid` */
export function bytesIn(headers: IncomingHttpHeaders, name: string): number | undefined {
  const text = headers[name.toLowerCase()]?.toString().trim()
  if (text === undefined || text === '') return undefined
  const bytes = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(bytes)) return bytes
  throw invalidArgument(name, `${name} must be a number of bytes, not ${text}`)
}
