import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../../core/errors.ts'
import type { FileId } from '../../core/file-id.ts'
import type { FileFilter, FilePage } from '../../core/ports/metadata-store.ts'
import { Fields } from './fields.ts'
import { DEFAULT_PAGE, MAX_PAGE, parseOrder, parseToken } from './paging.ts'
import { type Location, Problems } from './problems.ts'

export const DEFAULT_URL_SECONDS = 3600
/** The ceiling of S3's signatures; more is lowered to it. */
export const MAX_URL_SECONDS = 604_800

type Values = Readonly<Record<string, unknown>>

/** Which project a request means, by UUID or slug; either may be absent. */
export interface RequestedScope {
  readonly project: string | undefined
  readonly organization: string | undefined
}

export interface RequestedPage extends FilePage {
  readonly scope: RequestedScope
  readonly filter: Pick<FileFilter, 'ids' | 'name' | 'externalId'>
  /** What the token of the next page is bound to. */
  readonly boundTo: unknown
  readonly withUrls: boolean
  /** The filter names a data source: there are none, so nothing matches. */
  readonly matchesNothing: boolean
  readonly filterProject: string | undefined
}

/** @throws InvalidRequest */
export function readScope(query: unknown): RequestedScope {
  return read(query, ['query'], scopeOf)
}

/** @throws InvalidRequest */
export function readFileRequest({ params, query }: FastifyRequest): {
  readonly id: FileId
  readonly scope: RequestedScope
  readonly withUrl: boolean
} {
  const problems = new Problems()
  const id = pathId(params as Values, problems)
  const fields = new Fields(query as Values, ['query'], problems)
  const found = { scope: scopeOf(fields), withUrl: wantsUrl(fields) }
  problems.settle()
  return { id: id as FileId, ...found }
}

/** @throws InvalidRequest */
export function readContentRequest(request: FastifyRequest): ReturnType<typeof readFileRequest> & {
  readonly urlSeconds: number
} {
  const problems = new Problems()
  const id = pathId(request.params as Values, problems)
  const fields = new Fields(request.query as Values, ['query'], problems)
  const found = { scope: scopeOf(fields), withUrl: true, urlSeconds: readUrlSeconds(fields) }
  problems.settle()
  return { id: id as FileId, ...found }
}

/** How long a URL is to live. */
export function readUrlSeconds(fields: Fields): number {
  const seconds = fields.integerIn('expires_at_seconds', 1) ?? DEFAULT_URL_SECONDS
  return Math.min(seconds, MAX_URL_SECONDS)
}

/** @throws InvalidRequest */
export function readListRequest(query: unknown): RequestedPage {
  const problems = new Problems()
  const fields = new Fields(query as Values, ['query'], problems)
  const limit = fields.integerIn('page_size', 1, MAX_PAGE) ?? DEFAULT_PAGE
  const page = pageOf(fields, fields, ['query'], limit, problems)
  const found = { ...page, scope: scopeOf(fields), withUrls: wantsUrl(fields) }
  problems.settle()
  return found
}

/** The older form of list: a JSON body, and page sizes that are bent instead of refused. @throws InvalidRequest */
export function readQueryRequest(query: unknown, body: unknown): RequestedPage {
  const problems = new Problems()
  const scope = scopeOf(new Fields(query as Values, ['query'], problems))
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body)
  if (!isObject) {
    const msg = 'Input should be a valid dictionary or object to extract fields from'
    problems.add({ type: 'model_attributes_type', loc: ['body'], msg, input: body })
  }
  const fields = new Fields(isObject ? (body as Values) : {}, ['body'], problems)
  const filter = fields.object('filter')
  const size = fields.integerIn('page_size', 0) || DEFAULT_PAGE
  filter.boolean('only_manually_uploaded')
  const page = pageOf(filter, fields, ['body'], Math.min(size, MAX_PAGE), problems)
  const matchesNothing = filter.text('data_source_id') !== undefined
  const filterProject = filter.text('project_id')
  problems.settle()
  return { ...page, scope, withUrls: false, matchesNothing, filterProject }
}

/** The id in the path. With an empty one, as in `/files/`, the address is none of ours. @throws ServiceError `route-unknown` */
function pathId(params: Values, problems: Problems): FileId | undefined {
  if (params.file_id === '') throw new ServiceError('route-unknown', 'Not Found')
  return new Fields(params, ['path'], problems).fileId('file_id')
}

function read<T>(values: unknown, place: Location, take: (fields: Fields) => T): T {
  const problems = new Problems()
  const found = take(new Fields(values as Values, place, problems))
  problems.settle()
  return found
}

export function scopeOf(fields: Fields): RequestedScope {
  return { project: fields.text('project_id'), organization: fields.text('organization_id') }
}

function wantsUrl(fields: Fields): boolean {
  return fields.texts('expand').includes('download_url')
}

function pageOf(filters: Fields, paging: Fields, place: Location, limit: number, problems: Problems) {
  const ids = filters.fileIds('file_ids', MAX_PAGE)
  const name = filters.text('file_name')
  const externalId = filters.text('external_file_id')
  const filter = {
    ...(ids === undefined ? {} : { ids }),
    ...(name === undefined ? {} : { name }),
    ...(externalId === undefined ? {} : { externalId }),
  }
  const order = parseOrder(paging.text('order_by'), [...place, 'order_by'], problems)
  const boundTo = [order, filter]
  const after = parseToken(paging.text('page_token'), boundTo, [...place, 'page_token'], problems)
  return {
    filter,
    order,
    limit,
    boundTo,
    matchesNothing: false,
    filterProject: undefined,
    ...(after === undefined ? {} : { after }),
  }
}
