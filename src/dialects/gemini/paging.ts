import type { FastifyRequest } from 'fastify'
import type { FileRecord } from '../../core/files/file.ts'
import type { FileCursor, FileOrder } from '../../core/ports/metadata-store.ts'
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

/** Where a page ended. Not signed: it can only name a place in a listing that its holder may read anyway. */
export function printToken({ createdAt, name, id }: FileRecord): string {
  return Buffer.from(JSON.stringify([createdAt, name, id])).toString('base64url')
}

/** Undefined: from the beginning. @throws ServiceError `field-invalid` */
function parseToken(token: unknown): FileCursor | undefined {
  if (token === '') return undefined
  const [createdAt, name, id] = typeof token === 'string' ? decoded(token) : []
  if (Number.isSafeInteger(createdAt) && typeof name === 'string' && typeof id === 'string')
    return { createdAt: createdAt as number, name, id }
  throw invalidArgument('pageToken', "Invalid value at 'page_token': it is not one of this listing")
}

function decoded(token: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'))
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}
