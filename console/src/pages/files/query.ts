import { place, setQuery } from '../../router.ts'
import { project } from '../../session.ts'

export const SORTS = ['created', 'name', 'size'] as const
export type Sort = (typeof SORTS)[number]

/** What is looked for, as the address has it; an empty text stands for any. */
export interface FilesQuery {
  readonly name: string
  readonly type: string
  readonly dialect: string
  readonly state: string
  /** `never`, or a number of days. */
  readonly ends: string
  readonly minSize: string
  readonly maxSize: string
  readonly sort: Sort
  readonly order: 'asc' | 'desc'
}

const FILTERS = ['type', 'dialect', 'state', 'ends', 'minSize', 'maxSize'] as const
const DAY_MS = 86_400_000
/** What may be an id of some API: such a text is looked up as one, besides as a part of a name. */
const MAYBE_ID = /^[\w/-]{12,128}$/

export function filesQuery(): FilesQuery {
  const { query } = place.value
  const text = (name: string) => query.get(name) ?? ''
  return {
    name: text('name'),
    type: text('type'),
    dialect: text('dialect'),
    state: text('state'),
    ends: text('ends'),
    minSize: text('minSize'),
    maxSize: text('maxSize'),
    sort: SORTS.find((each) => each === query.get('sort')) ?? 'created',
    order: query.get('order') === 'asc' ? 'asc' : 'desc',
  }
}

/** Whether anything but the name narrows the list. */
export function isFiltered(query: FilesQuery): boolean {
  return FILTERS.some((name) => query[name] !== '')
}

export function clearFilters(): void {
  setQuery(Object.fromEntries([...FILTERS, 'name'].map((name) => [name, null])))
}

/** Of `GET /admin/v1/files`. */
export function toApiQuery({ name, ends, ...rest }: FilesQuery): Record<string, string> {
  const days = Number(ends)
  return {
    ...rest,
    project: project.value,
    name,
    ...(ends === 'never' ? { expires: 'never' } : {}),
    ...(days > 0
      ? { expires: 'before', expiresBefore: new Date(Date.now() + days * DAY_MS).toISOString() }
      : {}),
  }
}

/** The text, where it may be a file's id. */
export function idIn({ name }: FilesQuery): string | undefined {
  const text = name.trim()
  return MAYBE_ID.test(text) ? text : undefined
}
