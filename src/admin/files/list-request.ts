import type { ParseFileId } from '../../core/file-id.ts'
import type { PageProjects } from '../../core/files/page-files.ts'
import type { FileOrderField } from '../../core/ports/metadata-store.ts'
import { limitIn } from '../page-limit.ts'
import { invalid, oneOf, parameter, requireKnown, timeIn, type Values } from '../request-values.ts'
import { requireName } from './requests.ts'

export const MAX_PAGE = 1000
/** In place of a project: all that the key may use. */
export const ALL_PROJECTS = '*'
/** A type, or all of a kind. RFC 6838, 4.2, has the characters. */
export const TYPE_PATTERN = '^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/([A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*|\\*)$'
const MAX_TEXT_CHARACTERS = 255

/** By what files are sorted. */
export const sorts = ['created', 'name', 'size'] as const
export type Sort = (typeof sorts)[number]
export const orderFields = {
  created: 'createdAt',
  name: 'name',
  size: 'sizeBytes',
} as const satisfies Record<Sort, FileOrderField>

const FILTERS = [
  ...(['id', 'name', 'type', 'dialect', 'expires', 'expiresBefore'] as const),
  ...(['minSize', 'maxSize', 'createdAfter', 'createdBefore'] as const),
]
const PARAMETERS: readonly string[] = ['project', 'state', ...FILTERS, 'sort', 'order', 'limit', 'after']

export interface RequestedPage {
  readonly project: string | undefined
  readonly state: 'stored' | 'pending'
  readonly filter: Filter
  readonly sort: Sort
  readonly order: 'asc' | 'desc'
  readonly limit: number
  readonly after: string | undefined
  /** The same for the pages of one list. */
  readonly told: readonly unknown[]
}

type Filter = PageProjects['filter']

/**
 * An empty parameter counts as absent.
 * @param keyQuery the parameter that may carry the key
 * @throws ServiceError `field-unknown`, `field-invalid`
 */
export function readListRequest(
  query: unknown,
  keyQuery: string | undefined,
  parseFileId: ParseFileId,
): RequestedPage {
  const values = query as Values
  requireKnown(values, PARAMETERS, keyQuery)
  const sort = oneOf(values, 'sort', sorts)
  const project = parameter(values, 'project')
  const state = oneOf(values, 'state', ['stored', 'pending'])
  const order = oneOf(values, 'order', sort === 'name' ? ['asc', 'desc'] : ['desc', 'asc'])
  return {
    project,
    state,
    filter: filterIn(values, parseFileId),
    sort,
    order,
    limit: limitIn(values, MAX_PAGE),
    after: parameter(values, 'after'),
    told: [state, sort, order, ...FILTERS.map((field) => parameter(values, field) ?? null)],
  }
}

function filterIn(values: Values, parseFileId: ParseFileId): Filter {
  const name = parameter(values, 'name')
  const id = parameter(values, 'id')
  const type = parameter(values, 'type')
  const origin = shortText(values, 'dialect')
  const ends = endsIn(values)
  const [minSizeBytes, maxSizeBytes] = [sizeIn(values, 'minSize'), sizeIn(values, 'maxSize')]
  const [createdFrom, createdBefore] = [timeIn(values, 'createdAfter'), timeIn(values, 'createdBefore')]
  if (name !== undefined) requireName('name', name)
  if (type !== undefined && (type.length > MAX_TEXT_CHARACTERS || !new RegExp(TYPE_PATTERN).test(type)))
    throw invalid('type', 'must be a type like text/csv, or image/*')
  return {
    // Any other text is the id of no file.
    ...(id === undefined ? {} : { ids: [parseFileId(id)].filter((known) => known !== undefined) }),
    ...(name === undefined ? {} : { nameContains: name }),
    ...(type === undefined ? {} : { mimeTypes: [type] }),
    ...(origin === undefined ? {} : { origin }),
    ...(ends === undefined ? {} : { ends }),
    ...(minSizeBytes === undefined ? {} : { minSizeBytes }),
    ...(maxSizeBytes === undefined ? {} : { maxSizeBytes }),
    ...(createdFrom === undefined ? {} : { createdFrom }),
    ...(createdBefore === undefined ? {} : { createdBefore }),
  }
}

function shortText(values: Values, field: string): string | undefined {
  const text = parameter(values, field)
  if (text === undefined || text.length <= MAX_TEXT_CHARACTERS) return text
  throw invalid(field, `has more than ${MAX_TEXT_CHARACTERS} characters`)
}

function endsIn(values: Values): Filter['ends'] {
  const before = timeIn(values, 'expiresBefore')
  const expires = parameter(values, 'expires') ?? (before === undefined ? undefined : 'before')
  if (expires === undefined) return undefined
  if (expires !== 'never' && expires !== 'before') throw invalid('expires', 'must be never or before')
  if (expires === 'never' && before !== undefined)
    throw invalid('expiresBefore', 'does not go with expires=never')
  if (expires === 'before' && before === undefined)
    throw invalid('expiresBefore', 'is missing; it says before when')
  return before ?? 'never'
}

function sizeIn(values: Values, field: string): number | undefined {
  const text = parameter(values, field)
  if (text === undefined) return undefined
  const bytes = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(bytes)) return bytes
  throw invalid(field, 'must be a whole number of bytes')
}
