import type { FastifyRequest } from 'fastify'
import type { FileCursor, FileOrder } from '../../core/ports/metadata-store.ts'
import { parsePageToken } from '../../http/page-token.ts'
import { invalidArgument } from './fields.ts'

export const DEFAULT_PAGE = 10
/** More counts as this. */
export const MAX_PAGE = 100
export const NEWEST_FIRST: FileOrder = [{ field: 'createdAt', descending: true }]

/** A page as it is asked for. @throws ServiceError `field-invalid` */
export function readPage({ query }: FastifyRequest): { limit: number; after?: FileCursor } {
  const given = query as Readonly<Record<string, unknown>>
  const size = given.pageSize ?? given.page_size ?? String(DEFAULT_PAGE)
  if (typeof size !== 'string' || !/^0*[1-9]\d*$/.test(size))
    throw invalidArgument('pageSize', "Invalid value at 'page_size': must be a whole number from 1 on")
  const after = parseToken(given.pageToken ?? given.page_token ?? '')
  return { limit: Math.min(Number(size), MAX_PAGE), ...(after && { after }) }
}

/** Undefined: from the beginning. @throws ServiceError `field-invalid` */
function parseToken(token: unknown): FileCursor | undefined {
  if (token === '') return undefined
  const place = typeof token === 'string' ? parsePageToken(token) : undefined
  if (place !== undefined) return place
  throw invalidArgument('pageToken', "Invalid value at 'page_token': it is not one of this listing")
}
