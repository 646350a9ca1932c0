import type { IncomingHttpHeaders } from 'node:http'
import { ServiceError } from '../../core/errors.ts'
import type { FileId, ParseFileId } from '../../core/file-id.ts'
import type { FileCursor } from '../../core/ports/metadata-store.ts'
import { DEFAULT_PAGE, MAX_IDS, MAX_PAGE, parseCursor, placeOf } from './paging.ts'
import { type View, WORKSPACE_PREFIX } from './wire.ts'

export const MIN_LIFETIME_SECONDS = 3600
export const MAX_LIFETIME_SECONDS = 90 * 24 * 3600
/** Characters, not bytes. */
export const MAX_NAME_CHARACTERS = 500

export const WORKSPACE_HEADER = 'anthropic-workspace-id'
const WORKSPACE_ID = new RegExp(`^${WORKSPACE_PREFIX}(\\w{8})(\\w{4})(\\w{4})(\\w{4})(\\w{12})$`)

/** The project that a request names, a workspace in the vendor's words: by its id, also in the vendor's form, or by its slug. */
export function readWorkspace({ [WORKSPACE_HEADER]: header }: IncomingHttpHeaders): string | undefined {
  if (!header) return undefined
  const [, ...groups] = WORKSPACE_ID.exec(String(header)) ?? []
  return groups.length === 0 ? String(header) : groups.join('-')
}

/** What a listing asks for. */
export type RequestedList =
  /** Unknown ids are left out. */
  | { readonly ids: readonly FileId[] }
  | RequestedPage
  /** Nothing can match. */
  | 'nothing'

export interface RequestedPage {
  readonly limit: number
  /** Undefined: from the newest file on. */
  readonly from?: FileCursor
  /** From there towards the newest. */
  readonly isBackwards: boolean
  /** Whether the place was given as the id of a file, in the way of the beta. */
  readonly isById: boolean
}

interface ListContext {
  readonly view: View
  readonly projectId: string
  readonly parseFileId: ParseFileId
}

/** @throws ServiceError `field-invalid` */
export function readListRequest(query: unknown, context: ListContext): RequestedList {
  const { projectId, parseFileId } = context
  const { shape, isStrict } = context.view
  const fields = new Query(query)
  const ids = fields.list('ids')
  const limit = fields.integer('limit', 1, MAX_PAGE)
  const page = fields.text('page')
  const before = fields.text('before_id')
  const after = fields.text('after_id')
  if (shape === 'beta' && isStrict) forbid({ page }, 'with the beta of files')
  if (shape === 'general') forbid({ before_id: before, after_id: after }, 'without the beta of files')
  if (ids !== undefined) {
    forbid({ page, limit, before_id: before, after_id: after }, 'with ids')
    return idsOf(ids, parseFileId)
  }
  if (before !== undefined) forbid({ after_id: after }, 'with before_id')
  // With the beta of files the cursor counts: SDKs of today send what the first page was asked for along with it.
  if (shape === 'managed-agents' && page !== undefined)
    forbid({ before_id: before, after_id: after }, 'with page')
  // It filters by sessions of managed agents, which no file here belongs to.
  if (fields.text('scope_id') !== undefined) return 'nothing'
  const size = limit ?? DEFAULT_PAGE
  if (page !== undefined) {
    const from = parseCursor(page, projectId)
    if (from === undefined) throw invalid('page', 'is not a cursor of this listing')
    return { limit: size, from, isBackwards: false, isById: false }
  }
  const place = before ?? after
  if (place === undefined) return { limit: size, isBackwards: false, isById: false }
  const id = parseFileId(place)
  if (id === undefined) return 'nothing'
  return { limit: size, from: placeOf(id), isBackwards: before !== undefined, isById: true }
}

function idsOf(texts: readonly string[], parseFileId: ParseFileId): RequestedList {
  if (new Set(texts).size > MAX_IDS) throw invalid('ids', `must have at most ${MAX_IDS} different ids`)
  const ids = new Set(texts.map(parseFileId).filter((id) => id !== undefined))
  return ids.size === 0 ? 'nothing' : { ids: [...ids] }
}

/** @throws ServiceError `field-invalid` for a parameter that is there and must not be */
function forbid(parameters: Readonly<Record<string, unknown>>, when: string): void {
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined) throw invalid(name, `must not be given ${when}`)
}

/** How long a file is to live; undefined: for good. @throws ServiceError `field-invalid` */
export function readLifetime(fields: ReadonlyMap<string, string>): number | undefined {
  const name = 'expires_in_seconds'
  return new Query({ [name]: fields.get(name) }).integer(name, MIN_LIFETIME_SECONDS, MAX_LIFETIME_SECONDS)
}

/** @throws ServiceError `field-invalid` */
export function checkFilename(name: string): void {
  if ([...name].length <= MAX_NAME_CHARACTERS) return
  throw invalid('filename', `must have at most ${MAX_NAME_CHARACTERS} characters`)
}

function invalid(field: string, problem: string): ServiceError {
  return new ServiceError('field-invalid', `${field}: ${problem}`, { field })
}

/** The parameters of a query. An empty one counts as absent: SDKs send null so. */
class Query {
  readonly #values: Readonly<Record<string, unknown>>

  constructor(values: unknown) {
    this.#values = values as Readonly<Record<string, unknown>>
  }

  text(name: string): string | undefined {
    const value = this.#values[name]
    if (value === undefined || value === '') return undefined
    if (typeof value === 'string') return value
    throw invalid(name, 'must be given once')
  }

  integer(name: string, minimum: number, maximum: number): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (value >= minimum && value <= maximum) return value
    throw invalid(name, `must be between ${minimum} and ${maximum}`)
  }

  /** The values of `name`, `name[]` and `name[0]`. What only looks like one of them would otherwise mean no filter at all. */
  list(name: string): readonly string[] | undefined {
    const keys = Object.keys(this.#values).filter((key) => key.split(/[[.]/, 1)[0] === name)
    const wrong = keys.find((key) => !/^(\[\d*\])?$/.test(key.slice(name.length)))
    if (wrong !== undefined) throw invalid(wrong, `a list is written as ${name}[]`)
    const values = keys.flatMap((key) => this.#values[key] as string | string[]).filter((text) => text !== '')
    return values.length === 0 ? undefined : values
  }
}
