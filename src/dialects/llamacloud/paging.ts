import { NEWEST_FIRST } from '../../core/files/page-files.ts'
import type { FileCursor, FileOrder } from '../../core/ports/metadata-store.ts'
import type { Location, Problems } from '../../http/fields.ts'
import { parsePageToken } from '../../http/page-token.ts'

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

export function parseToken(
  token: string | undefined,
  boundTo: unknown,
  loc: Location,
  problems: Problems,
): FileCursor | undefined {
  if (token === undefined) return undefined
  const place = parsePageToken(token, boundTo)
  if (place !== undefined) return place
  const msg = 'Value error, the page token is not valid for this listing'
  return problems.add(loc, 'value_error', msg, { input: token })
}
