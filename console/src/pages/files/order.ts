import type { FileBody } from '../../api/bodies.ts'
import type { FilesQuery, Sort } from './query.ts'

type FileOrder = (one: FileBody, other: FileBody) => number

/** The order in which the server lists. */
export function orderOf({ sort, order }: Pick<FilesQuery, 'sort' | 'order'>): FileOrder {
  const bySort = SORT_ORDERS[sort]
  const direction = order === 'asc' ? 1 : -1
  return (one, other) => direction * (bySort(one, other) || byCodePoint(one.id, other.id))
}

const SORT_ORDERS: Readonly<Record<Sort, FileOrder>> = {
  created: (one, other) => byCodePoint(one.createdAt, other.createdAt),
  name: (one, other) => byCodePoint(one.name, other.name),
  size: (one, other) => one.sizeBytes - other.sizeBytes,
}

/** As the server compares texts. By the operators of JavaScript an emoji would come before some letters. */
function byCodePoint(one: string, other: string): number {
  for (let at = 0; ; at++) {
    const difference = (one.codePointAt(at) ?? -1) - (other.codePointAt(at) ?? -1)
    if (difference !== 0 || at >= one.length) return difference
  }
}
