import { hash } from 'node:crypto'
import type { Caller } from '../../core/caller.ts'
import { uuidForm } from '../../core/file-id.ts'
import { findCursor } from '../../core/files/find-cursor.ts'
import type { FileCursor } from '../../core/ports/metadata-store.ts'
import type { Services } from '../../core/services.ts'
import { invalid } from '../request-values.ts'
import { orderFields, type Sort } from './list-request.ts'

/** A longer one would make the address of the next page longer than servers and proxies take. */
const MAX_NAME_BYTES = 1000

type Place = Required<FileCursor>

/**
 * `next` of a page that ends with this file: what the list is sorted by, and the id. It is not signed: it names a place in a list
 * that its holder may read anyway.
 * @param boundTo a JSON value, of the only list that takes it
 */
export function printPlace(file: Place, sort: Sort, boundTo: unknown): string {
  const value = file[orderFields[sort]]
  // Of a long name the id tells which it was.
  const isLong = typeof value === 'string' && Buffer.byteLength(value) > MAX_NAME_BYTES
  return Buffer.from(JSON.stringify([digestOf(boundTo), isLong ? null : value, file.id])).toString(
    'base64url',
  )
}

/** Where a page goes on. @throws ServiceError `field-invalid` */
export async function placeOf(
  services: Services,
  caller: Caller,
  after: string,
  sort: Sort,
  boundTo: unknown,
): Promise<FileCursor> {
  const [binding, value, id] = decode(after)
  const isPlace = binding === digestOf(boundTo) && typeof id === 'string' && uuidForm.parse(id) === id
  if (isPlace && sort === 'name' && value === null) {
    const found = await findCursor(services, caller, id)
    if (found !== undefined) return found
  }
  if (!isPlace || !isValueOf(sort, value))
    throw invalid('after', 'must be `next` of a page with the same parameters')
  return { createdAt: 0, name: '', sizeBytes: 0, [orderFields[sort]]: value, id }
}

/** What no store has would be refused by some of them as our own mistake. */
function isValueOf(sort: Sort, value: unknown): boolean {
  if (sort !== 'name') return Number.isSafeInteger(value)
  return typeof value === 'string' && value.isWellFormed() && !value.includes('\0')
}

function decode(token: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'))
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}

function digestOf(boundTo: unknown): string {
  return hash('sha256', JSON.stringify(boundTo), 'base64url').slice(0, 16)
}
