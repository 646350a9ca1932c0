import { hash } from 'node:crypto'
import type { FileRecord } from '../../core/files/file.ts'
import { NEWEST_FIRST } from '../../core/files/page-files.ts'
import type { FileCursor, FileOrder } from '../../core/ports/metadata-store.ts'
import type { Location, Problems } from '../../http/fields.ts'

/** How many files a page has, unless the request says otherwise, and at most. */
export const DEFAULT_PAGE = 50
export const MAX_PAGE = 1000

/** The newest SDK lets a field alone stand for a direction; older ones write `asc` and `desc` or mean ascending. */
const fields: Readonly<Record<string, FileOrder[number]>> = {
  created_at: { field: 'createdAt', descending: true },
  name: { field: 'name', descending: false },
  id: { field: 'id', descending: false },
}

/** Reads `name`, `created_at desc`, `name asc, id desc`: each of three fields at most once. */
export function parseOrder(text: string | undefined, loc: Location, problems: Problems): FileOrder {
  if (text === undefined) return NEWEST_FIRST
  const terms = text.split(',').map(parseTerm)
  const order = terms.filter((term) => term !== undefined)
  const distinct = new Set(order.map(({ field }) => field))
  if (distinct.size === terms.length) return order
  const msg = 'Input should be a list of name, id and created_at, each at most once, with asc or desc'
  problems.add(loc, 'value_error', `Value error, ${msg}`, { input: text })
  return NEWEST_FIRST
}

function parseTerm(term: string): FileOrder[number] | undefined {
  const [, name = '', direction] = /^(created_at|name|id)(?:\s+(asc|desc))?$/i.exec(term.trim()) ?? []
  const found = fields[name.toLowerCase()]
  return found && direction ? { ...found, descending: direction.toLowerCase() === 'desc' } : found
}

/**
 * A token holds where the page ended, and a digest of the filters and the order that it is valid for. It is not signed: it
 * can only name a place in a listing that its holder may read anyway.
 */
export function printToken({ createdAt, name, id }: FileRecord, scope: unknown): string {
  return Buffer.from(JSON.stringify([createdAt, name, id, digestOf(scope)])).toString('base64url')
}

export function parseToken(
  token: string | undefined,
  scope: unknown,
  loc: Location,
  problems: Problems,
): FileCursor | undefined {
  if (token === undefined) return undefined
  const [createdAt, name, id, digest] = decode(token)
  const isOurs = Number.isSafeInteger(createdAt) && typeof name === 'string' && typeof id === 'string'
  if (isOurs && digest === digestOf(scope)) return { createdAt: createdAt as number, name, id }
  const msg = 'Value error, the page token is not valid for this listing'
  return problems.add(loc, 'value_error', msg, { input: token })
}

function decode(token: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'))
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}

function digestOf(scope: unknown): string {
  return hash('sha256', JSON.stringify(scope), 'base64url').slice(0, 16)
}
